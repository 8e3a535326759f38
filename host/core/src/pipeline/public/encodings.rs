//! Which encoding of a file a client accepts (RFC 9110, section 12.5.3).

use http::header::{ACCEPT_ENCODING, HeaderMap};

/// The encoding of a precompressed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Br,
    Gzip,
}

impl Encoding {
    /// Its name in `content-encoding`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Br => "br",
            Self::Gzip => "gzip",
        }
    }
}

/// The encodings that the client prefers to the plain file, best first.
pub(super) fn accepted(request: &HeaderMap) -> Vec<Encoding> {
    let weights = Weights::of(request);
    let identity = weights.identity.or(weights.others).unwrap_or(0);
    let mut accepted = Vec::new();
    for (own, encoding) in [(weights.br, Encoding::Br), (weights.gzip, Encoding::Gzip)] {
        match own.or(weights.others) {
            Some(weight) if weight > 0 && weight >= identity => accepted.push((weight, encoding)),
            _ => {}
        }
    }
    // If two are equally welcome, the smaller comes first.
    accepted.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    accepted.into_iter().map(|(_, encoding)| encoding).collect()
}

/// The client's weight for each encoding, in thousandths.
#[derive(Default)]
struct Weights {
    br: Option<u16>,
    gzip: Option<u16>,
    identity: Option<u16>,
    /// The weight of encodings that are not named.
    others: Option<u16>,
}

impl Weights {
    fn of(request: &HeaderMap) -> Self {
        let mut weights = Self::default();
        let lists = request.get_all(ACCEPT_ENCODING).iter().filter_map(|list| list.to_str().ok());
        for entry in lists.flat_map(|list| list.split(',')) {
            let (name, parameter) = entry.split_once(';').unwrap_or((entry, ""));
            let Some(weight) = weight(parameter) else { continue };
            let name = name.trim();
            let is = |known: &str| name.eq_ignore_ascii_case(known);
            let slot = match name {
                _ if is("br") => &mut weights.br,
                _ if is("gzip") || is("x-gzip") => &mut weights.gzip,
                _ if is("identity") => &mut weights.identity,
                "*" => &mut weights.others,
                _ => continue,
            };
            *slot = Some(weight);
        }
        weights
    }
}

/// 500 for `q=0.5`, 1000 without a weight; none if the weight is invalid.
fn weight(parameter: &str) -> Option<u16> {
    let parameter = parameter.trim();
    if parameter.is_empty() {
        return Some(1000);
    }
    let (name, value) = parameter.split_once('=')?;
    let value = value.trim().parse::<f32>().ok().filter(|value| (0.0..=1.0).contains(value))?;
    name.trim().eq_ignore_ascii_case("q").then_some((value * 1000.0).round() as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(header: &str) -> Vec<&'static str> {
        let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, header.parse().unwrap())]);
        accepted(&headers).into_iter().map(Encoding::name).collect()
    }

    #[test]
    fn the_most_welcome_comes_first() {
        for (header, expected) in [
            ("", &[][..]),
            ("br", &["br"]),
            ("gzip, deflate, br", &["br", "gzip"]),
            ("gzip;q=1.0, br;q=0.5", &["gzip", "br"]),
            ("GZIP ; Q = 0.3", &["gzip"]),
            ("x-gzip", &["gzip"]),
            ("*", &["br", "gzip"]),
            ("*, br;q=0", &["gzip"]),
            ("*;q=0", &[]),
            ("*;q=0, gzip", &["gzip"]),
            ("gzip, identity;q=0", &["gzip"]),
            ("identity", &[]),
            ("identity, gzip;q=0.5", &[]),
            ("identity;q=0.5, gzip", &["gzip"]),
            ("br;q=0, gzip;q=0.000", &[]),
            ("br;q=2, gzip;q=-1", &[]),
            ("br;q=nan, gzip;q=x", &[]),
            ("brotli, gzipped", &[]),
        ] {
            assert_eq!(names(header), expected, "`{header}`");
        }
    }
}
