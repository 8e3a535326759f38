//! What a client has sent as text, as types: parameters, and queries and forms as structs.

use std::any::{Any, TypeId};
use std::fmt::{self, Display};
use std::str::FromStr;

use serde::de::value::MapDeserializer;
use serde::de::{self, DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use crate::query;

/// What is wrong with a query or a form.
#[derive(Debug, PartialEq)]
pub(crate) enum Error {
    /// With a field: its name, and what is wrong.
    Field(String),
    /// With the whole.
    Whole(String),
}

impl Error {
    /// In words for the client. `field` says what a field is, and `whole` what all of them are.
    pub(crate) fn of(&self, field: &str, whole: &str) -> String {
        match self {
            Self::Field(what) => format!("{field} {what}"),
            Self::Whole(what) => format!("the {whole} is not the expected one: {what}"),
        }
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Field(what) | Self::Whole(what)) = self;
        f.write_str(what)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: Display>(message: T) -> Self {
        Self::Whole(message.to_string())
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Field(format!("`{field}` is missing"))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::Field(format!("`{field}` is there twice"))
    }
}

/// A query or a form, field by field.
pub(crate) fn read<T: DeserializeOwned>(form: &str) -> Result<T, Error> {
    let fields = query::pairs(form).map(|(name, value)| (name.clone(), Field { name, value }));
    T::deserialize(MapDeserializer::new(fields))
}

/// A text as a `T`. Rust takes `inf`, `NaN` and `1e999` for floats, and a client's may be none.
pub(crate) fn parse<T: FromStr<Err: Display> + 'static>(text: &str) -> Result<T, String> {
    let value: T = text.parse().map_err(|e: T::Err| reason::<T>(text, &e))?;
    match is_finite(&value) {
        true => Ok(value),
        // The text may say so: `inf` or `NaN`.
        false if text.contains(|c: char| c.is_ascii_digit()) => Err("out of range".to_owned()),
        false => Err("not a number".to_owned()),
    }
}

/// Says why a text cannot be read as a `T`. All SDKs use the same words for the types that all
/// languages have.
fn reason<T: 'static>(text: &str, error: &dyn Display) -> String {
    macro_rules! is_any {
        ($($known:ty)*) => { [$(TypeId::of::<$known>()),*].contains(&TypeId::of::<T>()) };
    }
    if is_any!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize) {
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        let is_integer = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        return if is_integer { "out of range" } else { "not an integer" }.to_owned();
    }
    if is_any!(f32 f64) {
        return "not a number".to_owned();
    }
    if is_any!(bool) {
        return "neither `true` nor `false`".to_owned();
    }
    error.to_string()
}

/// What is not a float is finite.
fn is_finite(value: &dyn Any) -> bool {
    let single = value.downcast_ref::<f32>().is_none_or(|float| float.is_finite());
    single && value.downcast_ref::<f64>().is_none_or(|float| float.is_finite())
}

/// A field's value, which says no more of its type than that it is text.
struct Field {
    name: String,
    value: String,
}

impl Field {
    fn is_wrong(name: &str, value: &str, why: impl Display) -> Error {
        Error::Field(format!("`{name}` is `{value}`: {why}"))
    }
}

impl IntoDeserializer<'_, Error> for Field {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! parsed {
    ($($method:ident => $visit:ident,)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let Self { name, value } = self;
            let read = parse(&value).map_err(|why| Self::is_wrong(&name, &value, why))?;
            // A type may take less than what it is read from, such as `NonZeroU8`.
            visitor.$visit(read).map_err(|why: Error| Self::is_wrong(&name, &value, why))
        }
    )*};
}

impl<'de> Deserializer<'de> for Field {
    type Error = Error;

    parsed! {
        deserialize_bool => visit_bool,
        deserialize_i8 => visit_i8,
        deserialize_i16 => visit_i16,
        deserialize_i32 => visit_i32,
        deserialize_i64 => visit_i64,
        deserialize_u8 => visit_u8,
        deserialize_u16 => visit_u16,
        deserialize_u32 => visit_u32,
        deserialize_u64 => visit_u64,
        deserialize_f32 => visit_f32,
        deserialize_f64 => visit_f64,
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_string(self.value)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let Self { name, value } = self;
        let read = visitor.visit_enum(value.clone().into_deserializer());
        read.map_err(|why: Error| Self::is_wrong(&name, &value, why))
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct tuple tuple_struct struct seq map identifier
        ignored_any
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU8;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Color {
        Red,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Id(u8);

    #[derive(Debug, PartialEq, Deserialize)]
    struct Order {
        color: Color,
        id: Id,
        amount: Option<f64>,
        count: Option<NonZeroU8>,
        #[serde(default)]
        note: String,
    }

    #[test]
    fn fields_have_types() {
        let (amount, count) = (Some(1.5), NonZeroU8::new(2));
        let order = Order { color: Color::Red, id: Id(7), amount, count, note: "a ä".into() };
        assert_eq!(read("&color=red&amount=1.5&count=2&id=7&note=a+%C3%A4&other"), Ok(order));
        let pairs: Vec<(String, u8)> = read("a=1&a=2").unwrap();
        assert_eq!(pairs, [("a".into(), 1), ("a".into(), 2)]);
        for (form, problem) in [
            ("color=blue&id=7", "field `color` is `blue`: unknown variant `blue`, expected `red`"),
            ("color=red", "field `id` is missing"),
            ("color=red&id=300", "field `id` is `300`: out of range"),
            ("color=red&id=-1", "field `id` is `-1`: out of range"),
            ("color=red&id=x", "field `id` is `x`: not an integer"),
            ("color=red&id=7&id=8", "field `id` is there twice"),
            ("color=red&id=7&amount=", "field `amount` is ``: not a number"),
            (
                "color=red&id=7&count=0",
                "field `count` is `0`: invalid value: integer `0`, expected a nonzero u8",
            ),
        ] {
            assert_eq!(read::<Order>(form).unwrap_err().of("field", "form"), problem);
        }
        let whole = read::<u8>("a=1").unwrap_err().of("field", "form");
        assert!(whole.starts_with("the form is not the expected one: "), "{whole}");
    }

    #[test]
    fn floats_are_finite() {
        assert_eq!(parse::<f64>("-1e3"), Ok(-1000.0));
        for (text, why) in [
            ("1e999", "out of range"),
            ("-1e999", "out of range"),
            ("inf", "not a number"),
            ("NaN", "not a number"),
            ("Infinity", "not a number"),
        ] {
            assert_eq!(parse::<f64>(text), Err(why.into()));
            let order = format!("color=red&id=7&amount={text}");
            let problem = format!("`amount` is `{text}`: {why}");
            assert_eq!(read::<Order>(&order).unwrap_err().to_string(), problem);
        }
        assert_eq!(parse::<f32>("1e39"), Err("out of range".into()));
        assert_eq!(parse::<String>("inf"), Ok("inf".into()));
    }
}
