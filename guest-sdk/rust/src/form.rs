//! What a client has sent as text, as types: parameters, and queries and forms as structs.

use std::any::Any;
use std::fmt::Display;
use std::str::FromStr;

use serde::de::value::{Error, MapDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use crate::query;

/// A query or a form, field by field.
pub(crate) fn read<T: DeserializeOwned>(form: &str) -> Result<T, Error> {
    let fields = query::pairs(form).map(|(name, value)| (name, Field(value)));
    T::deserialize(MapDeserializer::new(fields))
}

/// A text as a `T`. Rust takes `inf`, `NaN` and `1e999` for floats, and a client's may be none.
pub(crate) fn parse<T: FromStr<Err: Display> + 'static>(text: &str) -> Result<T, String> {
    let value: T = text.parse().map_err(|e: T::Err| e.to_string())?;
    match is_finite(&value) {
        true => Ok(value),
        false => Err("not a finite number".to_owned()),
    }
}

/// What is not a float is finite.
fn is_finite(value: &dyn Any) -> bool {
    let single = value.downcast_ref::<f32>().is_none_or(|float| float.is_finite());
    single && value.downcast_ref::<f64>().is_none_or(|float| float.is_finite())
}

/// A field's value, which says no more of its type than that it is text.
struct Field(String);

impl IntoDeserializer<'_, Error> for Field {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! parsed {
    ($($method:ident => $visit:ident,)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            visitor.$visit(parse(&self.0).map_err(Error::custom)?)
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
        visitor.visit_string(self.0)
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
        visitor.visit_enum(self.0.into_deserializer())
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct tuple tuple_struct struct seq map identifier
        ignored_any
    }
}

#[cfg(test)]
mod tests {
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
        #[serde(default)]
        note: String,
    }

    #[test]
    fn fields_have_types() {
        let order = Order { color: Color::Red, id: Id(7), amount: Some(1.5), note: "a ä".into() };
        assert_eq!(read("&color=red&amount=1.5&id=7&note=a+%C3%A4&other"), Ok(order));
        let pairs: Vec<(String, u8)> = read("a=1&a=2").unwrap();
        assert_eq!(pairs, [("a".into(), 1), ("a".into(), 2)]);
        for (form, problem) in [
            ("color=blue&id=7", "unknown variant `blue`, expected `red`"),
            ("color=red", "missing field `id`"),
            ("color=red&id=300", "number too large to fit in target type"),
            ("color=red&id=7&id=8", "duplicate field `id`"),
            ("color=red&id=7&amount=", "cannot parse float from empty string"),
        ] {
            assert_eq!(read::<Order>(form).unwrap_err().to_string(), problem);
        }
    }

    #[test]
    fn floats_are_finite() {
        assert_eq!(parse::<f64>("-1e3"), Ok(-1000.0));
        for text in ["1e999", "-1e999", "inf", "NaN", "Infinity"] {
            assert_eq!(parse::<f64>(text), Err("not a finite number".into()));
            let order = format!("color=red&id=7&amount={text}");
            assert_eq!(read::<Order>(&order).unwrap_err().to_string(), "not a finite number");
        }
        assert_eq!(parse::<f32>("1e39"), Err("not a finite number".into()));
        assert_eq!(parse::<String>("inf"), Ok("inf".into()));
    }
}
