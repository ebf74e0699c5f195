//! Tools that are compiled in: for a team that builds an origin of its own.
//!
//! They are a server like the others, by the name of [`SERVER`] unless [`crate::Origin::tools_as`] says another: in the list of tools, in
//! `/capz`, at `/servers/native/mcp`, for clients of every revision and for `/call-tool`.

mod toolbox;

use std::fmt;

use futures_util::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::upstream::Teller;
pub use toolbox::Toolbox;

/// The name of the server that native tools belong to.
pub const SERVER: &str = "native";

/// A tool that is compiled in.
///
/// ```
/// use origin::native::{Answer, Arguments, Context, Tool, ToolError};
/// use serde_json::{Value, json};
///
/// struct Greet;
///
/// impl Tool for Greet {
///     fn name(&self) -> &str {
///         "greet"
///     }
///
///     fn description(&self) -> &str {
///         "Says hello"
///     }
///
///     fn input_schema(&self) -> Value {
///         json!({"type": "object", "properties": {"who": {"type": "string"}}, "required": ["who"]})
///     }
///
///     fn call<'a>(&'a self, arguments: Arguments<'a>, _: &'a Context) -> origin::native::Calling<'a> {
///         Box::pin(async move {
///             #[derive(serde::Deserialize)]
///             struct Greeting {
///                 who: String,
///             }
///             let Greeting { who } = arguments.parse()?;
///             Ok(Answer::text(format!("Hello, {who}")))
///         })
///     }
/// }
/// ```
pub trait Tool: Send + Sync + 'static {
    /// Its name: `[A-Za-z0-9_-]`, at most 64 characters with the server's name before it.
    fn name(&self) -> &str;

    /// What it does, for a model.
    fn description(&self) -> &str;

    /// The JSON Schema (2020-12) of its arguments. They are held against it before [`Tool::call`].
    fn input_schema(&self) -> Value;

    /// The JSON Schema of [`Answer::json`], where it has one.
    fn output_schema(&self) -> Option<Value> {
        None
    }

    /// MCP's hints: `readOnlyHint`, `destructiveHint`, `idempotentHint`, `openWorldHint`.
    fn annotations(&self) -> Option<Value> {
        None
    }

    /// Does it. Dropped when its caller has gone or has waited too long. A panic ends this call alone.
    fn call<'a>(&'a self, arguments: Arguments<'a>, context: &'a Context) -> Calling<'a>;
}

/// A call under way.
pub type Calling<'a> = BoxFuture<'a, Result<Answer, ToolError>>;

/// The arguments of a call: they fit the schema.
#[derive(Debug, Clone, Copy)]
pub struct Arguments<'a>(&'a str);

impl<'a> Arguments<'a> {
    /// One JSON object, as the client spelled it.
    pub fn as_json(self) -> &'a str {
        self.0
    }

    /// Them as a type.
    ///
    /// # Errors
    /// The type wants more than the schema.
    pub fn parse<T: DeserializeOwned>(self) -> Result<T, ToolError> {
        serde_json::from_str(self.0).map_err(|error| ToolError::new(error.to_string()))
    }
}

/// What a tool may use beside its arguments.
#[derive(Debug)]
pub struct Context(Option<Teller>);

impl Context {
    /// Tells the caller how far the call is, if it wants to know: `done` of `total`, in any unit, and a line for a person. Each time
    /// `done` has to be more.
    pub fn progress(&self, done: f64, total: Option<f64>, message: &str) {
        if let Some(teller) = &self.0 {
            teller.progress(done, total, message);
        }
    }
}

/// What a tool answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    content: Vec<Value>,
    structured: Option<Value>,
}

impl Answer {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            content: vec![json!({"type": "text", "text": text.into()})],
            structured: None,
        }
    }

    /// A value that is a JSON object, which stands in `structuredContent`, and as a text for clients that know only that.
    ///
    /// # Errors
    /// It is no JSON object.
    pub fn json<T: Serialize>(value: &T) -> Result<Self, ToolError> {
        let value =
            serde_json::to_value(value).map_err(|error| ToolError::new(error.to_string()))?;
        if !value.is_object() {
            return Err(ToolError::new("the answer is no JSON object"));
        }
        Ok(Self {
            structured: Some(value.clone()),
            ..Self::text(value.to_string())
        })
    }

    /// The same with one more block of MCP's content: an image, a link to a resource.
    #[must_use]
    pub fn with(mut self, block: Value) -> Self {
        self.content.push(block);
        self
    }

    fn into_result(self) -> Value {
        let mut result = json!({"content": self.content, "isError": false});
        if let Some(structured) = self.structured {
            result["structuredContent"] = structured;
        }
        result
    }
}

/// Why a tool failed, for the model that called it: the call itself went well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolError(String);

impl ToolError {
    /// An error with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ToolError {}
