//! What templates see: data, which is printed as a literal of the target language, and code, which this crate made.

use std::collections::BTreeMap;

use tera::{Context, Value};

/// Named values of one level.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields(BTreeMap<&'static str, Value>);

impl Fields {
    /// A text of a stranger: the template prints it as a literal.
    pub(crate) fn data(mut self, name: &'static str, text: &str) -> Self {
        self.0.insert(name, Value::normal_string(text));
        self
    }

    /// A text that this crate made and that stands in the file as it is.
    pub(crate) fn code(mut self, name: &'static str, text: &str) -> Self {
        self.0.insert(name, Value::safe_string(text));
        self
    }

    /// A switch.
    pub(crate) fn flag(mut self, name: &'static str, on: bool) -> Self {
        self.0.insert(name, Value::from(on));
        self
    }

    /// Texts of strangers.
    pub(crate) fn texts(mut self, name: &'static str, texts: &[String]) -> Self {
        let texts: Vec<_> = texts
            .iter()
            .map(|text| Value::normal_string(text))
            .collect();
        self.0.insert(name, Value::from(texts));
        self
    }

    /// A list of values below a name.
    pub(crate) fn list(mut self, name: &'static str, items: Vec<Self>) -> Self {
        let items: Vec<_> = items.into_iter().map(|item| Value::from(item.0)).collect();
        self.0.insert(name, Value::from(items));
        self
    }

    /// The whole as tera takes it.
    pub(crate) fn into_context(self) -> Context {
        let mut context = Context::new();
        for (name, value) in self.0 {
            context.insert_value(name, value);
        }
        context
    }
}
