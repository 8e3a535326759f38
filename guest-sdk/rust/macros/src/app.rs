//! `#[app]`, `#[app(websocket)]` and `#[app(session)]`.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::spanned::Spanned;
use syn::{Error, ItemFn, Result};

use crate::component::Component;
use crate::words::Sessions;

pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let sessions = Sessions::parse(attribute, unknown_word)?;
    let function: ItemFn = syn::parse2(item).map_err(|e| misplaced(e.span()))?;
    let signature = &function.sig;
    let plain = signature.asyncness.is_none() && signature.generics.params.is_empty();
    if !plain || !signature.inputs.is_empty() {
        return Err(misplaced(signature.span()));
    }
    let name = &signature.ident;
    let check_state = sessions.state().map(|state| state.check(None));
    let (kind, local) = (sessions.kind(), quote!(__APP));
    let mut component = Component::default();
    component.has(quote! {
        ::std::thread_local! {
            static __APP: ::lithe_sdk::App =
                ::lithe_sdk::export::checked_app(#name(), ::lithe_sdk::export::Kind::#kind);
        }
    });
    component.serves(&kind, &local);
    component.routes(&local);
    component.runs(&sessions, &local);
    let component = component.emit();
    Ok(quote! {
        #function
        #check_state
        const _: fn() -> ::lithe_sdk::App = #name;
        #component
    })
}

fn unknown_word(span: Span) -> Error {
    Error::new(
        span,
        "write `app` for plain HTTP, `app(websocket)` for async sessions and hooks, or \
         `app(session)` for blocking sessions; `app(websocket, state = NAME)` if a \
         `thread_local!` has state for the next version",
    )
}

fn misplaced(span: Span) -> Error {
    Error::new(span, "`app` belongs on a function that makes one: `fn app() -> App`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::exports;

    #[test]
    fn the_words_choose_the_exports() {
        let item = quote!(
            fn app() -> App {
                todo!()
            }
        );
        for (attribute, expected) in [
            (quote!(), "handler routes"),
            (quote!(websocket), "handler routes hooks batch resume"),
            (quote!(session), "handler routes session"),
            (quote!(websocket, state = ROOM), "handler routes hooks batch resume state"),
        ] {
            let expanded = expand(attribute, item.clone()).unwrap();
            assert_eq!(exports(&expanded).join(" "), expected);
        }
        let error = expand(quote!(hooks), item).unwrap_err().to_string();
        assert!(error.contains("`app(websocket)`"), "{error}");
    }

    #[test]
    fn an_app_is_made_of_nothing() {
        for item in [
            quote!(
                fn app(event: Event) -> App {}
            ),
            quote!(
                async fn app() -> App {}
            ),
            quote!(
                struct App;
            ),
        ] {
            let error = expand(quote!(), item).unwrap_err().to_string();
            assert!(error.contains("`fn app() -> App`"), "{error}");
        }
    }
}
