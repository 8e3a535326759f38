//! The words of an attribute.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote_spanned};
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Error, Ident, Path, Result, Token, Type};

/// What sessions a component has: the words of `handler` and `app`.
pub(crate) enum Sessions {
    None,
    Async(Option<State>),
    Blocking,
}

impl Sessions {
    /// From nothing, `websocket`, `websocket, state = NAME` or `session`; anything else is an error
    /// of `unknown`.
    pub(crate) fn parse(attribute: TokenStream, unknown: fn(Span) -> Error) -> Result<Self> {
        let (mut sessions, mut state) = (Self::None, None);
        for (at, word) in words(attribute, unknown)?.into_iter().enumerate() {
            match (at, word.name.to_string().as_str(), &word.path) {
                (0, "websocket", None) => sessions = Self::Async(None),
                (0, "session", None) => sessions = Self::Blocking,
                (_, "state", _) if state.is_none() => state = Some(word),
                _ => return Err(unknown(word.name.span())),
            }
        }
        match (sessions, state) {
            (sessions, None) => Ok(sessions),
            (Self::Async(_), Some(word)) => Ok(Self::Async(Some(State::named(word)?))),
            (Self::None | Self::Blocking, Some(word)) => Err(Error::new(
                word.name.span(),
                "only a component with one instance for all has state that can move: use `state` with \
                 `websocket`, or with `#[hooks]`",
            )),
        }
    }

    /// The variant of `lithe_sdk::export::Kind`.
    pub(crate) fn kind(&self) -> Ident {
        match self {
            Self::None => format_ident!("Plain"),
            Self::Async(_) => format_ident!("Async"),
            Self::Blocking => format_ident!("Blocking"),
        }
    }

    /// Where the state of async sessions is, if the words say so.
    pub(crate) fn state(&self) -> Option<&State> {
        match self {
            Self::Async(state) => state.as_ref(),
            Self::None | Self::Blocking => None,
        }
    }
}

/// Where a component's state is.
pub(crate) enum State {
    /// The hooks are the state.
    Hooks,
    /// A thread-local has the state.
    Named(Path),
}

impl State {
    /// From the words of `hooks`: nothing, `state`, or `state = NAME`.
    pub(crate) fn of_hooks(
        attribute: TokenStream,
        unknown: fn(Span) -> Error,
    ) -> Result<Option<Self>> {
        let mut state = None;
        for word in words(attribute, unknown)? {
            if word.name != "state" || state.is_some() {
                return Err(unknown(word.name.span()));
            }
            state = Some(word.path.map_or(Self::Hooks, Self::Named));
        }
        Ok(state)
    }

    fn named(word: Word) -> Result<Self> {
        let missing = "`state` names the `thread_local!` that has it: `state = NAME`";
        word.path.map(Self::Named).ok_or_else(|| Error::new(word.name.span(), missing))
    }

    /// Code that checks its type.
    pub(crate) fn check(&self, hooks: Option<&Type>) -> TokenStream {
        match self {
            Self::Hooks => quote_spanned!(hooks.span()=>
                const _: () = ::lithe_sdk::export::swap::state_is::<#hooks>();
            ),
            Self::Named(path) => quote_spanned!(path.span()=>
                const _: fn() = || ::lithe_sdk::export::swap::state_is_in(&#path);
            ),
        }
    }
}

/// `word`, or `word = PATH`.
struct Word {
    name: Ident,
    path: Option<Path>,
}

impl Parse for Word {
    fn parse(input: ParseStream) -> Result<Self> {
        let name = input.parse()?;
        let path = match input.parse::<Option<Token![=]>>()? {
            Some(_) => Some(input.parse()?),
            None => None,
        };
        Ok(Self { name, path })
    }
}

fn words(attribute: TokenStream, unknown: fn(Span) -> Error) -> Result<Vec<Word>> {
    let words = Punctuated::<Word, Token![,]>::parse_terminated.parse2(attribute);
    words.map(|words| words.into_iter().collect()).map_err(|error| unknown(error.span()))
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    fn unknown(span: Span) -> Error {
        Error::new(span, "unknown")
    }

    fn sessions(attribute: TokenStream) -> std::result::Result<&'static str, String> {
        match Sessions::parse(attribute, unknown) {
            Ok(Sessions::None) => Ok("none"),
            Ok(Sessions::Async(None)) => Ok("async"),
            Ok(Sessions::Async(Some(_))) => Ok("async with state"),
            Ok(Sessions::Blocking) => Ok("blocking"),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn the_words_say_what_sessions_there_are() {
        assert_eq!(sessions(quote!()), Ok("none"));
        assert_eq!(sessions(quote!(websocket)), Ok("async"));
        assert_eq!(sessions(quote!(session)), Ok("blocking"));
        assert_eq!(sessions(quote!(websocket, state = ROOM)), Ok("async with state"));
        assert_eq!(sessions(quote!(websocket, state = rooms::ROOM,)), Ok("async with state"));
    }

    #[test]
    fn state_is_named_and_only_what_shares_an_instance_has_it() {
        for attribute in [quote!(state = ROOM), quote!(session, state = ROOM), quote!(state)] {
            let error = sessions(attribute).unwrap_err();
            assert!(error.contains("use `state` with `websocket`"), "{error}");
        }
        let error = sessions(quote!(websocket, state)).unwrap_err();
        assert!(error.contains("`state = NAME`"), "{error}");
    }

    #[test]
    fn anything_else_is_unknown() {
        for attribute in [
            quote!(hooks),
            quote!("websocket"),
            quote!(websocket, session),
            quote!(websocket = ROOM),
            quote!(state = ROOM, websocket),
            quote!(websocket, state = ROOM, state = HALL),
            quote!(websocket, state = 1),
        ] {
            assert_eq!(sessions(attribute.clone()).unwrap_err(), "unknown", "{attribute}");
        }
    }
}
