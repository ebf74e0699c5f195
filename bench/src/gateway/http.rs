//! Callers over HTTP/1.1, each with a session and a connection of its own that is kept alive.
//!
//! As little as a client can do: it is on the same machine as what it measures.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::call::PAYLOAD;
use crate::Fault;

/// The revision that every bridge speaks.
const REVISION: &str = "2025-06-18";

pub(crate) struct Caller {
    stream: TcpStream,
    port: u16,
    session: Option<String>,
    /// The whole request of a call.
    call: String,
    buffer: Vec<u8>,
}

impl Caller {
    /// Connects, opens a session and finds the tool whose name ends in `echo`.
    pub(crate) async fn open(port: u16) -> Result<Self, Fault> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut caller = Self {
            stream,
            port,
            session: None,
            call: String::new(),
            buffer: Vec::with_capacity(16 << 10),
        };
        let client = json!({"name": "bench", "version": "0"});
        let params = json!({"protocolVersion": REVISION, "capabilities": {}, "clientInfo": client});
        caller.ask(Some(1), "initialize", &params).await?;
        let session = caller.header("mcp-session-id");
        caller.session = session;
        caller
            .ask(None, "notifications/initialized", &json!({}))
            .await?;
        let tools = caller.ask(Some(2), "tools/list", &json!({})).await?;
        let tools = tools["result"]["tools"].as_array().cloned();
        let names = tools.unwrap_or_default();
        let mut names = names.iter().filter_map(|tool| tool["name"].as_str());
        let name = names.find(|name| name.ends_with("echo"));
        let name = name.ok_or("a bridge shows no tool to call")?;
        let params = json!({"name": name, "arguments": {"text": PAYLOAD}});
        caller.call = caller.request(Some(3), "tools/call", &params);
        Ok(caller)
    }

    /// Connects anew, in the same session: a bridge may have closed the connection while others had their turns.
    pub(crate) async fn connect(&mut self) -> Result<(), Fault> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        self.stream = TcpStream::connect(address).await?;
        Ok(self.stream.set_nodelay(true)?)
    }

    /// Calls one after the other until `end`; the latencies.
    pub(crate) async fn calls(&mut self, end: Instant) -> Result<Vec<f64>, Fault> {
        let mut latencies = Vec::new();
        while Instant::now() < end {
            let at = Instant::now();
            let call = std::mem::take(&mut self.call);
            self.exchange(&call).await?;
            self.call = call;
            let found = self.buffer.windows(PAYLOAD.len());
            if !found.into_iter().any(|text| text == PAYLOAD.as_bytes()) {
                let answer = String::from_utf8_lossy(&self.buffer);
                return Err(format!("a bridge answers {answer}").into());
            }
            latencies.push(at.elapsed().as_secs_f64());
        }
        Ok(latencies)
    }

    fn request(&self, id: Option<u64>, method: &str, params: &Value) -> String {
        let mut message = json!({"jsonrpc": "2.0", "method": method, "params": params});
        if let Some(id) = id {
            message["id"] = json!(id);
        }
        let (body, session) = (message.to_string(), self.session.as_ref());
        let session = session.map(|session| format!("mcp-session-id: {session}\r\n"));
        format!(
            "POST /mcp HTTP/1.1\r\nhost: 127.0.0.1:{}\r\ncontent-type: application/json\r\n\
             accept: application/json, text/event-stream\r\nmcp-protocol-version: {REVISION}\r\n{}\
             content-length: {}\r\n\r\n{body}",
            self.port,
            session.unwrap_or_default(),
            body.len()
        )
    }

    async fn ask(&mut self, id: Option<u64>, method: &str, params: &Value) -> Result<Value, Fault> {
        let request = self.request(id, method, params);
        self.exchange(&request).await?;
        if id.is_none() {
            return Ok(Value::Null);
        }
        // JSON, or the data of one event; in chunks or not: it is one line either way
        let text = String::from_utf8_lossy(&self.buffer);
        let mut lines = text
            .lines()
            .map(|line| line.trim_start_matches("data:").trim());
        let found = lines.find(|line| line.starts_with('{'));
        let found = found.ok_or_else(|| format!("a bridge answers `{method}` with {text}"))?;
        Ok(serde_json::from_str(found)?)
    }

    /// Sends a request and reads its answer, head and body, into the buffer.
    async fn exchange(&mut self, request: &str) -> Result<(), Fault> {
        self.buffer.clear();
        self.stream.write_all(request.as_bytes()).await?;
        let mut end = None;
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("a bridge closed the connection".into());
            }
            end = end.or_else(|| End::of(&self.buffer));
            if end.as_ref().is_some_and(|end| end.is_there(&self.buffer)) {
                return Ok(());
            }
        }
    }

    fn header(&self, name: &str) -> Option<String> {
        let text = String::from_utf8_lossy(&self.buffer);
        let mut lines = text.lines().filter_map(|line| line.split_once(':'));
        let (_, value) = lines.find(|(found, _)| found.eq_ignore_ascii_case(name))?;
        Some(value.trim().to_owned())
    }
}

/// Where an answer ends.
enum End {
    At(usize),
    /// With the last chunk (RFC 9112 section 7.1).
    LastChunk,
}

impl End {
    fn of(buffer: &[u8]) -> Option<Self> {
        let head = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
        let text = String::from_utf8_lossy(&buffer[..head]).to_ascii_lowercase();
        let length = text
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"));
        Some(
            match length.and_then(|length| length.trim().parse::<usize>().ok()) {
                Some(length) => Self::At(head + length),
                None if text.contains("transfer-encoding: chunked") => Self::LastChunk,
                None => Self::At(head),
            },
        )
    }

    fn is_there(&self, buffer: &[u8]) -> bool {
        match self {
            Self::At(end) => buffer.len() >= *end,
            Self::LastChunk => buffer.ends_with(b"0\r\n\r\n"),
        }
    }
}

/// How long a bridge may take until it shows the tool of its server.
pub(crate) const START: Duration = Duration::from_mins(1);
