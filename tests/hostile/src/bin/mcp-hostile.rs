//! An MCP server on standard input and output that does one thing after another, and that misbehaves when it is asked to.
//!
//! `mcp-hostile [MODE]`: `silent` never answers, `dead` ends at once with an error, `leaves` ends at once without one,
//! `deaf` stays when its input ends, `chatty` fills its error output before it serves.

use std::fs::File;
use std::io::{self, BufRead as _, Write};
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::value::RawValue;
use serde_json::{Value, json};

fn main() -> ExitCode {
    let mode = std::env::args().nth(1).unwrap_or_default();
    match mode.as_str() {
        "dead" => {
            let _ = writeln!(io::stderr(), "nothing to serve here");
            return ExitCode::FAILURE;
        }
        "leaves" => return ExitCode::SUCCESS,
        "chatty" => flood(&mut io::stderr(), MIB, b'\n'),
        _ => {}
    }
    let served = Server::default().serve(mode == "silent");
    if mode == "deaf" {
        forever();
    }
    if served.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

#[derive(Default)]
struct Server {
    cancelled: u64,
    calls: u64,
}

/// A message, as much of it as is of interest; what is passed on is not looked into.
#[derive(Default)]
struct Message<'a> {
    id: Option<&'a str>,
    method: String,
    params: Option<&'a RawValue>,
}

impl<'a> Message<'a> {
    fn read(line: &'a str) -> serde_json::Result<Self> {
        let members: std::collections::HashMap<&str, &RawValue> = serde_json::from_str(line)?;
        let method = members.get("method").map(|method| method.get());
        Ok(Self {
            id: members.get("id").map(|id| id.get()),
            method: method.map_or(Ok(String::new()), serde_json::from_str)?,
            params: members.get("params").copied(),
        })
    }

    fn params(&self) -> Value {
        let params = self.params.map(RawValue::get);
        params
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default()
    }
}

impl Server {
    fn serve(&mut self, silent: bool) -> io::Result<()> {
        for line in io::stdin().lock().lines() {
            let line = line?;
            match Message::read(&line) {
                Ok(message) if !silent => self.receive(&message)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn receive(&mut self, message: &Message<'_>) -> io::Result<()> {
        let Some(id) = message.id else {
            self.cancelled += u64::from(message.method == "notifications/cancelled");
            return Ok(());
        };
        match message.method.as_str() {
            "initialize" => answer(
                id,
                &json!({
                    "protocolVersion": "2025-11-25",
                    "capabilities": {"tools": {"listChanged": true}},
                    "serverInfo": {"name": "hostile", "version": "1"},
                })
                .to_string(),
            ),
            "tools/list" => {
                let tools = TOOLS.map(
                    |(name, about)| json!({"name": name, "description": about, "inputSchema": {"type": "object"}}),
                );
                answer(id, &json!({ "tools": tools }).to_string())
            }
            "tools/call" => self.call(id, &message.params()),
            "ping" => answer(id, "{}"),
            _ => say(&format!(
                r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32601,"message":"not served"}}}}"#
            )),
        }
    }

    fn call(&mut self, id: &str, params: &Value) -> io::Result<()> {
        self.calls += 1;
        let arguments = &params["arguments"];
        let number = arguments["n"].as_u64().unwrap_or(1);
        let text = |text: &str| answer(id, &content(text));
        match params["name"].as_str().unwrap_or_default() {
            "echo" => text(arguments["text"].as_str().unwrap_or_default()),
            "pid" => text(&std::process::id().to_string()),
            "calls" => text(&self.calls.to_string()),
            "cancelled" => text(&self.cancelled.to_string()),
            "environment" => text(&environment()),
            "limits" => text(&std::fs::read_to_string("/proc/self/limits")?),
            "slow" => {
                rest(Duration::from_millis(number));
                text(&std::process::id().to_string())
            }
            "child" => text(&spawn("sleep", &["300"])?),
            // a session of its own is a group of its own
            "stray" => text(&spawn("setsid", &["sleep", "300"])?),
            "hang" => Ok(()),
            "die" => {
                writeln!(io::stderr(), "my last words")?;
                die()
            }
            "garbage" => {
                io::stdout().write_all(b"Listening on port 80\n\xff\xfe\n{\"half\": \n[]\n7\n")?;
                text("after garbage")
            }
            "long" => {
                flood(&mut io::stdout(), number * MIB, b'x');
                say("")?;
                text("after the line")
            }
            // the answer itself is too long, and says first whose it is
            "long_answer" => {
                write!(
                    io::stdout(),
                    r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[{{"type":"text","text":""#
                )?;
                flood(&mut io::stdout(), number * MIB, b'x');
                say(r#""}]}}"#)
            }
            "notifications" => {
                for _ in 0..number {
                    for notification in NOTIFICATIONS {
                        say(notification)?;
                    }
                }
                text("after notifications")
            }
            "unknown_id" => {
                answer("4711000", &content("to nobody"))?;
                answer("\"no-such-id\"", &content("to nobody"))?;
                text("to the caller")
            }
            "twice" => {
                text("first")?;
                text("second")
            }
            "close_output" => {
                rustix::stdio::dup2_stdout(&File::create("/dev/null")?)?;
                Ok(())
            }
            "close_input" => {
                rustix::stdio::dup2_stdin(&File::open("/dev/null")?)?;
                text("deaf from now on")?;
                forever()
            }
            "errors" => {
                flood(&mut io::stderr(), number * MIB, b'\n');
                text("after errors")
            }
            "half" => {
                let mut out = io::stdout();
                write!(out, r#"{{"jsonrpc":"2.0","id":{id},"resu"#)?;
                out.flush()?;
                forever()
            }
            "stop_reading" => {
                text("reads no more")?;
                forever()
            }
            name => text(&format!("there is no tool `{name}`")),
        }
    }
}

fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes())?;
    out.flush()
}

fn answer(id: &str, result: &str) -> io::Result<()> {
    say(&format!(
        r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#
    ))
}

fn content(text: &str) -> String {
    format!(
        r#"{{"content":[{{"type":"text","text":{}}}],"isError":false}}"#,
        Value::from(text)
    )
}

/// `NAME=VALUE` lines.
fn environment() -> String {
    let lines = std::env::vars().map(|(name, value)| format!("{name}={value}"));
    lines.collect::<Vec<_>>().join("\n")
}

fn spawn(program: &str, arguments: &[&str]) -> io::Result<String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    Ok(command.spawn()?.id().to_string())
}

/// Writes pieces of a kibibyte, each with this byte at its end.
fn flood(out: &mut impl Write, bytes: u64, end: u8) {
    let mut piece = [b'x'; 1 << 10];
    piece[(1 << 10) - 1] = end;
    for _ in 0..bytes >> 10 {
        // a reader that is gone has had enough
        if out.write_all(&piece).is_err() {
            return;
        }
    }
}

fn rest(length: Duration) {
    let end = Instant::now() + length;
    while let Some(left) = end.checked_duration_since(Instant::now()) {
        thread::park_timeout(left);
    }
}

fn forever() -> ! {
    loop {
        thread::park();
    }
}

/// Ends the process where it stands, as a crash does.
#[expect(
    clippy::disallowed_methods,
    clippy::exit,
    reason = "a server that dies in a call does not unwind to its main"
)]
fn die() -> ! {
    std::process::exit(3)
}

const MIB: u64 = 1 << 20;

const NOTIFICATIONS: [&str; 4] = [
    r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#,
    r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}"#,
    r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}"#,
    r#"{"jsonrpc":"2.0","method":"notifications/of/nobody"}"#,
];

const TOOLS: [(&str, &str); 22] = [
    ("echo", "gives `text` back"),
    ("pid", "the process id"),
    ("calls", "how many calls this process has had"),
    ("cancelled", "how many calls were cancelled"),
    ("environment", "its variables"),
    ("limits", "its resource limits"),
    ("slow", "answers after `n` ms, and nothing else meanwhile"),
    ("child", "starts a process in its group"),
    ("stray", "starts a process in a session of its own"),
    ("hang", "never answers"),
    ("die", "ends with an error"),
    ("garbage", "writes what is no message, then answers"),
    ("long", "writes a line of `n` MiB, then answers"),
    ("long_answer", "answers with a text of `n` MiB"),
    (
        "notifications",
        "sends `n` times four notifications, then answers",
    ),
    ("unknown_id", "answers what was never asked, then what was"),
    ("twice", "answers twice"),
    ("close_output", "closes its standard output and lives on"),
    (
        "close_input",
        "answers, closes its standard input and lives on",
    ),
    ("errors", "writes `n` MiB to its error output, then answers"),
    ("half", "writes half an answer and stops"),
    ("stop_reading", "answers and reads no more"),
];
