//! `#[hooks]`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, ItemImpl, Result};

pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    if !attribute.is_empty() {
        return Err(Error::new(attribute.span(), "`hooks` takes no words"));
    }
    let hooks: ItemImpl = syn::parse2(item).map_err(|e| misplaced(e.span()))?;
    if hooks.trait_.is_none() {
        return Err(misplaced(hooks.self_ty.span()));
    }
    if !hooks.generics.params.is_empty() {
        return Err(Error::new(hooks.generics.span(), "hooks have no generic parameters"));
    }
    let ty = &hooks.self_ty;
    let check_type = quote_spanned!(ty.span()=> ::lithe_sdk::export::hooks_are::<#ty>());
    Ok(quote! {
        #hooks
        const _: () = #check_type;
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            ::lithe_sdk::__export_hooks!(#ty);
        };
    })
}

fn misplaced(span: proc_macro2::Span) -> Error {
    Error::new(span, "`hooks` belongs on an `impl Hooks for …`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hooks_belong_on_an_impl_of_the_trait() {
        for item in [
            quote!(impl Ping {}),
            quote!(
                fn ping() {}
            ),
        ] {
            let message = expand(quote!(), item).unwrap_err().to_string();
            assert!(message.contains("`impl Hooks for …`"), "{message}");
        }
    }

    #[test]
    fn hooks_take_no_words() {
        assert!(expand(quote!(pinned), quote!(impl Hooks for Ping {})).is_err());
    }
}
