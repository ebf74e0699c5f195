//! `opsctl logs`: one request from edge to tool, in the order in which its parts began.

use std::fmt::Write as _;
use std::path::Path;

use deploy::Layout;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::output;
use crate::cli::{Format, Logs};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::host::{self, journal};
use crate::spec::SpecFile;
use crate::ui::table::{Cell, table};
use crate::ui::{Paint, Ui, printable};

/// Joins what the edge's log and the origins' journals say of a request.
pub(crate) async fn run(arguments: &Logs, spec: &Path, ui: &mut Ui) -> Result<Exit, CommandError> {
    let (spec, _) = SpecFile::read(spec)?.parse()?;
    let since = arguments.since.seconds(host::since_epoch());
    let id = &arguments.request_id;
    let paths = Layout::Debian
        .paths(&spec.name.value)
        .map_err(|error| CommandError::new(Exit::Spec, error))?;
    let edge = journal::lines_of_log(paths.access_log.as_path(), id, since)?;
    let units = spec.sites.iter();
    let units = units.map(|site| format!("{}-origin.service", site.name.value));
    let origins = journal::messages(&units.collect::<Vec<_>>(), id, since).await?;
    let edge = edge.iter().filter_map(|text| Line::of_edge(text));
    let origins = origins
        .iter()
        .filter_map(|(unit, text)| Line::of_origin(unit, text));
    let mut lines: Vec<_> = edge
        .chain(origins)
        .filter(|line| line.fields["request_id"] == id.as_str())
        .collect();
    lines.sort_by_key(|line| line.began);
    if lines.is_empty() {
        let error = format!("no line since {} has the request id `{id}`", moment(since));
        let hint = "`--since 7d` looks further back; as another user than root, the groups `adm` and `systemd-journal` read the logs";
        return Err(CommandError::new(Exit::Unexpected, error).hint(hint));
    }
    output(match ui.format() {
        Format::Json => {
            let lines: Vec<_> = lines.iter().map(Line::as_json).collect();
            ui.json(&json!({"request_id": id, "lines": lines}))
        }
        Format::Human => {
            let text = human(&lines, ui.paint_out());
            ui.data(text)
        }
    })?;
    Ok(Exit::Done)
}

/// A line of a log about a request.
#[derive(Debug, Clone, PartialEq)]
struct Line {
    /// When that part of the request began: a line is written at its end.
    began: Timestamp,
    /// How long it took, where the line says so.
    took: Option<SignedDuration>,
    /// `edge`, or the unit of the origin.
    source: String,
    /// All that the line says.
    fields: Value,
}

impl Line {
    /// A line of NGINX's access log: `time` and `request_time`, in seconds.
    fn of_edge(text: &str) -> Option<Self> {
        let fields: Value = serde_json::from_str(text).ok()?;
        let seconds = fields["request_time"].as_f64();
        Self::ended("edge", "time", seconds, fields)
    }

    /// A line of an origin: `timestamp` and `duration_ms`.
    fn of_origin(unit: &str, text: &str) -> Option<Self> {
        let fields: Value = serde_json::from_str(text).ok()?;
        let seconds = fields["duration_ms"].as_f64().map(|ms| ms / 1000.0);
        Self::ended(unit, "timestamp", seconds, fields)
    }

    fn ended(source: &str, key: &str, seconds: Option<f64>, fields: Value) -> Option<Self> {
        let ended: Timestamp = fields[key].as_str()?.parse().ok()?;
        let took = seconds.and_then(|seconds| SignedDuration::try_from_secs_f64(seconds).ok());
        Some(Self {
            began: ended.checked_sub(took.unwrap_or_default()).ok()?,
            took,
            source: source.to_owned(),
            fields,
        })
    }

    fn as_json(&self) -> Value {
        json!({
            "began": self.began.to_string(),
            "duration_ms": self.took.map(|took| took.as_secs_f64() * 1000.0),
            "source": self.source,
            "fields": self.fields,
        })
    }

    /// What happened, in a few words.
    fn said(&self) -> String {
        let text = |key: &str| self.fields[key].as_str().unwrap_or_default();
        let status = self.fields["status"].as_u64();
        let mut said = match (text("message"), status) {
            ("upstream call", _) => format!(
                "{} of {}: {}",
                text("method"),
                text("server"),
                text("outcome")
            ),
            ("" | "request", Some(status)) => {
                format!("{} {} {status}", text("method"), text("path"))
            }
            (message, _) => message.to_owned(),
        };
        for (name, value) in [
            ("over", text("protocol")),
            ("over", text("http_version")),
            ("from", text("remote_addr")),
            ("from", text("client")),
            ("to", text("upstream_addr")),
        ] {
            if !value.is_empty() {
                let _ = write!(said, ", {name} {value}");
            }
        }
        if self.fields["cut"] == true {
            said.push_str(", cut off");
        }
        said
    }
}

fn human(lines: &[Line], paint: Paint) -> String {
    let rows = lines.iter().map(|line| {
        let took = line.took.map_or_else(String::new, |took| {
            format!("{:.1} ms", took.as_secs_f64() * 1000.0)
        });
        vec![
            Cell::painted(format!("{:.3}", line.began), |text| paint.dim(text)),
            Cell::painted(line.source.as_str(), |text| paint.bold(text)),
            Cell::plain(took),
            Cell::plain(printable(&line.said())),
        ]
    });
    table(&rows.collect::<Vec<_>>())
}

fn moment(seconds: i64) -> String {
    Timestamp::from_second(seconds)
        .map_or_else(|_| seconds.to_string(), |moment| moment.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const EDGE: &str = r#"{"time":"2026-11-22T05:00:00.500Z","request_id":"a-1","method":"POST","path":"/mcp",
        "protocol":"HTTP/3.0","status":200,"request_time":0.400,"upstream_addr":"unix:/run/a/origin.sock"}"#;
    const ORIGIN: &str = r#"{"timestamp":"2026-11-22T05:00:00.450000Z","message":"request","request_id":"a-1","method":"POST",
        "path":"/mcp","status":200,"duration_ms":300.0,"cut":true,"http_version":"HTTP/1.1"}"#;
    const TOOL: &str = r#"{"timestamp":"2026-11-22T05:00:00.400000Z","message":"upstream call","request_id":"a-1",
        "server":"git","method":"tools/call","outcome":"answered","duration_ms":200.0}"#;

    #[test]
    fn parts_of_a_request_stand_in_the_order_in_which_they_began() {
        let unit = "a-origin.service";
        let lines = [
            Line::of_origin(unit, TOOL),
            Line::of_origin(unit, ORIGIN),
            Line::of_edge(EDGE),
        ];
        let mut lines: Vec<_> = lines.into_iter().flatten().collect();
        lines.sort_by_key(|line| line.began);
        let text = human(&lines, Paint(false));
        let rows: Vec<_> = text.lines().collect();
        assert!(
            rows[0].starts_with("2026-11-22T05:00:00.100Z  edge "),
            "{text}"
        );
        assert!(
            rows[0].ends_with("POST /mcp 200, over HTTP/3.0, to unix:/run/a/origin.sock"),
            "{text}"
        );
        assert!(
            rows[1].contains("300.0 ms") && rows[1].ends_with("cut off"),
            "{text}"
        );
        assert!(rows[2].ends_with("tools/call of git: answered"), "{text}");
    }

    #[test]
    fn a_line_that_is_no_line_of_ours_is_left_out() {
        assert_eq!(Line::of_edge("[error] a-1"), None);
        assert_eq!(Line::of_origin("u", r#"{"message":"x"}"#), None);
    }
}
