//! Finds the route of a test's request as the host does, except for regular expressions: they fit
//! any text.

use crate::App;
use crate::app::{Part, Pattern, Repeat, Segment};

/// Names and values, in the pattern's order.
pub(super) type Params = Vec<(String, String)>;

/// What comes of looking for a route.
pub(super) enum Found<'a> {
    Route(&'a str, Params),
    /// These methods only.
    WrongMethod(Vec<&'a str>),
    Nothing,
}

/// The most specific route of the app that takes the method and fits the decoded path.
pub(super) fn find<'a>(app: &'a App, method: &str, path: &str) -> Found<'a> {
    let path = folded(path);
    let mut fitting: Vec<_> = app
        .routes()
        .filter_map(|(allowed, text)| {
            let pattern = Pattern::parse(text).ok()?;
            let params = fit(&pattern.segments, &path)?;
            let rank: Vec<_> = pattern.segments.iter().map(rank).collect();
            Some((rank, allowed.is_none(), allowed, text, params))
        })
        .collect();
    fitting.sort();
    let takes = |allowed: Option<&str>| {
        allowed.is_none_or(|allowed| allowed == method || (method, allowed) == ("HEAD", "GET"))
    };
    if let Some(at) = fitting.iter().position(|(_, _, allowed, ..)| takes(*allowed)) {
        let (_, _, _, pattern, params) = fitting.swap_remove(at);
        return Found::Route(pattern, params);
    }
    match fitting.is_empty() {
        true => Found::Nothing,
        false => {
            Found::WrongMethod(fitting.iter().filter_map(|(_, _, method, ..)| *method).collect())
        }
    }
}

/// A path's segments: empty ones, `.` and `..` are folded.
fn folded(path: &str) -> Vec<&str> {
    path.split('/').fold(Vec::new(), |mut segments, segment| {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            _ => segments.push(segment),
        }
        segments
    })
}

/// Static, then a regular expression or a part of a segment, then a parameter, then many segments.
fn rank(segment: &Segment) -> u8 {
    match (segment.parts.as_slice(), segment.repeat) {
        (_, Repeat::OneOrMore | Repeat::Any) => 4,
        ([Part::Text(_)], _) => 0,
        ([Part::Capture { has_regex: false, .. }], Repeat::Optional) => 3,
        ([Part::Capture { has_regex: false, .. }], _) => 2,
        _ => 1,
    }
}

fn fit(segments: &[Segment], path: &[&str]) -> Option<Params> {
    let Some((segment, rest)) = segments.split_first() else {
        return path.is_empty().then(Params::new);
    };
    let (least, most) = match segment.repeat {
        Repeat::Once => (1, 1),
        Repeat::Optional => (0, 1),
        Repeat::OneOrMore => (1, path.len()),
        Repeat::Any => (0, path.len()),
    };
    (least..=most.min(path.len())).rev().find_map(|count| {
        let (taken, left) = path.split_at(count);
        let mut params = match taken {
            [] => Params::new(),
            taken => fit_parts(&segment.parts, &taken.join("/"))?,
        };
        params.extend(fit(rest, left)?);
        Some(params)
    })
}

/// Within a segment, what stands earlier takes as much as it can.
fn fit_parts(parts: &[Part], text: &str) -> Option<Params> {
    let Some((part, rest)) = parts.split_first() else {
        return text.is_empty().then(Params::new);
    };
    match part {
        Part::Text(expected) => fit_parts(rest, text.strip_prefix(expected.as_str())?),
        Part::Capture { name, .. } => {
            let ends = text.char_indices().map(|(at, c)| at + c.len_utf8()).rev();
            ends.into_iter().find_map(|end| {
                let name = name.iter().map(|name| (name.clone(), text[..end].to_owned()));
                Some(name.chain(fit_parts(rest, &text[end..])?).collect())
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(pattern: &str, path: &str) -> Option<String> {
        let params = fit(&Pattern::parse(pattern).unwrap().segments, &folded(path))?;
        let pairs: Vec<_> = params.iter().map(|(name, value)| format!("{name}={value}")).collect();
        Some(pairs.join(","))
    }

    #[test]
    fn paths_fit_patterns() {
        for (pattern, path, expected) in [
            ("/", "/", Some("")),
            ("/users/:id", "//users///42/", Some("id=42")),
            ("/users/profile", "/users/team/../profile", Some("")),
            ("/users/:id/items/:itemId", "/users/1/items/2", Some("id=1,itemId=2")),
            ("/files/:name.:ext", "/files/read.me.md", Some("name=read.me,ext=md")),
            ("/users/:id?", "/users", Some("")),
            ("/files/:path+", "/files", None),
            ("/files/:path+", "/files/a/b", Some("path=a/b")),
            ("/assets/:rest*", "/assets", Some("")),
            ("/users/*", "/users/a", Some("")),
            ("/users/*", "/users/a/b", None),
            ("/teams/*/members", "/teams/core/members", Some("")),
            ("/files/file-*-*.png", "/files/file-a-b.png", Some("")),
            ("/users/**:wildcard", "/users/a/b", Some("wildcard=a/b")),
            ("/users/**", "/users", Some("")),
        ] {
            assert_eq!(params(pattern, path).as_deref(), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn the_most_specific_route_that_takes_the_method_is_found() {
        let app = App::new()
            .get("/users/:id", |_| "")
            .get("/users/all", |_| "")
            .get("/users/u-:id", |_| "")
            .post("/users/:id", |_| "")
            .any("/users/:path+", |_| "")
            .get("/rooms", |_| "")
            .post("/rooms", |_| "");
        let pattern = |method, path| match find(&app, method, path) {
            Found::Route(pattern, _) => pattern.to_owned(),
            Found::WrongMethod(allowed) => allowed.join(" "),
            Found::Nothing => "nothing".to_owned(),
        };
        assert_eq!(pattern("GET", "/users/all"), "/users/all");
        assert_eq!(pattern("HEAD", "/users/all"), "/users/all");
        assert_eq!(pattern("GET", "/users/u-1"), "/users/u-:id");
        assert_eq!(pattern("GET", "/users/1"), "/users/:id");
        assert_eq!(pattern("POST", "/users/all"), "/users/:id");
        assert_eq!(pattern("DELETE", "/users/all"), "/users/:path+");
        assert_eq!(pattern("DELETE", "/rooms"), "GET POST");
        assert_eq!(pattern("GET", "/other"), "nothing");
    }
}
