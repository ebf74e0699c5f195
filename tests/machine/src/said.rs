//! What a command on a machine said.

use std::process::Output;

use serde_json::Value;

/// The end of a command.
#[derive(Debug, Clone)]
pub struct Said {
    /// The exit code; -1 where a signal ended it.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub talk: String,
}

impl Said {
    /// Standard output as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or(Value::Null)
    }

    /// Whether it ended with 0.
    pub fn succeeded(&self) -> bool {
        self.code == 0
    }
}

/// Says a figure that a person wants to read and no test asserts: the runner shows it with `--success-output immediate`.
#[expect(
    clippy::print_stderr,
    reason = "the runner keeps it with its test's own words"
)]
pub fn show(line: &str) {
    eprintln!("{line}");
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            talk: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}
