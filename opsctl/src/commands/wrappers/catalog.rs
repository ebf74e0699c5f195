//! The text of the catalog, from a file or from the tool API.

use std::path::Path;

use findings::Finding;
use probe::{Answer, Ask, Target, Version};

use super::super::trust_in;
use crate::checks::ask::fetch as ask;
use crate::cli::Wrappers;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::host::files;
use crate::ui::printable;

/// Reads it. It is at most [`probe::MAX_BODY`] bytes.
pub(super) async fn fetch(arguments: &Wrappers) -> Result<String, CommandError> {
    let from = &arguments.from;
    if !from.starts_with("http://") && !from.starts_with("https://") {
        let text = files::read_text_up_to(Path::new(from), probe::MAX_BODY);
        return text.map_err(|error| {
            let hint = "`--from` takes a file with the JSON of `/tools`, or an address as https://mcp.example.com";
            CommandError::from(error).hint(hint)
        });
    }
    let usage = |error: probe::ProbeError| CommandError::new(Exit::Usage, error);
    let (mut target, path) = Target::from_url(from).map_err(usage)?;
    if let Some(file) = &arguments.ca {
        target.trust = trust_in(file)?;
    }
    let base = path.trim_end_matches('/');
    let base = base.strip_suffix("/tools").unwrap_or(base);
    let mut request = Ask::get(format!("{base}/tools"));
    // the name that the wrappers take it from too
    if let Ok(key) = std::env::var("MCP_API_KEY")
        && !key.is_empty()
    {
        let value = format!("Bearer {key}");
        request = request
            .with_header("authorization", &value)
            .map_err(usage)?;
    }
    let answer = ask(&target, Version::Http1, request).await;
    let answer = answer.map_err(|error| {
        let hint = "the tools are asked for where they are called: is the origin up, and does its edge expose `tools`?";
        CommandError::new(Exit::Prerequisite, error).hint(hint)
    })?;
    text_of(&answer, from)
}

fn text_of(answer: &Answer, from: &str) -> Result<String, CommandError> {
    let status = answer.head.status.as_u16();
    let hint = match status {
        200 => {
            let text = String::from_utf8(answer.body.to_vec());
            return text.map_err(|_| {
                refused(
                    format!("what `{}` answers is not UTF-8", printable(from)),
                    None,
                )
            });
        }
        401 | 403 => "an API key is taken from the environment: MCP_API_KEY=… opsctl wrappers …",
        404 => {
            "the edge passes the tool API on when the spec says so: `expose = [\"tools\", \"call-tool\"]` in [edge]"
        }
        503 => "the origin has no tools yet: see `/readyz`",
        _ => "the tool API answers `GET /tools`: `opsctl probe` shows what this server does",
    };
    let message = format!(
        "`{}/tools` answers {status}",
        printable(from.trim_end_matches('/'))
    );
    Err(refused(message, Some(hint)))
}

fn refused(message: String, hint: Option<&str>) -> CommandError {
    let finding = Finding::error("wrappers.source", message);
    let finding = match hint {
        Some(hint) => finding.hint(hint),
        None => finding,
    };
    CommandError::finding(Exit::Prerequisite, finding)
}
