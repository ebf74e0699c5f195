//! What templates see: checked words under names, and lists of such.

use serde_json::{Map, Value};
use tera::Context;

use crate::words::Word;

/// Named values of one level. Every text in it comes from a [`Word`].
#[derive(Debug, Clone, Default)]
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// A word under a name.
    pub(super) fn word(mut self, name: &str, word: &impl Word) -> Self {
        self.0.insert(name.to_owned(), text(word));
        self
    }

    /// A word that may be absent; a template asks for it with `if`.
    pub(super) fn optional(self, name: &str, word: Option<&impl Word>) -> Self {
        match word {
            Some(word) => self.word(name, word),
            None => self.flag(name, false),
        }
    }

    /// A switch.
    pub(super) fn flag(mut self, name: &str, on: bool) -> Self {
        self.0.insert(name.to_owned(), Value::Bool(on));
        self
    }

    /// A list of words.
    pub(super) fn words<'w, W: Word + 'w>(
        mut self,
        name: &str,
        words: impl IntoIterator<Item = &'w W>,
    ) -> Self {
        let list = words.into_iter().map(text).collect();
        self.0.insert(name.to_owned(), Value::Array(list));
        self
    }

    /// Values below a name.
    pub(super) fn below(mut self, name: &str, fields: &Self) -> Self {
        self.0
            .insert(name.to_owned(), Value::Object(fields.0.clone()));
        self
    }

    /// A list of values below a name.
    pub(super) fn list(mut self, name: &str, items: &[Self]) -> Self {
        let list = items
            .iter()
            .map(|item| Value::Object(item.0.clone()))
            .collect();
        self.0.insert(name.to_owned(), Value::Array(list));
        self
    }

    /// These values with others, which win.
    pub(super) fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// The whole as tera takes it.
    pub(super) fn into_context(self) -> Context {
        let mut context = Context::new();
        for (name, value) in self.0 {
            context.insert(name, &value);
        }
        context
    }
}

/// Numbers too are texts here, so that the escape function sees everything that is printed.
fn text(word: &impl Word) -> Value {
    Value::String(word.to_string())
}
