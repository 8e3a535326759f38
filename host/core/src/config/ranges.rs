//! The ranges of the settings in `lithe.toml`. Each stands where its setting is declared:
//! `#[serde(deserialize_with = "time::<MS, DAY, _>")]`.
//!
//! A value out of its range is an error at its place in the file. So no code behind the settings
//! has to ask what a value such as 2⁶⁴ seconds would do to its arithmetic or its allocations.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use bytesize::ByteSize;
use serde::de::{self, Deserialize, Deserializer, Visitor};

/// Times, in milliseconds.
pub(crate) const MS: u64 = 1;
pub(crate) const SECOND: u64 = 1_000 * MS;
pub(crate) const HOUR: u64 = 60 * 60 * SECOND;
pub(crate) const DAY: u64 = 24 * HOUR;
pub(crate) const YEAR: u64 = 365 * DAY;

/// Sizes, in bytes.
pub(crate) const KIB: u64 = 1024;
pub(crate) const MIB: u64 = 1024 * KIB;
pub(crate) const GIB: u64 = 1024 * MIB;

/// More of anything than a host can have.
pub(crate) const MANY: u32 = 10_000_000;

/// A time such as `"100ms"`, from `MIN` to `MAX` milliseconds.
pub(crate) fn time<'de, const MIN: u64, const MAX: u64, D: Deserializer<'de>>(
    value: D,
) -> Result<Duration, D::Error> {
    let (min, max) = (Duration::from_millis(MIN), Duration::from_millis(MAX));
    within(duration(value)?, min, max, Time)
}

/// A time such as `"100ms"`, up to `MAX` milliseconds. Zero is allowed, and has a meaning of its
/// own.
pub(crate) fn time_or_zero<'de, const MAX: u64, D: Deserializer<'de>>(
    value: D,
) -> Result<Duration, D::Error> {
    within(duration(value)?, Duration::ZERO, Duration::from_millis(MAX), Time)
}

/// A size such as `"64 MiB"`, from `MIN` to `MAX` bytes.
pub(crate) fn size<'de, const MIN: u64, const MAX: u64, D: Deserializer<'de>>(
    value: D,
) -> Result<ByteSize, D::Error> {
    within(byte_size(value)?, ByteSize::b(MIN), ByteSize::b(MAX), |size| size)
}

/// A whole number from `MIN` to `MAX`.
pub(crate) fn count<'de, const MIN: u32, const MAX: u32, T: TryFrom<u32>, D: Deserializer<'de>>(
    value: D,
) -> Result<T, D::Error> {
    // Read as signed, so that the error for a negative number names the range, too.
    let number = within(i64::deserialize(value)?, MIN.into(), MAX.into(), |number| number)?;
    let number = u32::try_from(number).ok().and_then(|number| T::try_from(number).ok());
    number.ok_or_else(|| de::Error::custom("the range is wider than its type"))
}

/// A share from `MIN` thousandths to 1.
pub(crate) fn share<'de, const MIN: u32, D: Deserializer<'de>>(value: D) -> Result<f64, D::Error> {
    within(f64::deserialize(value)?, f64::from(MIN) / 1_000.0, 1.0, |share| format!("{share:?}"))
}

/// Text for people, such as a name: 1 to `MAX` bytes, without control characters, and without
/// blanks around it.
pub(crate) fn label<'de, const MAX: usize, D: Deserializer<'de>>(
    value: D,
) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(value)?;
    match is_label(&text, MAX) {
        true => Ok(Some(text)),
        false => Err(de::Error::custom(format_args!(
            "expected 1 to {MAX} bytes of text, without control characters and without blanks around it"
        ))),
    }
}

/// Whether a text is 1 to `max` bytes, without control characters, and without blanks around it.
pub(crate) fn is_label(text: &str, max: usize) -> bool {
    (1..=max).contains(&text.len())
        && !text.chars().any(is_invisible)
        && text.trim().len() == text.len()
}

/// Whether a terminal or a log would show the character as something else, or not at all.
fn is_invisible(c: char) -> bool {
    // Marks that turn the direction of what follows them, and those without a width.
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// The path and query of a request, such as `"/health"`.
pub(crate) fn target<'de, D: Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(value)?;
    let is_target = text.starts_with('/') && text.parse::<http::uri::PathAndQuery>().is_ok();
    match is_target && !text.contains('#') {
        true => Ok(Some(text)),
        false => {
            Err(de::Error::custom("expected a path such as \"/health\", which begins with `/`"))
        }
    }
}

/// A list of at most `MAX` values.
pub(crate) fn list<'de, const MAX: usize, T: Deserialize<'de>, D: Deserializer<'de>>(
    value: D,
) -> Result<Vec<T>, D::Error> {
    let list = Vec::deserialize(value)?;
    match list.len() <= MAX {
        true => Ok(list),
        false => Err(de::Error::custom(format_args!("expected at most {MAX} of them"))),
    }
}

/// A table of at most `MAX` values, by their names.
pub(crate) fn table<'de, const MAX: usize, T: Deserialize<'de>, D: Deserializer<'de>>(
    value: D,
) -> Result<BTreeMap<String, T>, D::Error> {
    let table = BTreeMap::deserialize(value)?;
    match table.len() <= MAX {
        true => Ok(table),
        false => Err(de::Error::custom(format_args!("expected at most {MAX} of them"))),
    }
}

/// Variables of an environment, by their names.
pub(crate) fn variables<'de, V: Deserialize<'de>, D: Deserializer<'de>>(
    value: D,
) -> Result<BTreeMap<String, V>, D::Error> {
    let variables = BTreeMap::<String, V>::deserialize(value)?;
    match variables.keys().find(|name| name.is_empty() || name.contains(['=', '\0'])) {
        None => Ok(variables),
        Some(name) => Err(de::Error::custom(format_args!(
            "`{}` is not the name of a variable: a name is not empty, and has no `=` and no NUL",
            name.escape_debug()
        ))),
    }
}

/// A table of answers by the texts that they answer: at most `MAX`, each text and answer of at most
/// `BYTES`.
pub(crate) fn answers<'de, const MAX: usize, const BYTES: usize, D: Deserializer<'de>>(
    value: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    let answers = BTreeMap::<String, String>::deserialize(value)?;
    let is_long = |text: &String| text.len() > BYTES;
    if answers.len() > MAX || answers.iter().any(|(text, answer)| is_long(text) || is_long(answer))
    {
        return Err(de::Error::custom(format_args!(
            "expected at most {MAX} texts, and at most {BYTES} bytes of each and of its answer"
        )));
    }
    Ok(answers)
}

/// Checks a value against its range. `shown` formats a value for the message. NaN is in no range.
fn within<T: PartialOrd + Copy, S: fmt::Display, E: de::Error>(
    value: T,
    min: T,
    max: T,
    shown: impl Fn(T) -> S,
) -> Result<T, E> {
    match min <= value && value <= max {
        true => Ok(value),
        false => Err(E::custom(format_args!(
            "{} is out of range: it is from {} to {}",
            shown(value),
            shown(min),
            shown(max)
        ))),
    }
}

/// A size as `lithe.toml` writes it, exact to the byte.
pub(crate) struct Size(pub ByteSize);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0.as_u64();
        let units = [("GiB", GIB), ("MiB", MIB), ("KiB", KIB)];
        match units.iter().find(|(_, size)| bytes > 0 && bytes.is_multiple_of(*size)) {
            Some((unit, size)) => write!(f, "{} {unit}", bytes / size),
            None => write!(f, "{bytes} B"),
        }
    }
}

/// A time as `lithe.toml` writes it.
pub(crate) struct Time(pub Duration);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let units = [("d", DAY), ("h", HOUR), ("s", SECOND), ("ms", MS)];
        let fits =
            |(_, length): &&(_, u64)| millis > 0 && millis.is_multiple_of(u128::from(*length));
        match units.iter().find(fits) {
            Some((unit, length)) => write!(f, "{}{unit}", millis / u128::from(*length)),
            None if self.0.is_zero() => f.write_str("0s"),
            None => write!(f, "{:?}", self.0),
        }
    }
}

/// Not `ByteSize`'s own: its message does not say what would be right.
fn byte_size<'de, D: Deserializer<'de>>(value: D) -> Result<ByteSize, D::Error> {
    struct Bytes;

    impl Visitor<'_> for Bytes {
        type Value = ByteSize;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a size such as \"64 MiB\" or \"512 KiB\", or a number of bytes")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<ByteSize, E> {
            text.parse().map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
        }

        fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<ByteSize, E> {
            Ok(ByteSize::b(bytes))
        }

        fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<ByteSize, E> {
            let size = u64::try_from(bytes).map(ByteSize::b);
            size.map_err(|_| E::invalid_value(de::Unexpected::Signed(bytes), &self))
        }
    }

    value.deserialize_any(Bytes)
}

/// Not `humantime_serde`: its message for a number does not say what would be right.
fn duration<'de, D: Deserializer<'de>>(value: D) -> Result<Duration, D::Error> {
    struct Text;

    impl Visitor<'_> for Text {
        type Value = Duration;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a time such as \"100ms\", \"30s\" or \"5m\"")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
            humantime::parse_duration(text)
                .map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
        }
    }

    value.deserialize_str(Text)
}
