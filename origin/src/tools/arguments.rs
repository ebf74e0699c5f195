//! Arguments as a value: read once, with no member standing twice anywhere.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::check::place;

/// The arguments of a call, for looking at. What the server gets are the client's own bytes.
#[derive(Debug)]
pub struct Arguments {
    /// The value. A number beyond 64 bits is the nearest double here.
    pub(super) value: Value,
    /// How many values stand in it, itself counted.
    pub(super) count: u64,
    /// How deep objects and arrays stand in one another.
    pub(super) depth: usize,
}

/// Why arguments cannot be looked at.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadArguments {
    /// A member stands twice: the check would see one and the tool may take the other.
    #[error("`{0}` stands twice")]
    Twice(String),
    /// No value, for a reason that the parser gives.
    #[error("the arguments cannot be read: {0}")]
    Unreadable(String),
}

impl Arguments {
    /// Reads one JSON value.
    ///
    /// # Errors
    /// [`BadArguments`]; a number above the range of a double is one that cannot be read.
    pub fn read(text: &str) -> Result<Self, BadArguments> {
        let state = State::default();
        let mut parser = serde_json::Deserializer::from_str(text);
        let read = Seed {
            state: &state,
            depth: 0,
        }
        .deserialize(&mut parser);
        let State { path, seen } = state;
        let seen = seen.into_inner();
        match (read, seen.twice) {
            (_, true) => Err(BadArguments::Twice(place(
                path.into_inner().iter().map(String::as_str),
            ))),
            (Ok(value), false) => Ok(Self {
                value,
                count: seen.count,
                depth: seen.depth,
            }),
            (Err(error), false) => Err(BadArguments::Unreadable(error.to_string())),
        }
    }
}

#[derive(Default)]
struct State {
    /// The keys and numbers that lead to where the parser is.
    path: RefCell<Vec<String>>,
    seen: RefCell<Seen>,
}

#[derive(Default)]
struct Seen {
    count: u64,
    depth: usize,
    twice: bool,
}

#[derive(Clone, Copy)]
struct Seed<'s> {
    state: &'s State,
    depth: usize,
}

impl Seed<'_> {
    /// One level further in, at `step`.
    fn at(self, step: String) -> Self {
        self.state.path.borrow_mut().push(step);
        Self {
            depth: self.depth + 1,
            ..self
        }
    }

    fn leave(self) {
        self.state.path.borrow_mut().pop();
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, parser: D) -> Result<Value, D::Error> {
        let mut seen = self.state.seen.borrow_mut();
        seen.count += 1;
        seen.depth = seen.depth.max(self.depth);
        drop(seen);
        parser.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut read = Vec::new();
        while let Some(value) = items.next_element_seed(self.at(read.len().to_string()))? {
            self.leave();
            read.push(value);
        }
        self.leave();
        Ok(Value::Array(read))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut read = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            let inner = self.at(key.clone());
            if read.contains_key(&key) {
                self.state.seen.borrow_mut().twice = true;
                return Err(A::Error::custom("a member stands twice"));
            }
            let value = members.next_value_seed(inner)?;
            self.leave();
            read.insert(key, value);
        }
        Ok(Value::Object(read))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn arguments_are_read_and_counted() {
        let read =
            Arguments::read(r#" {"a":[1,{"b":-2.5}],"c":null,"d":true,"e":"\u0061"} "#).unwrap();
        assert_eq!(
            read.value,
            json!({"a":[1,{"b":-2.5}],"c":null,"d":true,"e":"a"})
        );
        assert_eq!((read.count, read.depth), (8, 3));
    }

    #[test]
    fn a_member_that_stands_twice_is_named_by_its_place() {
        for (text, place) in [
            (r#"{"a":1,"\u0061":2}"#, "arguments.a"),
            (
                r#"{"x":[0,{"y z":{"b":1,"b":1}}]}"#,
                "arguments.x[1][\"y z\"].b",
            ),
        ] {
            assert_eq!(
                Arguments::read(text).unwrap_err(),
                BadArguments::Twice(place.into()),
                "{text}"
            );
        }
    }

    #[test]
    fn what_no_value_can_hold_is_said() {
        let error = Arguments::read(r#"{"a":1e400}"#).unwrap_err().to_string();
        assert!(error.contains("out of range"), "{error}");
    }
}
