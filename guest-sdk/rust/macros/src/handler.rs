//! `#[handler]`, `#[handler(websocket)]` and `#[handler(session)]`.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, ItemFn, Result, ReturnType};

use crate::component::Component;
use crate::words::Sessions;

pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let sessions = Sessions::parse(attribute, unknown_word)?;
    let function: ItemFn = syn::parse2(item).map_err(|e| {
        Error::new(e.span(), "`handler` belongs on a function: `fn name(event: Event) -> …`")
    })?;
    check(&function)?;

    let name = &function.sig.ident;
    let returns = match &sessions {
        Sessions::None => format_ident!("plain_handler_returns"),
        Sessions::Async(_) | Sessions::Blocking => format_ident!("upgrading_handler_returns"),
    };
    let check_type = match &function.sig.output {
        ReturnType::Default => quote!(::lithe_sdk::export::#returns::<()>()),
        ReturnType::Type(_, ty) => {
            quote_spanned!(ty.span()=> ::lithe_sdk::export::#returns::<#ty>())
        }
    };
    let check_state = sessions.state().map(|state| state.check(None));
    let mut component = Component::default();
    component.handles(&sessions.kind(), &quote!(#name));
    component.runs(&sessions, &quote!(::lithe_sdk::export::SESSIONS));
    let component = component.emit();
    Ok(quote! {
        #function
        #check_state
        const _: () = {
            #check_type;
            let _: fn(::lithe_sdk::Event) -> _ = #name;
        };
        #component
    })
}

fn unknown_word(span: Span) -> Error {
    Error::new(
        span,
        "write `handler` for plain HTTP, `handler(websocket)` for async sessions, or \
         `handler(session)` for blocking ones; `handler(websocket, state = NAME)` if a \
         `thread_local!` has state for the next version",
    )
}

fn check(function: &ItemFn) -> Result<()> {
    let signature = &function.sig;
    if let Some(word) = &signature.asyncness {
        return Err(Error::new(
            word.span(),
            "a handler is not async: it answers or accepts at once; wait in the \
             session, `event.ws().upgrade(async |socket| …)`",
        ));
    }
    if !signature.generics.params.is_empty() {
        return Err(Error::new(signature.generics.span(), "a handler has no generic parameters"));
    }
    if signature.inputs.len() != 1 || signature.receiver().is_some() {
        return Err(Error::new(
            signature.ident.span(),
            "a handler takes one `Event`: `fn name(event: Event) -> …`",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::exports;

    fn error(attribute: TokenStream, item: TokenStream) -> String {
        expand(attribute, item).unwrap_err().to_string()
    }

    #[test]
    fn an_async_handler_is_told_where_waiting_belongs() {
        let message = error(
            quote!(),
            quote!(
                async fn f(event: Event) -> Response {
                    todo!()
                }
            ),
        );
        assert!(message.contains("a handler is not async"), "{message}");
    }

    #[test]
    fn an_unknown_word_is_told_the_known_ones() {
        for attribute in [quote!(socket), quote!("websocket"), quote!(websocket, session)] {
            let message = error(
                attribute,
                quote!(
                    fn f(event: Event) -> Response {
                        todo!()
                    }
                ),
            );
            assert!(message.contains("`handler(websocket)`"), "{message}");
        }
    }

    #[test]
    fn a_handler_takes_one_event_and_nothing_generic() {
        assert!(
            error(
                quote!(),
                quote!(
                    fn f() {}
                )
            )
            .contains("takes one `Event`")
        );
        assert!(
            error(
                quote!(),
                quote!(
                    fn f(&self) {}
                )
            )
            .contains("takes one `Event`")
        );
        assert!(
            error(
                quote!(),
                quote!(
                    fn f<T>(event: T) {}
                )
            )
            .contains("no generic parameters")
        );
        assert!(
            error(
                quote!(),
                quote!(
                    struct S;
                )
            )
            .contains("belongs on a function")
        );
    }

    #[test]
    fn the_words_choose_the_exports() {
        let item = quote!(
            fn f(event: Event) -> Response {
                todo!()
            }
        );
        for (attribute, expected) in [
            (quote!(), "handler"),
            (quote!(websocket), "handler hooks batch resume"),
            (quote!(session), "handler session"),
            (quote!(websocket, state = ROOM), "handler hooks batch resume state"),
        ] {
            let expanded = expand(attribute, item.clone()).unwrap();
            assert_eq!(exports(&expanded).join(" "), expected);
        }
    }
}
