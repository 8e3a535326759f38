//! `#[app]`, `#[app(websocket)]` and `#[app(session)]`.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::spanned::Spanned;
use syn::{Error, ItemFn, Result};

use crate::words::{Sessions, State};

pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let sessions = Sessions::parse(attribute, unknown_word)?;
    let function: ItemFn = syn::parse2(item).map_err(|e| misplaced(e.span()))?;
    let signature = &function.sig;
    let plain = signature.asyncness.is_none() && signature.generics.params.is_empty();
    if !plain || !signature.inputs.is_empty() {
        return Err(misplaced(signature.span()));
    }
    let export = format_ident!(
        "{}",
        match &sessions {
            Sessions::None => "__export_app",
            Sessions::Async(_) => "__export_app_websocket",
            Sessions::Blocking => "__export_app_session",
        }
    );
    let name = &signature.ident;
    let state = sessions.state();
    let check_state = state.map(|state| state.check(None));
    let export_state = state.map(State::export);
    Ok(quote! {
        #function
        #check_state
        const _: fn() -> ::lithe_sdk::App = #name;
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            ::lithe_sdk::#export!(#name);
            #export_state
        };
    })
}

fn unknown_word(span: Span) -> Error {
    Error::new(
        span,
        "write `app` for plain HTTP, `app(websocket)` for async sessions and hooks, or \
         `app(session)` for blocking sessions; `app(websocket, state = NAME)` where a \
         `thread_local!` has state for the next version",
    )
}

fn misplaced(span: Span) -> Error {
    Error::new(span, "`app` belongs on a function that makes one: `fn app() -> App`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_chooses_the_export() {
        let item = quote!(
            fn app() -> App {
                todo!()
            }
        );
        for (attribute, export) in [
            (quote!(), "__export_app !"),
            (quote!(websocket), "__export_app_websocket !"),
            (quote!(session), "__export_app_session !"),
            (quote!(websocket, state = ROOM), "__export_state ! (ROOM)"),
        ] {
            let expanded = expand(attribute, item.clone()).unwrap().to_string();
            assert!(expanded.contains(export), "{expanded}");
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
