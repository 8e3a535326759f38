//! `routes!`: a folder of route files as an `App`, by the rules of a site's `routes/`.

mod file_name;
mod scan;
mod table;

use std::path::{Component, Path, PathBuf};

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use syn::{Error, LitStr, Result};

use table::{Around, Scope, Table};

/// `caller` is the file that calls the macro. The compiler resolves `#[path]` from its folder.
/// Paths from there keep absolute paths out of the build.
pub(crate) fn expand(input: TokenStream, caller: Option<&Path>) -> Result<TokenStream> {
    let literal: LitStr = syn::parse2(input).map_err(|e| {
        Error::new(e.span(), "write the folder, seen from `Cargo.toml`: `routes!(\"src/routes\")`")
    })?;
    let fail = |message: String| Error::new(literal.span(), message);
    let package = std::env::var_os("CARGO_MANIFEST_DIR")
        .ok_or_else(|| fail("`CARGO_MANIFEST_DIR` is not set: build with Cargo".into()))?;
    let folder = Path::new(&package).join(literal.value());
    let found = scan::scan(&folder)
        .map_err(|e| fail(format!("folder `{}` cannot be read: {e}", literal.value())))?;
    let table = Table::of(&found.routes, &found.middleware).map_err(|e| fail(e.to_string()))?;
    let caller = caller.and_then(|caller| caller.canonicalize().ok());
    let here = caller.as_deref().and_then(Path::parent);
    Ok(emit(&table, |file| {
        let path = found.folder_of(file).join(&file.path);
        match here {
            Some(here) => relative(&path, here),
            None => path,
        }
    }))
}

fn emit(table: &Table, path_of: impl Fn(&table::File) -> PathBuf) -> TokenStream {
    let modules = table.files.iter().enumerate().map(|(index, file)| {
        let (name, path) = (module(table, index), path_of(file).to_string_lossy().into_owned());
        quote!(#[path = #path] mod #name;)
    });
    let global = table.middleware.iter().map(|file| {
        let module = module(table, *file);
        quote!(.middleware(#module::middleware))
    });
    let inside = emit_scope(table, &table.root);
    quote!({
        #(#modules)*
        ::lithe_sdk::App::new() #(#global)* .group("", |app| app #inside)
    })
}

fn emit_scope(table: &Table, scope: &Scope) -> TokenStream {
    let around = scope.around.iter().map(|(kind, method, file)| {
        let (module, function) =
            (module(table, *file), Ident::new(kind.function(), Span::call_site()));
        let function = match method {
            None => quote!(#module::#function),
            Some(method) => {
                let only = format_ident!("only_{function}");
                quote!(::lithe_sdk::export::#only(#method, #module::#function))
            }
        };
        match kind {
            Around::Middleware => quote!(.middleware(#function)),
            Around::Error => quote!(.on_error(#function)),
        }
    });
    let routes = scope.routes.iter().map(|route| {
        let (module, pattern) = (module(table, route.file), &route.pattern);
        match &route.method {
            Some(method) => quote!(.on(#method, #pattern, #module::handler)),
            None => quote!(.any(#pattern, #module::handler)),
        }
    });
    let inner = scope.inner.iter().map(|scope| {
        let inside = emit_scope(table, scope);
        quote!(.group("", |app| app #inside))
    });
    quote!(#(#around)* #(#routes)* #(#inner)*)
}

/// Names a module after its file, so that an error or a backtrace shows the file.
fn module(table: &Table, file: usize) -> Ident {
    let path = &table.files[file].path;
    let word = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let name: String = path.trim_end_matches(".rs").chars().map(word).collect();
    format_ident!("file{file}_{name}")
}

fn relative(path: &Path, from: &Path) -> PathBuf {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let common = path.components().zip(from.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().skip(common).map(|_| Component::ParentDir);
    up.chain(path.components().skip(common)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn emitted(routes: &[&str]) -> String {
        let routes: Vec<_> = routes.iter().map(ToString::to_string).collect();
        let table = Table::of(&routes, &["01_log.rs".into()]).unwrap();
        emit(&table, |file| PathBuf::from(&file.path)).to_string().replace(' ', "")
    }

    #[test]
    fn files_become_modules_and_folders_groups() {
        let code = emitted(&["_error.rs", "a/[id].get.rs", "a/_middleware.post.rs", "index.rs"]);
        for expected in [
            "#[path=\"a/[id].get.rs\"]modfile1_a__id__get;",
            "App::new().middleware(file4_01_log::middleware).group(\"\",|app|app\
             .on_error(file0__error::error).any(\"/\",file3_index::handler).group(\"\",|app|app\
             .middleware(::lithe_sdk::export::only_middleware(\"POST\",\
             file2_a__middleware_post::middleware))\
             .on(\"GET\",\"/a/:id\",file1_a__id__get::handler)))",
        ] {
            assert!(code.contains(expected), "{expected}\n{code}");
        }
    }

    #[test]
    fn a_path_is_written_from_where_it_is_used() {
        let relative = |path: &str, from: &str| relative(Path::new(path), Path::new(from));
        assert_eq!(relative("/p/src/routes/a.rs", "/p/src"), Path::new("routes/a.rs"));
        assert_eq!(relative("/p/src/routes/a.rs", "/p/src/b"), Path::new("../routes/a.rs"));
        assert_eq!(relative("/p/routes/a.rs", "/p/src/b"), Path::new("../../routes/a.rs"));
    }

    #[test]
    fn a_folder_has_to_be_named() {
        let error = expand(quote!(src / routes), None).unwrap_err().to_string();
        assert!(error.contains("routes!(\"src/routes\")"), "{error}");
        let error = expand(quote!("no/such"), None).unwrap_err().to_string();
        assert!(error.contains("folder `no/such` cannot be read"), "{error}");
    }
}
