//! `#[middleware]` and `#[error_handler]`: functions around handlers.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, Ident, ItemFn, Result, ReturnType};

use crate::component::Component;

/// What tells the two apart.
pub(crate) struct Kind {
    name: &'static str,
    article: &'static str,
    shape: &'static str,
    second: &'static str,
    returns: &'static str,
    export: fn(&mut Component, &Ident),
}

pub(crate) const MIDDLEWARE: Kind = Kind {
    name: "middleware",
    article: "a middleware",
    shape: "fn name(event: &Event, next: Next) -> Result<Outcome>",
    second: "Next<'_>",
    returns: "upgrading_handler_returns",
    export: Component::wraps,
};

pub(crate) const ERROR_HANDLER: Kind = Kind {
    name: "error_handler",
    article: "an error handler",
    shape: "fn name(event: &Event, error: HttpError) -> Result<Response>",
    second: "HttpError",
    returns: "plain_handler_returns",
    export: Component::recovers,
};

pub(crate) fn expand(
    kind: &Kind,
    attribute: TokenStream,
    item: TokenStream,
) -> Result<TokenStream> {
    if !attribute.is_empty() {
        let message = format!("`{}` takes no words", kind.name);
        return Err(Error::new(attribute.span(), message));
    }
    let function: ItemFn = syn::parse2(item).map_err(|e| {
        Error::new(e.span(), format!("`{}` belongs on a function: `{}`", kind.name, kind.shape))
    })?;
    check(kind, &function)?;

    let name = &function.sig.ident;
    let returns = format_ident!("{}", kind.returns);
    let second: TokenStream = kind.second.parse()?;
    let check_type = match &function.sig.output {
        ReturnType::Default => quote!(::lithe_sdk::export::#returns::<()>()),
        ReturnType::Type(_, ty) => {
            quote_spanned!(ty.span()=> ::lithe_sdk::export::#returns::<#ty>())
        }
    };
    let mut component = Component::default();
    (kind.export)(&mut component, name);
    let component = component.emit();
    Ok(quote! {
        #function
        const _: () = {
            #check_type;
            let _: fn(&::lithe_sdk::Event, ::lithe_sdk::#second) -> _ = #name;
        };
        #component
    })
}

fn check(kind: &Kind, function: &ItemFn) -> Result<()> {
    let signature = &function.sig;
    let refuse = |span, what: &str| Err(Error::new(span, format!("{} {what}", kind.article)));
    if let Some(word) = &signature.asyncness {
        return refuse(word.span(), "is not async: it answers or passes on at once");
    }
    if !signature.generics.params.is_empty() {
        return refuse(signature.generics.span(), "has no generic parameters");
    }
    if signature.inputs.len() != 2 || signature.receiver().is_some() {
        let what = format!("takes two arguments: `{}`", kind.shape);
        return refuse(signature.ident.span(), &what);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: &Kind, item: TokenStream) -> String {
        expand(kind, quote!(), item).unwrap_err().to_string()
    }

    #[test]
    fn each_says_what_it_should_look_like() {
        for item in [
            quote!(
                fn f(event: &Event) {}
            ),
            quote!(
                fn f(&self, event: &Event) {}
            ),
            quote!(
                struct S;
            ),
        ] {
            let message = error(&MIDDLEWARE, item.clone());
            assert!(message.contains("(event: &Event, next: Next)"), "{message}");
            let message = error(&ERROR_HANDLER, item);
            assert!(message.contains("(event: &Event, error: HttpError)"), "{message}");
        }
    }

    #[test]
    fn neither_is_async_or_generic_or_takes_words() {
        let item = quote!(
            async fn f(event: &Event, next: Next) {}
        );
        assert!(error(&MIDDLEWARE, item).contains("a middleware is not async"));
        let item = quote!(
            fn f<T>(event: &Event, error: T) {}
        );
        assert!(error(&ERROR_HANDLER, item).contains("an error handler has no generic"));
        assert!(expand(&MIDDLEWARE, quote!(global), quote!()).is_err());
    }
}
