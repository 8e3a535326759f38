//! `#[health]`.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, ItemFn, Result};

use crate::component::Component;

pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    if !attribute.is_empty() {
        return Err(Error::new(attribute.span(), "`health` takes no words"));
    }
    let function: ItemFn = syn::parse2(item).map_err(|e| misplaced(e.span()))?;
    let signature = &function.sig;
    if let Some(word) = &signature.asyncness {
        return Err(Error::new(word.span(), "a health check is not async: it answers at once"));
    }
    if !signature.inputs.is_empty() || !signature.generics.params.is_empty() {
        return Err(misplaced(signature.span()));
    }
    let name = &signature.ident;
    let check_type = quote_spanned!(signature.output.span()=>
        const _: fn() -> ::lithe_sdk::Result<()> = #name;
    );
    let mut component = Component::default();
    component.is_checked(name);
    let component = component.emit();
    Ok(quote! {
        #function
        #check_type
        #component
    })
}

fn misplaced(span: Span) -> Error {
    Error::new(span, "`health` belongs on a function of nothing: `fn health() -> Result<()>`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::exports;

    fn error(item: TokenStream) -> String {
        expand(quote!(), item).unwrap_err().to_string()
    }

    #[test]
    fn a_health_check_is_a_function_of_nothing() {
        for item in [
            quote!(
                fn health(event: Event) -> Result<()> {}
            ),
            quote!(
                fn health<T>() -> Result<()> {}
            ),
            quote!(
                fn health(&self) -> Result<()> {}
            ),
            quote!(
                struct Health;
            ),
        ] {
            let message = error(item);
            assert!(message.contains("`fn health() -> Result<()>`"), "{message}");
        }
    }

    #[test]
    fn a_health_check_is_not_async_and_takes_no_words() {
        let item = quote!(
            async fn health() -> Result<()> {}
        );
        assert!(error(item).contains("is not async"));
        assert!(expand(quote!(path), quote!()).is_err());
    }

    #[test]
    fn it_is_exported() {
        let item = quote!(
            fn health() -> Result<()> {}
        );
        assert_eq!(exports(&expand(quote!(), item).unwrap()), ["health"]);
    }
}
