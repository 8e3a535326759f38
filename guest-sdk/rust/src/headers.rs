//! The headers of an answer: names and values, in order.

/// The first value of that name, in any case.
pub(crate) fn get<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(other, _)| other.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

/// Puts a header in place of all others of that name.
pub(crate) fn set(
    headers: &mut Vec<(String, String)>,
    name: impl Into<String>,
    value: impl Into<String>,
) {
    let name = name.into();
    headers.retain(|(other, _)| !other.eq_ignore_ascii_case(&name));
    headers.push((name, value.into()));
}
