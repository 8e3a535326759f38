//! What an attribute makes beside its item: a type that is the component, and its exports.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::Ident;

use crate::words::{Sessions, State};

/// A component that an attribute puts together. Its type has the traits of `lithe_sdk::export`, and
/// each trait allows some exports.
///
/// Functions with arguments have the span `mixed_site`: otherwise an argument would hide the
/// author's function if both had the same name.
#[derive(Default)]
pub(crate) struct Component {
    items: TokenStream,
    exports: Vec<&'static str>,
}

impl Component {
    /// Answers requests: `answer` is called with each event.
    pub(crate) fn handles(&mut self, kind: &Ident, answer: &TokenStream) {
        self.items.extend(quote_spanned! { Span::mixed_site()=>
            impl ::lithe_sdk::export::Handles for __Component {
                const KIND: ::lithe_sdk::export::Kind = ::lithe_sdk::export::Kind::#kind;

                fn handle(
                    event: ::lithe_sdk::Event,
                ) -> ::core::result::Result<::lithe_sdk::Outcome, ::lithe_sdk::HttpError> {
                    ::lithe_sdk::export::respond(event, #answer)
                }
            }
        });
        self.exports.push("handler");
    }

    /// Answers requests by the value of a thread-local.
    pub(crate) fn serves(&mut self, kind: &Ident, local: &TokenStream) {
        let answer = quote! {
            |event| #local.with(|serves| ::lithe_sdk::export::Serve::serve(serves, event))
        };
        self.handles(kind, &answer);
    }

    /// Hears of sockets by the value of a thread-local.
    pub(crate) fn hears(&mut self, local: &TokenStream) {
        self.items.extend(quote! {
            impl ::lithe_sdk::export::Hears for __Component {
                fn hears() -> &'static ::std::thread::LocalKey<
                    impl ::lithe_sdk::export::Hear + 'static,
                > {
                    &#local
                }
            }
        });
        self.exports.extend(["hooks", "batch"]);
    }

    /// Hears also of sockets that it takes over.
    pub(crate) fn resumes(&mut self) {
        self.exports.push("resume");
    }

    /// Runs the sessions that the words of an attribute say. Async ones hear by the value of a
    /// thread-local.
    pub(crate) fn runs(&mut self, sessions: &Sessions, local: &TokenStream) {
        match sessions {
            Sessions::None => {}
            Sessions::Async(state) => {
                self.hears(local);
                self.resumes();
                if let Some(state) = state {
                    self.moves(state, local);
                }
            }
            Sessions::Blocking => self.exports.push("session"),
        }
    }

    /// Moves its state to another version. `own` is the thread-local of the hooks.
    pub(crate) fn moves(&mut self, state: &State, own: &TokenStream) {
        let local = match state {
            State::Hooks => own.clone(),
            State::Named(path) => quote!(#path),
        };
        self.items.extend(quote! {
            impl ::lithe_sdk::export::HasState for __Component {
                fn state() -> &'static ::std::thread::LocalKey<impl ::lithe_sdk::State + 'static> {
                    &#local
                }
            }
        });
        self.exports.push("state");
    }

    /// Names the routes of the app in a thread-local.
    pub(crate) fn routes(&mut self, local: &TokenStream) {
        self.items.extend(quote! {
            impl ::lithe_sdk::export::HasApp for __Component {
                fn app() -> &'static ::std::thread::LocalKey<::lithe_sdk::App> {
                    &#local
                }
            }
        });
        self.exports.push("routes");
    }

    /// Runs a function around handlers.
    pub(crate) fn wraps(&mut self, middleware: &Ident) {
        self.items.extend(quote_spanned! { Span::mixed_site()=>
            impl ::lithe_sdk::export::Wraps for __Component {
                fn wrap(
                    event: ::lithe_sdk::Event,
                    next: ::lithe_sdk::Next<'_>,
                ) -> ::core::result::Result<::lithe_sdk::Outcome, ::lithe_sdk::HttpError> {
                    ::lithe_sdk::export::wrap(event, next, #middleware)
                }
            }
        });
        self.exports.push("middleware");
    }

    /// Answers for errors by a function.
    pub(crate) fn recovers(&mut self, handler: &Ident) {
        self.items.extend(quote_spanned! { Span::mixed_site()=>
            impl ::lithe_sdk::export::Recovers for __Component {
                fn recover(
                    event: &::lithe_sdk::Event,
                    error: ::lithe_sdk::HttpError,
                ) -> ::core::result::Result<::lithe_sdk::Response, ::lithe_sdk::HttpError> {
                    ::lithe_sdk::export::recover(event, error, #handler)
                }
            }
        });
        self.exports.push("error_handler");
    }

    /// Checks its health by a function.
    pub(crate) fn is_checked(&mut self, check: &Ident) {
        self.items.extend(quote! {
            impl ::lithe_sdk::export::HasHealth for __Component {
                fn check() -> ::lithe_sdk::Result<()> {
                    #check()
                }
            }
        });
        self.exports.push("health");
    }

    /// Adds items that others need.
    pub(crate) fn has(&mut self, items: TokenStream) {
        self.items.extend(items);
    }

    /// The component, on wasm only.
    pub(crate) fn emit(self) -> TokenStream {
        let Self { items, exports } = self;
        let exports = exports.iter().map(|export| format_ident!("{export}"));
        quote! {
            #[cfg(target_arch = "wasm32")]
            const _: () = {
                struct __Component;
                #items
                #(
                    ::lithe_sdk::export::#exports::export!(
                        __Component with_types_in ::lithe_sdk::export::#exports
                    );
                )*
            };
        }
    }
}

/// The interfaces that an expanded attribute exports, in order.
#[cfg(test)]
pub(crate) fn exports(expanded: &TokenStream) -> Vec<String> {
    let text = expanded.to_string();
    let parts: Vec<_> = text.split(" :: export !").collect();
    let before = parts.iter().take(parts.len().saturating_sub(1));
    before.filter_map(|before| before.rsplit(' ').next()).map(str::to_owned).collect()
}
