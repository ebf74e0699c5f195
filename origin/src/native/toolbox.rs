//! The native tools of one origin.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use mcp::error::{Error, INTERNAL_ERROR, INVALID_PARAMS};
use serde_json::{Value, json};

use super::{Arguments, Context, Tool, ToolError};
use crate::middleware::panic_guard;
use crate::tools::{self, Check};
use crate::upstream::Teller;

/// Tools by their names, each with the check of its arguments.
#[derive(Default)]
pub struct Toolbox(BTreeMap<String, (Arc<dyn Tool>, Check)>);

impl Toolbox {
    /// Puts a tool in. Of two with one name the later one stays.
    pub fn add(&mut self, tool: impl Tool) {
        let check = Check::compile(&tool.input_schema().to_string());
        if let Some(reason) = check.unusable() {
            tracing::warn!(
                tool = tool.name(),
                reason,
                "the arguments of this tool are not checked: its input schema cannot be used"
            );
        }
        self.0
            .insert(tool.name().to_owned(), (Arc::new(tool), check));
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tools as MCP lists them.
    pub(crate) fn list(&self) -> Vec<Box<str>> {
        let described = |(tool, _): &(Arc<dyn Tool>, Check)| {
            let mut item = json!({
                "name": tool.name(),
                "description": tool.description(),
                "inputSchema": tool.input_schema(),
            });
            for (key, value) in [
                ("outputSchema", tool.output_schema()),
                ("annotations", tool.annotations()),
            ] {
                if let Some(value) = value {
                    item[key] = value;
                }
            }
            item.to_string().into()
        };
        self.0.values().map(described).collect()
    }

    /// Calls a tool: its result as raw JSON.
    ///
    /// # Errors
    /// There is no such tool, or it panicked. That it failed stands in its result.
    pub(crate) async fn call(
        &self,
        name: &str,
        arguments: &str,
        teller: Option<Teller>,
    ) -> Result<Box<str>, Error> {
        let Some((tool, check)) = self.0.get(name) else {
            return Err(Error::new(
                INVALID_PARAMS,
                format!("no tool is named `{name}`"),
            ));
        };
        let fits = tools::Arguments::read(arguments)
            .map_err(|error| error.to_string())
            .and_then(|arguments| check.judge(&arguments).map_err(|misfit| misfit.to_string()));
        if let Err(misfit) = fits {
            return Ok(failed(&misfit));
        }
        let context = Context(teller);
        let called = AssertUnwindSafe(async { tool.call(Arguments(arguments), &context).await });
        match called.catch_unwind().await {
            Ok(Ok(answer)) => Ok(answer.into_result().to_string().into()),
            Ok(Err(ToolError(text))) => Ok(failed(&text)),
            Err(panic) => {
                let reason = panic_guard::reason(panic.as_ref());
                tracing::error!(tool = name, reason, "a tool panicked");
                Err(Error::new(INTERNAL_ERROR, "the tool panicked"))
            }
        }
    }
}

fn failed(text: &str) -> Box<str> {
    let result: Value = json!({"content": [{"type": "text", "text": text}], "isError": true});
    result.to_string().into()
}

impl fmt::Debug for Toolbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
