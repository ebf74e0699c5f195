//! `mcp.discover`, `mcp.initialize`, `mcp.tool-call`: MCP works through the edge, in both eras.

use std::time::Duration;

use probe::{Answer, Ask, Target, Version, mcp};
use serde_json::{Map, Value};

use super::aim::{Aim, ServerAim};
use super::ask::fetch;
use super::verdict::{Verdict, sentence};

/// The two ways to speak MCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Era {
    /// Every request stands alone.
    Modern,
    /// `initialize` comes first.
    Legacy,
}

impl Era {
    const ALL: [Self; 2] = [Self::Modern, Self::Legacy];

    const fn revision(self) -> &'static str {
        match self {
            Self::Modern => mcp::MODERN,
            Self::Legacy => mcp::LEGACY,
        }
    }
}

/// The `result` of an answer, or what came in its place.
pub(crate) type Outcome = Result<Value, String>;

/// Asks which revisions the server has.
pub(crate) async fn gather_discover(aim: &Aim, version: Version) -> Outcome {
    ask(&target(aim), version, mcp::discover(&aim.mcp_path, 1))
        .await
        .map(|(result, _)| result)
}

/// Begins a legacy session.
pub(crate) async fn gather_initialize(aim: &Aim, version: Version) -> Outcome {
    let first = mcp::initialize(&aim.mcp_path, 1, mcp::LEGACY);
    ask(&target(aim), version, first)
        .await
        .map(|(result, _)| result)
}

/// Lists all tools, following the cursor.
pub(crate) async fn gather_tools(aim: &Aim, version: Version) -> Result<Vec<Value>, String> {
    let mut tools = Vec::new();
    let mut cursor: Option<String> = None;
    for _ in 0..PAGES {
        let page = mcp::tools_list(&aim.mcp_path, 1, cursor.as_deref());
        let (result, _) = ask(&target(aim), version, page).await?;
        tools.extend(result["tools"].as_array().cloned().unwrap_or_default());
        cursor = result["nextCursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            return Ok(tools);
        }
    }
    Err(format!(
        "the list of tools did not end within {PAGES} pages"
    ))
}

/// Calls a tool in one era.
pub(crate) async fn gather_call(aim: &Aim, version: Version, era: Era, call: &Call) -> Outcome {
    let target = target(aim);
    let modern = mcp::tools_call(&aim.mcp_path, 2, &call.tool, call.arguments.clone());
    if era == Era::Modern {
        return ask(&target, version, modern)
            .await
            .map(|(result, _)| result);
    }
    let initialize = mcp::initialize(&aim.mcp_path, 1, mcp::LEGACY);
    let (agreed, first) = ask(&target, version, initialize).await?;
    let session = Session {
        path: &aim.mcp_path,
        revision: agreed["protocolVersion"].as_str().unwrap_or(mcp::LEGACY),
        id: first.head.header("mcp-session-id"),
    };
    let told = fetch(&target, version, session.initialized()?)
        .await
        .map_err(|error| sentence(&error))?;
    if !told.head.status.is_success() {
        return Err(format!(
            "the word that the client is initialized was answered with status {}, not 202",
            told.head.status.as_u16()
        ));
    }
    ask(&target, version, session.call(&modern)?)
        .await
        .map(|(result, _)| result)
}

/// What a legacy client says after `initialize`: every message in the revision and the session that were agreed there.
struct Session<'a> {
    path: &'a str,
    revision: &'a str,
    id: Option<&'a str>,
}

impl Session<'_> {
    /// The notification that has to come before any other request.
    fn initialized(&self) -> Result<Ask, String> {
        self.tagged(mcp::initialized(self.path, self.revision))
    }

    /// The same request as a legacy client writes it: without `_meta` and without the headers that repeat the body.
    fn call(&self, modern: &Ask) -> Result<Ask, String> {
        let message: Value =
            serde_json::from_slice(&modern.body).map_err(|error| error.to_string())?;
        let mut params = message["params"].as_object().cloned().unwrap_or_default();
        params.remove("_meta");
        self.tagged(mcp::legacy(
            self.path,
            self.revision,
            message["id"].as_u64(),
            message["method"].as_str().unwrap_or_default(),
            Some(params),
        ))
    }

    fn tagged(&self, ask: Ask) -> Result<Ask, String> {
        match self.id {
            Some(id) => ask
                .with_header("mcp-session-id", id)
                .map_err(|error| sentence(&error)),
            None => Ok(ask),
        }
    }
}

async fn ask(target: &Target, version: Version, ask: Ask) -> Result<(Value, Answer), String> {
    let id = serde_json::from_slice::<Value>(&ask.body).unwrap_or_default()["id"].as_u64();
    let answer = fetch(target, version, ask)
        .await
        .map_err(|error| sentence(&error))?;
    let message = mcp::answer_to(&answer, id.unwrap_or_default()).map_err(|error| {
        format!(
            "status {}: {}",
            answer.head.status.as_u16(),
            sentence(&error)
        )
    })?;
    match message.get("error") {
        Some(error) => Err(format!(
            "error {}: {}",
            error["code"],
            error["message"].as_str().unwrap_or_default()
        )),
        None => Ok((message["result"].clone(), answer)),
    }
}

fn target(aim: &Aim) -> Target {
    aim.edge.clone().with_timeout(CALL)
}

/// Passes when the server names the modern revision.
pub(crate) fn judge_discover(seen: &Outcome) -> Verdict {
    let result = match seen {
        Err(error) => return Verdict::fail(error.clone()),
        Ok(result) => result,
    };
    let versions: Vec<_> = result["supportedVersions"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if versions.contains(&mcp::MODERN) {
        Verdict::pass(versions.join(", "))
    } else {
        Verdict::fail(format!(
            "`{}` is not among its revisions `{}`",
            mcp::MODERN,
            versions.join(", ")
        ))
    }
}

/// Passes when the server takes the newest legacy revision and says who it is.
pub(crate) fn judge_initialize(seen: &Outcome) -> Verdict {
    match seen {
        Err(error) => Verdict::fail(error.clone()),
        Ok(result) if result["protocolVersion"] != mcp::LEGACY => Verdict::fail(format!(
            "answered with the revision {}, not `{}`",
            result["protocolVersion"],
            mcp::LEGACY
        )),
        Ok(result) => match result["serverInfo"]["name"].as_str() {
            Some(name) => Verdict::pass(format!("`{name}` speaks {}", mcp::LEGACY)),
            None => Verdict::fail("the answer has no `serverInfo.name`"),
        },
    }
}

/// A tool call that proves a server.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    /// The server it belongs to.
    pub(crate) server: String,
    /// The tool, by the name that clients use.
    pub(crate) tool: String,
    /// The arguments.
    pub(crate) arguments: Map<String, Value>,
}

/// What to call, and which servers cannot be proved.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Calls {
    /// The calls.
    pub(crate) chosen: Vec<Call>,
    /// Servers without a call that is known to be safe.
    pub(crate) without: Vec<String>,
    /// Servers that cannot be called, and why.
    pub(crate) failed: Vec<String>,
}

/// Chooses a call for every server: the one that the spec names, else a tool that says it only reads and needs no argument.
/// Without servers (a URL) any such tool of the list will do.
pub(crate) fn choose(servers: &[ServerAim], tools: &[Value], failed: &[(String, String)]) -> Calls {
    let mut calls = Calls::default();
    if servers.is_empty() {
        match tools.iter().find(|tool| is_safe(tool)).and_then(tool_name) {
            Some(name) => calls.chosen.push(call("", name, Map::new())),
            None => calls.without.push("this URL".to_owned()),
        }
        return calls;
    }
    for server in servers {
        if let Some((_, error)) = failed.iter().find(|(name, _)| *name == server.name) {
            calls
                .failed
                .push(format!("server `{}` failed: {error}", server.name));
            continue;
        }
        let own: Vec<_> = tools
            .iter()
            .filter(|tool| is_of(tool, server, servers.len()))
            .collect();
        match &server.call {
            Some((tool, arguments)) => {
                let listed = own
                    .iter()
                    .filter_map(|listed| tool_name(listed))
                    .find(|listed| {
                        *listed == tool
                            || listed.strip_suffix(tool.as_str())
                                == Some(&format!("{}__", server.name))
                    });
                let arguments = arguments.as_object().cloned().unwrap_or_default();
                match listed {
                    Some(name) => calls.chosen.push(call(&server.name, name, arguments)),
                    None => calls
                        .failed
                        .push(format!("server `{}` lists no tool `{tool}`", server.name)),
                }
            }
            None => match own
                .iter()
                .find(|tool| is_safe(tool))
                .and_then(|tool| tool_name(tool))
            {
                Some(name) => calls.chosen.push(call(&server.name, name, Map::new())),
                None => calls.without.push(format!("server `{}`", server.name)),
            },
        }
    }
    calls
}

fn call(server: &str, tool: &str, arguments: Map<String, Value>) -> Call {
    Call {
        server: server.to_owned(),
        tool: tool.to_owned(),
        arguments,
    }
}

fn tool_name(tool: &Value) -> Option<&str> {
    tool["name"].as_str()
}

/// A tool belongs to the server whose name it starts with; with plain names there is one server, which has them all.
fn is_of(tool: &Value, server: &ServerAim, servers: usize) -> bool {
    let prefix = format!("{}__", server.name);
    tool_name(tool).is_some_and(|name| servers == 1 || name.starts_with(&prefix))
}

fn is_safe(tool: &Value) -> bool {
    let required = tool["inputSchema"]["required"]
        .as_array()
        .map_or(0, Vec::len);
    tool["annotations"]["readOnlyHint"] == true && required == 0
}

/// One call as it was answered.
#[derive(Debug, Clone)]
pub(crate) struct Called {
    /// The tool.
    pub(crate) tool: String,
    /// The era it was called in.
    pub(crate) era: Era,
    /// Its result.
    pub(crate) outcome: Outcome,
}

/// Makes every call in both eras over one version.
pub(crate) async fn gather_calls(aim: &Aim, version: Version, calls: &[Call]) -> Vec<Called> {
    let mut called = Vec::new();
    for call in calls {
        for era in Era::ALL {
            called.push(Called {
                tool: call.tool.clone(),
                era,
                outcome: gather_call(aim, version, era, call).await,
            });
        }
    }
    called
}

/// Passes when every call came back with a result that is no error.
pub(crate) fn judge_called(called: &[Called]) -> Verdict {
    let mut tools = Vec::new();
    for call in called {
        if let Some(fault) = fault(&call.outcome) {
            return Verdict::fail(format!(
                "`{}` ({}): {fault}",
                call.tool,
                call.era.revision()
            ));
        }
        if !tools.contains(&call.tool) {
            tools.push(call.tool.clone());
        }
    }
    Verdict::pass(format!("`{}` answered in both eras", tools.join("`, `")))
}

fn fault(outcome: &Outcome) -> Option<String> {
    match outcome {
        Err(error) => Some(error.clone()),
        Ok(result) if result["isError"] == true => {
            let text = result["content"][0]["text"].as_str().unwrap_or_default();
            Some(format!(
                "the tool answered with an error: {}",
                first_line(text)
            ))
        }
        Ok(result) if !result["content"].is_array() => {
            Some("the result has no `content`".to_owned())
        }
        Ok(_) => None,
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// The whole verdict: servers that cannot be called weigh as failures, servers without a known call are named.
pub(crate) fn judge_servers(
    tools: &Result<Vec<Value>, String>,
    calls: &Calls,
    called: &[(Version, Verdict)],
) -> Verdict {
    match tools {
        Err(error) => return Verdict::fail(format!("tools/list: {error}")),
        Ok(tools) if tools.is_empty() && calls.failed.is_empty() => {
            return Verdict::fail(
                "the list of tools is empty: no `[[servers]]` is there, or none is ready",
            );
        }
        Ok(_) => {}
    }
    let missing = (!calls.without.is_empty()).then(|| {
        let named = calls.without.join(", ");
        format!("no call is known to be safe for {named}: name one with `check_tool` and `check_arguments`")
    });
    let mut verdict = if calls.chosen.is_empty() {
        Verdict::skip(
            missing
                .clone()
                .unwrap_or_else(|| "there is no server to call".to_owned()),
        )
    } else {
        let mut verdict = Verdict::over_versions(called);
        if let Some(missing) = missing {
            verdict.detail = format!("{}; {missing}", verdict.detail);
        }
        verdict
    };
    if !calls.failed.is_empty() {
        let named = calls.failed.join("; ");
        verdict.detail = if calls.chosen.is_empty() {
            named
        } else {
            format!("{named}; {}", verdict.detail)
        };
        verdict.status = super::Status::Fail;
    }
    verdict
}

/// Twice the time that a cold interpreter needs for its first call on a small machine.
const CALL: Duration = Duration::from_secs(30);
/// More pages than any list of tools has: a cursor that never ends is a fault, not a reason to hang.
const PAGES: usize = 100;

#[cfg(test)]
#[path = "mcp_tests.rs"]
mod tests;
