//! The files of a folder, sorted into scopes, and their conflicts.

use std::fmt;

use super::file_name::{FileName, Invalid, Role, Segment};

/// What a folder of files stands for. Files are named by their place in `files`.
#[derive(Debug)]
pub(super) struct Table {
    pub files: Vec<File>,
    /// Global, in name order.
    pub middleware: Vec<usize>,
    pub root: Scope,
}

#[derive(Debug)]
pub(super) struct File {
    pub path: String,
    /// Below the middleware folder, not the routes folder.
    pub is_global: bool,
}

/// A folder with something around its routes, or the root.
#[derive(Debug, Default)]
pub(super) struct Scope {
    segments: Vec<Segment>,
    /// In name order.
    pub around: Vec<(Around, Option<String>, usize)>,
    pub routes: Vec<Route>,
    pub inner: Vec<Scope>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Around {
    Middleware,
    Error,
}

#[derive(Debug)]
pub(super) struct Route {
    pub method: Option<String>,
    pub pattern: String,
    pub file: usize,
}

/// Why the files do not fit together. Each names the files.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Conflict {
    Invalid(String, Invalid),
    Twice(String, String, String),
    Names(String, String),
    CatchAlls(String, String),
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(file, why) => write!(f, "file `{file}`: {why}"),
            Self::Twice(a, b, route) => {
                write!(f, "files `{a}` and `{b}` both answer {route}: remove one")
            }
            Self::Names(a, b) => write!(
                f,
                "files `{a}` and `{b}` match the same paths with different parameter names: use the same"
            ),
            Self::CatchAlls(a, b) => write!(
                f,
                "files `{a}` and `{b}` both take all that follows, in different ways: keep one"
            ),
        }
    }
}

impl Around {
    /// The name of the file's function.
    pub(super) fn function(self) -> &'static str {
        match self {
            Self::Middleware => "middleware",
            Self::Error => "error",
        }
    }
}

impl Table {
    /// Sorts the files. Their paths are in name order.
    pub(super) fn of(routes: &[String], middleware: &[String]) -> Result<Self, Conflict> {
        let files = |paths: &[String], is_global| {
            paths.iter().map(|path| File { path: path.clone(), is_global }).collect::<Vec<_>>()
        };
        let mut parsed = Vec::new();
        let mut kept = Vec::new();
        for path in routes {
            let file = FileName::parse(path).map_err(|e| Conflict::Invalid(path.clone(), e))?;
            if let Some(file) = file {
                parsed.push(file);
                kept.push(path.clone());
            }
        }
        check(&parsed, &kept)?;
        let mut root = Scope::default();
        let is_scope = |file: &&(usize, &FileName)| file.1.role != Role::Route;
        let indexed: Vec<_> = parsed.iter().enumerate().collect();
        let mut scopes: Vec<_> = indexed.iter().filter(is_scope).collect();
        // Broad before specific: a scope comes before the scopes inside of it.
        scopes.sort_by_key(|(_, file)| file.segments.len());
        for (index, file) in scopes {
            let kind = match file.role {
                Role::Error => Around::Error,
                _ => Around::Middleware,
            };
            root.scope(&file.segments).around.push((kind, file.method.clone(), *index));
        }
        for (index, file) in indexed.iter().filter(|file| !is_scope(file)) {
            let route =
                Route { method: file.method.clone(), pattern: file.pattern(), file: *index };
            root.innermost(&file.segments).routes.push(route);
        }
        let mut files_of_all = files(&kept, false);
        let first_global = files_of_all.len();
        files_of_all.extend(files(middleware, true));
        Ok(Self {
            middleware: (first_global..files_of_all.len()).collect(),
            files: files_of_all,
            root,
        })
    }
}

impl Scope {
    /// The scope of exactly these segments. Makes it if it is missing.
    fn scope(&mut self, segments: &[Segment]) -> &mut Self {
        let outer = self.innermost(segments);
        if outer.segments.len() == segments.len() {
            return outer;
        }
        outer.inner.push(Self { segments: segments.to_vec(), ..Self::default() });
        // It has just been pushed, and is the innermost now.
        outer.innermost(segments)
    }

    /// The most specific scope that covers these segments.
    fn innermost(&mut self, segments: &[Segment]) -> &mut Self {
        match self.inner.iter().position(|scope| segments.starts_with(&scope.segments)) {
            Some(at) => self.inner[at].innermost(segments),
            None => self,
        }
    }
}

/// Compares every two files.
fn check(files: &[FileName], paths: &[String]) -> Result<(), Conflict> {
    for (b, second) in files.iter().enumerate() {
        for (a, first) in files[..b].iter().enumerate() {
            let both = || (paths[a].clone(), paths[b].clone());
            let same_shape = first.shape() == second.shape();
            if same_shape && first.pattern() != second.pattern() {
                let (a, b) = both();
                return Err(Conflict::Names(a, b));
            }
            if first.role != Role::Route || second.role != Role::Route {
                continue;
            }
            if same_shape && first.method == second.method {
                let (a, b) = both();
                let method = first.method.as_deref().unwrap_or("any method of");
                return Err(Conflict::Twice(a, b, format!("{method} {}", first.pattern())));
            }
            if !same_shape && are_catch_alls_of_one_folder(&first.segments, &second.segments) {
                let (a, b) = both();
                return Err(Conflict::CatchAlls(a, b));
            }
        }
    }
    Ok(())
}

fn are_catch_alls_of_one_folder(first: &[Segment], second: &[Segment]) -> bool {
    match (first.split_last(), second.split_last()) {
        (Some((a, above_a)), Some((b, above_b))) => {
            let shapes = |segments: &[Segment]| -> Vec<String> {
                segments.iter().map(|segment| segment.shape.clone()).collect()
            };
            a.is_catch_all && b.is_catch_all && shapes(above_a) == shapes(above_b)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(files: &[&str]) -> Result<Table, Conflict> {
        let files: Vec<_> = files.iter().map(ToString::to_string).collect();
        Table::of(&files, &[])
    }

    #[test]
    fn files_that_do_not_fit_together_are_named() {
        let twice =
            |a: &str, b: &str, route: &str| Conflict::Twice(a.into(), b.into(), route.into());
        let names = |a: &str, b: &str| Conflict::Names(a.into(), b.into());
        let catch_alls = |a: &str, b: &str| Conflict::CatchAlls(a.into(), b.into());
        for (files, conflict) in [
            (["foo.rs", "foo/index.rs"], twice("foo.rs", "foo/index.rs", "any method of /foo")),
            (["[a].get.rs", "[a]/index.GET.rs"], {
                twice("[a].get.rs", "[a]/index.GET.rs", "GET /:a")
            }),
            (["[id].get.rs", "[name].post.rs"], names("[id].get.rs", "[name].post.rs")),
            (["[id]/a.rs", "[name]/a.rs"], names("[id]/a.rs", "[name]/a.rs")),
            (["[...a].rs", "[...b].rs"], names("[...a].rs", "[...b].rs")),
            (["[...a].rs", "[[...a]].rs"], catch_alls("[...a].rs", "[[...a]].rs")),
            (["x/[...].rs", "x/[...a].rs"], catch_alls("x/[...].rs", "x/[...a].rs")),
        ] {
            assert_eq!(table(&files).unwrap_err(), conflict);
        }
        let error = table(&["[1].rs"]).unwrap_err().to_string();
        assert!(error.starts_with("file `[1].rs`: `1` is not a parameter's name"), "{error}");
    }

    #[test]
    fn files_that_look_alike_and_differ_fit_together() {
        for files in [
            ["foo.get.rs", "foo/index.post.rs"],
            ["foo.rs", "foo.get.rs"],
            ["[id].rs", "[id([0-9]+)].rs"],
            ["[id].rs", "all.rs"],
            ["a/[...p].rs", "b/[[...p]].rs"],
            ["_middleware.rs", "index.rs"],
        ] {
            assert!(table(&files).is_ok(), "{files:?}");
        }
    }

    #[test]
    fn a_scope_covers_its_folder_and_the_file_of_its_name() {
        let table = table(&[
            "_error.rs",
            "admin.rs",
            "admin/_middleware.get.rs",
            "admin/_middleware.rs",
            "admin/deep/_error.rs",
            "admin/deep/x.rs",
            "admin/users.rs",
            "adminer.rs",
            "_ignored.rs",
        ])
        .unwrap();
        let patterns = |scope: &Scope| -> Vec<String> {
            scope.routes.iter().map(|route| route.pattern.clone()).collect()
        };
        assert_eq!(patterns(&table.root), ["/adminer"]);
        assert_eq!(table.root.around, [(Around::Error, None, 0)]);
        let [admin] = table.root.inner.as_slice() else { panic!("{table:?}") };
        assert_eq!(patterns(admin), ["/admin", "/admin/users"]);
        assert_eq!(
            admin.around,
            [(Around::Middleware, Some("GET".into()), 2), (Around::Middleware, None, 3)]
        );
        let [deep] = admin.inner.as_slice() else { panic!("{table:?}") };
        assert_eq!(patterns(deep), ["/admin/deep/x"]);
        assert_eq!(table.files.len(), 8);
    }
}
