//! The server over its own pipe: what a bridge adds is measured from here.

use std::collections::VecDeque;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::call::{PAYLOAD, Sample};
use crate::Fault;

pub(crate) struct Pipe {
    _child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    next: u64,
}

impl Pipe {
    pub(crate) async fn start(server: &Path) -> Result<Self, Fault> {
        let mut command = Command::new(server);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("a server without a pipe".into());
        };
        let mut pipe = Self {
            _child: child,
            input,
            output: BufReader::new(output).lines(),
            next: 1,
        };
        let client = json!({"name": "bench", "version": "0"});
        let params =
            json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client});
        pipe.send("initialize", &params).await?;
        pipe.answer().await?;
        Ok(pipe)
    }

    /// Calls with so many of them in flight.
    pub(crate) async fn turn(&mut self, callers: usize, length: Duration) -> Result<Sample, Fault> {
        let params = json!({"name": "echo", "arguments": {"text": PAYLOAD}});
        let (began, mut sent, mut latencies) = (Instant::now(), VecDeque::new(), Vec::new());
        for _ in 0..callers {
            sent.push_back(Instant::now());
            self.send("tools/call", &params).await?;
        }
        // the server does one thing after another, so the oldest is answered first
        while let Some(at) = sent.pop_front() {
            let answer = self.answer().await?;
            if !answer.contains(PAYLOAD) {
                return Err(format!("the server answers {answer}").into());
            }
            latencies.push(at.elapsed().as_secs_f64());
            if began.elapsed() < length {
                sent.push_back(Instant::now());
                self.send("tools/call", &params).await?;
            }
        }
        Ok(Sample::of(latencies, began))
    }

    async fn send(&mut self, method: &str, params: &serde_json::Value) -> Result<(), Fault> {
        let message =
            json!({"jsonrpc": "2.0", "id": self.next, "method": method, "params": params});
        self.next += 1;
        Ok(self
            .input
            .write_all(format!("{message}\n").as_bytes())
            .await?)
    }

    async fn answer(&mut self) -> Result<String, Fault> {
        let line = self.output.next_line().await?;
        line.ok_or_else(|| "the server has ended".into())
    }
}
