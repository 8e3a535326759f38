//! What a file's name stands for.

use std::fmt;

/// The parts of a file's name, below the routes folder.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FileName {
    pub role: Role,
    /// In upper case. `None` is any method.
    pub method: Option<String>,
    pub segments: Vec<Segment>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Role {
    Route,
    Middleware,
    Error,
}

/// One segment, as text patterns write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    pub text: String,
    /// The same without its parameters' names: two segments of one shape match the same.
    pub shape: String,
    pub names: Vec<String>,
    /// Takes any number of segments, or one at least.
    pub is_catch_all: bool,
}

/// Why a name does not stand for a route.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Invalid {
    Name(String),
    Brackets(String),
    Reserved(String),
    Twice(String),
    CatchAll(String),
    ScopeInCatchAll(String),
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(
                f,
                "`{name}` is not a parameter's name: use letters, digits and `_`, not beginning with a \
                 digit"
            ),
            Self::Brackets(segment) => write!(
                f,
                "`{segment}` has a bracket that is not closed, not opened or out of place: write \
                 `[name]`, `[name(regex)]`, `[[name]]`, `[...name]`, `[[...name]]` or `[_]`"
            ),
            Self::Reserved(segment) => write!(
                f,
                "`{segment}` has a character that has a meaning in patterns: write no `:`, `*`, `(` or \
                 `)` outside of brackets, and no `?` or `+` after them"
            ),
            Self::Twice(name) => write!(f, "parameter `{name}` stands twice in it: rename one"),
            Self::CatchAll(segment) => {
                write!(f, "`{segment}` takes all that follows, so nothing can be below it")
            }
            Self::ScopeInCatchAll(segment) => {
                write!(
                    f,
                    "`{segment}` takes all that follows, so it cannot be a folder with a scope"
                )
            }
        }
    }
}

const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

impl FileName {
    /// Reads a path such as `rooms/[id].get.rs`. It is `None` for a file that begins with `_` and
    /// has no meaning.
    pub(super) fn parse(path: &str) -> Result<Option<Self>, Invalid> {
        let stem = path.strip_suffix(".rs").unwrap_or(path);
        let (folder, name) = match stem.rsplit_once('/') {
            Some((folder, name)) => (folder, name),
            None => ("", stem),
        };
        let (name, method) = split_method(name);
        let role = match name {
            "_middleware" => Role::Middleware,
            "_error" => Role::Error,
            _ if name.starts_with('_') => return Ok(None),
            _ => Role::Route,
        };
        let own = (role == Role::Route && name != "index").then_some(name);
        let parts = folder.split('/').filter(|part| !part.is_empty()).chain(own);
        let segments = parts.map(Segment::parse).collect::<Result<Vec<_>, _>>()?;
        check(&segments, &role)?;
        Ok(Some(Self { role, method, segments }))
    }

    /// Such as `/rooms/:id`.
    pub(super) fn pattern(&self) -> String {
        joined(self.segments.iter().map(|segment| segment.text.as_str()))
    }

    /// The same without its parameters' names.
    pub(super) fn shape(&self) -> String {
        joined(self.segments.iter().map(|segment| segment.shape.as_str()))
    }
}

fn joined<'a>(segments: impl Iterator<Item = &'a str>) -> String {
    format!("/{}", segments.collect::<Vec<_>>().join("/"))
}

fn split_method(name: &str) -> (&str, Option<String>) {
    if let Some((rest, suffix)) = name.rsplit_once('.')
        && !rest.is_empty()
        && METHODS.iter().any(|method| suffix.eq_ignore_ascii_case(method))
    {
        return (rest, Some(suffix.to_ascii_uppercase()));
    }
    (name, None)
}

fn check(segments: &[Segment], role: &Role) -> Result<(), Invalid> {
    let names: Vec<_> = segments.iter().flat_map(|segment| &segment.names).collect();
    if let Some((_, name)) = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name))
    {
        return Err(Invalid::Twice((*name).clone()));
    }
    let below = segments.len().saturating_sub(usize::from(*role == Role::Route));
    match segments[..below].iter().find(|segment| segment.is_catch_all) {
        Some(segment) if *role == Role::Route => Err(Invalid::CatchAll(segment.text.clone())),
        Some(segment) => Err(Invalid::ScopeInCatchAll(segment.text.clone())),
        None => Ok(()),
    }
}

impl Segment {
    fn parse(text: &str) -> Result<Self, Invalid> {
        if let Some(inner) = text.strip_prefix("[[").and_then(|rest| rest.strip_suffix("]]")) {
            return match inner.strip_prefix("...") {
                Some("") => Ok(Self::catch_all("**", "**", None)),
                Some(name) => Ok(Self::catch_all(&format!(":{name}*"), ":*", Some(name_of(name)?))),
                None => Self::parameters(&text[1..text.len() - 1], "?"),
            };
        }
        if let Some(inner) = text.strip_prefix("[...").and_then(|rest| rest.strip_suffix(']')) {
            let name = inner.strip_suffix('+').unwrap_or(inner);
            return match name {
                "" => Ok(Self::catch_all("**", "**", None)),
                _ => Ok(Self::catch_all(&format!(":{name}+"), ":+", Some(name_of(name)?))),
            };
        }
        if text == "[_]" {
            let text = "*".to_owned();
            return Ok(Self { shape: text.clone(), text, names: Vec::new(), is_catch_all: false });
        }
        Self::parameters(text, "")
    }

    fn catch_all(text: &str, shape: &str, name: Option<String>) -> Self {
        Self {
            text: text.to_owned(),
            shape: shape.to_owned(),
            names: name.into_iter().collect(),
            is_catch_all: true,
        }
    }

    /// Text and parameters, one after the other, and what follows them.
    fn parameters(whole: &str, modifier: &str) -> Result<Self, Invalid> {
        let (mut text, mut shape, mut names) = (String::new(), String::new(), Vec::new());
        let mut rest = whole;
        while !rest.is_empty() {
            let end = rest.find('[').unwrap_or(rest.len());
            let (plain, after) = rest.split_at(end);
            check_plain(plain, whole, !names.is_empty())?;
            text.push_str(plain);
            shape.push_str(plain);
            rest = after;
            let Some(inside) = rest.strip_prefix('[') else { break };
            let (name, regex, after) = parameter(inside).ok_or_else(|| brackets(whole))?;
            let name = name_of(name)?;
            // In text, a name ends with its letters. If letters follow, an expression has to stand
            // between them.
            let runs_on = after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
            let regex = if regex.is_empty() && runs_on { "([^/]+)" } else { regex };
            text.push_str(&format!(":{name}{regex}"));
            shape.push_str(&format!(":{regex}"));
            names.push(name);
            rest = after;
        }
        text.push_str(modifier);
        shape.push_str(modifier);
        Ok(Self { text, shape, names, is_catch_all: false })
    }
}

fn brackets(segment: &str) -> Invalid {
    Invalid::Brackets(segment.to_owned())
}

fn check_plain(plain: &str, whole: &str, follows_parameter: bool) -> Result<(), Invalid> {
    if plain.contains(']') {
        return Err(brackets(whole));
    }
    let is_modifier = follows_parameter && plain.starts_with(['?', '+']);
    if is_modifier || plain.contains([':', '*', '(', ')']) {
        return Err(Invalid::Reserved(whole.to_owned()));
    }
    Ok(())
}

/// Reads `id]…` or `id([0-9]+)]…`: the name, the expression with its parentheses, and what follows.
fn parameter(text: &str) -> Option<(&str, &str, &str)> {
    let end = text.find(['(', ']'])?;
    let (name, rest) = text.split_at(end);
    let (mut depth, mut escaped) = (0_usize, false);
    for (at, byte) in rest.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'(' => depth += 1,
            b')' => depth = depth.checked_sub(1)?,
            b']' if depth == 0 => return Some((name, &rest[..at], &rest[at + 1..])),
            _ => {}
        }
    }
    None
}

fn name_of(name: &str) -> Result<String, Invalid> {
    let mut chars = name.chars();
    let starts_well = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if starts_well && chars.all(|c| c.is_ascii_alphanumeric() || c == '_') {
        Ok(name.to_owned())
    } else {
        Err(Invalid::Name(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(path: &str) -> String {
        let file = FileName::parse(path).unwrap().unwrap();
        assert_eq!(file.role, Role::Route);
        format!("{} {}", file.method.as_deref().unwrap_or("any"), file.pattern())
    }

    #[test]
    fn file_names_become_patterns() {
        for (path, expected) in [
            ("index.rs", "any /"),
            ("a/index.rs", "any /a"),
            ("index/index.rs", "any /index"),
            ("x.get.rs", "GET /x"),
            ("x.OPTIONS.rs", "OPTIONS /x"),
            ("index.post.rs", "POST /"),
            ("x.y.rs", "any /x.y"),
            ("rooms/[id].get.rs", "GET /rooms/:id"),
            ("[id([0-9]+)].rs", "any /:id([0-9]+)"),
            ("[id(a(b|\\)))].rs", "any /:id(a(b|\\)))"),
            ("[...p]/index.rs", "any /:p+"),
            ("[[id]].rs", "any /:id?"),
            ("[[id([0-9]+)]].rs", "any /:id([0-9]+)?"),
            ("[...slug].rs", "any /:slug+"),
            ("[...p+].rs", "any /:p+"),
            ("[[...p]].rs", "any /:p*"),
            ("[...].rs", "any /**"),
            ("a/[_]/b.rs", "any /a/*/b"),
            ("[name].[ext].rs", "any /:name.:ext"),
            ("post-[id].json.get.rs", "GET /post-:id.json"),
            ("[id]x.rs", "any /:id([^/]+)x"),
        ] {
            assert_eq!(route(path), expected, "{path}");
        }
    }

    #[test]
    fn scopes_are_their_folder_and_other_files_with_an_underscore_nothing() {
        let scope = FileName::parse("users/[id]/_middleware.get.rs").unwrap().unwrap();
        assert_eq!(scope.role, Role::Middleware);
        assert_eq!(
            (scope.pattern().as_str(), scope.method.as_deref()),
            ("/users/:id", Some("GET"))
        );
        let scope = FileName::parse("_error.rs").unwrap().unwrap();
        assert_eq!((scope.role, scope.segments.len()), (Role::Error, 0));
        assert_eq!(FileName::parse("users/_shared.rs"), Ok(None));
    }

    #[test]
    fn malformed_names_are_refused() {
        let brackets = |segment: &str| Invalid::Brackets(segment.into());
        for (path, error) in [
            ("[1a].rs", Invalid::Name("1a".into())),
            ("[].rs", Invalid::Name(String::new())),
            ("[...a-b].rs", Invalid::Name("a-b".into())),
            ("[id.rs", brackets("[id")),
            ("id].rs", brackets("id]")),
            ("[id(a].rs", brackets("[id(a]")),
            ("a:b.rs", Invalid::Reserved("a:b".into())),
            ("[id]+.rs", Invalid::Reserved("[id]+".into())),
            ("[id]/[id].rs", Invalid::Twice("id".into())),
            ("[...a]/b.rs", Invalid::CatchAll(":a+".into())),
            ("[...a]/_error.rs", Invalid::ScopeInCatchAll(":a+".into())),
        ] {
            assert_eq!(FileName::parse(path), Err(error), "{path}");
        }
    }
}
