//! `#[hooks]`.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, ImplItem, ItemImpl, Result};

use crate::component::Component;
use crate::words::State;

pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let state = State::of_hooks(attribute, unknown_word)?;
    let hooks: ItemImpl = syn::parse2(item).map_err(|e| misplaced(e.span()))?;
    if hooks.trait_.is_none() {
        return Err(misplaced(hooks.self_ty.span()));
    }
    if !hooks.generics.params.is_empty() {
        return Err(Error::new(hooks.generics.span(), "hooks have no generic parameters"));
    }
    let ty = &hooks.self_ty;
    let check_type = quote_spanned!(ty.span()=> ::lithe_sdk::export::hooks_are::<#ty>());
    let check_state = state.as_ref().map(|state| state.check(Some(ty)));
    let local = quote!(__HOOKS);
    let mut component = Component::default();
    component.has(quote! {
        ::std::thread_local! {
            static __HOOKS: #ty = <#ty as ::core::default::Default>::default();
        }
    });
    component.serves(&format_ident!("Hooks"), &local);
    component.hears(&local);
    if has_resume(&hooks) {
        component.resumes();
    }
    if let Some(state) = &state {
        component.moves(state, &local);
    }
    let component = component.emit();
    Ok(quote! {
        #hooks
        const _: () = #check_type;
        #check_state
        #component
    })
}

/// The host calls the export for every socket. So only a hook of the author's is exported.
fn has_resume(hooks: &ItemImpl) -> bool {
    hooks.items.iter().any(|item| matches!(item, ImplItem::Fn(hook) if hook.sig.ident == "resume"))
}

fn misplaced(span: Span) -> Error {
    Error::new(span, "`hooks` belongs on an `impl Hooks for …`")
}

fn unknown_word(span: Span) -> Error {
    Error::new(
        span,
        "write `hooks`; `hooks(state)` if the hooks have state for the next version; or \
         `hooks(state = NAME)` if a `thread_local!` has it",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::exports;

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
    fn an_unknown_word_is_told_the_known_ones() {
        for attribute in [quote!(pinned), quote!(state, state), quote!(state = 1), quote!("state")]
        {
            let message =
                expand(attribute, quote!(impl Hooks for Ping {})).unwrap_err().to_string();
            assert!(message.contains("`hooks(state)`"), "{message}");
        }
    }

    fn expanded(attribute: TokenStream, hook: TokenStream) -> TokenStream {
        expand(attribute, quote!(impl Hooks for Ping { #hook })).unwrap()
    }

    #[test]
    fn state_is_exported_where_the_word_says_so() {
        assert_eq!(exports(&expanded(quote!(), quote!())), ["handler", "hooks", "batch"]);
        for (attribute, local) in
            [(quote!(state), "__HOOKS"), (quote!(state = rooms::ROOM), "rooms :: ROOM")]
        {
            let expanded = expanded(attribute, quote!());
            assert_eq!(exports(&expanded), ["handler", "hooks", "batch", "state"]);
            let text = expanded.to_string();
            assert!(text.contains(&format!("State + 'static > {{ & {local} }}")), "{text}");
        }
    }

    #[test]
    fn resume_is_exported_where_there_is_one() {
        let other = quote!(
            fn open(&self, peer: &Peer) -> Result<()> {}
        );
        assert_eq!(exports(&expanded(quote!(), other)), ["handler", "hooks", "batch"]);
        let resume = quote!(
            fn resume(&self, peer: &Peer) -> Result<()> {}
        );
        let exports = exports(&expanded(quote!(), resume));
        assert_eq!(exports, ["handler", "hooks", "batch", "resume"]);
    }
}
