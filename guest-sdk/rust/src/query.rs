//! Queries as forms (`application/x-www-form-urlencoded`), percent-encoding, and tokens.

/// The first value of that name. Without a `=` it is empty.
pub(crate) fn get(query: &str, name: &str) -> Option<String> {
    encoded(query).find(|(key, _)| decode_form(key) == name).map(|(_, value)| decode_form(value))
}

/// All names and values, in order.
pub(crate) fn pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    encoded(query).map(|(name, value)| (decode_form(name), decode_form(value)))
}

fn encoded(query: &str) -> impl Iterator<Item = (&str, &str)> {
    let parts = query.split('&').filter(|pair| !pair.is_empty());
    parts.map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

fn decode_form(text: &str) -> String {
    percent_decode(&text.replace('+', " "))
}

/// `%41` becomes `A`; what is not an escape stays as it is, and what is not UTF-8 becomes `U+FFFD`.
pub(crate) fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = (first == b'%').then(|| hex_pair(tail)).flatten();
        bytes.push(escaped.unwrap_or(first));
        rest = if escaped.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex_pair(bytes: &[u8]) -> Option<u8> {
    let digit = |index: usize| char::from(*bytes.get(index)?).to_digit(16);
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

/// Bytes that are not plain become `%41`.
pub(crate) fn percent_encode(text: &str, is_plain: fn(u8) -> bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match is_plain(byte) {
            true => encoded.push(char::from(byte)),
            false => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// Whether it may stand in the name of a header or a cookie (RFC 9110, 5.6.2).
pub(crate) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_escape_stays() {
        assert_eq!(percent_decode("100%"), "100%");
        assert_eq!(percent_decode("%4"), "%4");
        assert_eq!(percent_decode("%zz%41"), "%zzA");
        assert_eq!(percent_decode("%C3%A4"), "ä");
        assert_eq!(percent_decode("%ff"), "\u{fffd}");
    }

    #[test]
    fn names_are_decoded_too() {
        assert_eq!(get("a%20b=1&c+d=2", "a b").as_deref(), Some("1"));
        assert_eq!(get("a%20b=1&c+d=2", "c d").as_deref(), Some("2"));
        assert_eq!(get("", "a"), None);
    }
}
