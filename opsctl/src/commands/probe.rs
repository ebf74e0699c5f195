//! `opsctl probe`: what any server answers over HTTP/1.1, HTTP/2 and HTTP/3. It says what it saw and judges nothing.

mod http3;
mod seen;

use std::fmt::Write as _;
use std::time::Duration;

use probe::certificate::facts;
use probe::{Ask, Connect, ProbeError, Target, Tls, Trust, Version};
use serde_json::{Value, json};

use super::{output, trust_in};
use crate::cli::{Format, Probe};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::ui::table::{Cell, table};
use crate::ui::{Paint, Ui, printable};
use http3::Http3;
use seen::Seen;

/// Asks over the three versions at once. Done when at least one answered, whatever it said.
pub(crate) async fn run(arguments: &Probe, ui: &mut Ui) -> Result<Exit, CommandError> {
    let (mut target, path) =
        Target::from_url(&arguments.url).map_err(|error| CommandError::new(Exit::Usage, error))?;
    if let Some(address) = arguments.connect {
        target.connect = Connect::Address(address);
    }
    if let Some(file) = &arguments.ca {
        target.trust = trust_in(file)?;
    } else if arguments.insecure {
        target.trust = Trust::Any;
    }
    ui.step(&format!("asking {}", target.authority()));
    let ask = |version| Seen::of(&target, version, Ask::get(&path), arguments.hold);
    let (first, second, third) = tokio::join!(
        ask(Version::Http1),
        ask(Version::Http2),
        ask(Version::Http3)
    );
    let seen = [
        (Version::Http1, first),
        (Version::Http2, second),
        (Version::Http3, third),
    ];
    let http3 = match &seen[2].1 {
        Ok(_) => {
            ui.step("looking at HTTP/3");
            let tcp = seen[..2]
                .iter()
                .rev()
                .find_map(|(_, seen)| seen.as_ref().ok());
            // a stream that does not end is no answer to ask for again and again
            let ask = Ask::get(if arguments.hold.is_some() { "/" } else { &path });
            let look = Http3::look(&target, &ask, tcp, arguments.handshakes);
            Some(Box::pin(look).await)
        }
        Err(_) => None,
    };
    output(match ui.format() {
        Format::Json => {
            let versions: Vec<_> = seen
                .iter()
                .map(|(version, seen)| as_json(*version, seen))
                .collect();
            let http3 = http3.as_ref().map(Http3::json);
            ui.json(&json!({"url": arguments.url, "versions": versions, "http3": http3}))
        }
        Format::Human => {
            let text = human(&seen, http3.as_ref(), ui.paint_out());
            ui.data(text)
        }
    })?;
    let answered = seen.iter().any(|(_, seen)| seen.is_ok());
    Ok(if answered { Exit::Done } else { Exit::Verify })
}

fn as_json(version: Version, seen: &Result<Seen, ProbeError>) -> Value {
    match seen {
        Err(error) => json!({
            "version": version.to_string(),
            "error": chain(error),
            "stage": error.stage().map(|stage| stage.to_string()),
        }),
        Ok(seen) => {
            let (head, timing) = (seen.head(), seen.timing());
            json!({
                "version": version.to_string(),
                "status": head.status.as_u16(),
                "content_type": head.header("content-type"),
                "server": head.header("server"),
                "alt_svc": head.header("alt-svc"),
                "request_id": head.header("x-request-id"),
                "body_bytes": seen.body_bytes(),
                "timing_ms": {
                    "connect": milliseconds(timing.connect),
                    "handshake": milliseconds(timing.handshake),
                    "first_byte": milliseconds(timing.first_byte),
                    "total": milliseconds(timing.total),
                },
                "tls": seen.tls().map(tls_json),
                "held": seen.held_json(),
            })
        }
    }
}

fn tls_json(tls: &Tls) -> Value {
    let chain: Vec<_> = tls
        .chain
        .iter()
        .filter_map(|certificate| facts(certificate).ok())
        .map(|facts| {
            json!({
                "subject": facts.subject,
                "issuer": facts.issuer,
                "names": facts.names,
                "not_before": time(facts.not_before),
                "not_after": time(facts.not_after),
            })
        })
        .collect();
    json!({"protocol": tls.protocol, "cipher": tls.cipher, "group": tls.group, "alpn": tls.alpn, "chain": chain})
}

fn human(
    seen: &[(Version, Result<Seen, ProbeError>)],
    http3: Option<&Http3>,
    paint: Paint,
) -> String {
    let head = [
        "VERSION",
        "STATUS",
        "CONNECT",
        "HANDSHAKE",
        "FIRST BYTE",
        "TLS",
        "ALT-SVC",
    ];
    let mut rows = vec![
        head.iter()
            .map(|text| Cell::painted(*text, |text| paint.dim(text)))
            .collect(),
    ];
    for (version, seen) in seen {
        rows.push(match seen {
            Err(error) => vec![
                Cell::plain(version.to_string()),
                Cell::painted("none", |text| paint.red(text)),
                Cell::plain(printable(&chain(error))),
            ],
            Ok(answer) => row(*version, answer),
        });
    }
    // an error has no columns: it stands behind its version
    let (errors, answers): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.len() == 3);
    let mut text = table(&answers);
    text.push_str(&table(&errors));
    let held = seen.iter().filter_map(|(version, seen)| {
        let line = printable(&seen.as_ref().ok()?.held_line()?);
        Some([version.to_string(), line].map(Cell::plain).to_vec())
    });
    let held: Vec<_> = held.collect();
    if !held.is_empty() {
        let _ = write!(text, "\n{}", table(&held));
    }
    let leaf = seen
        .iter()
        .find_map(|(_, seen)| seen.as_ref().ok()?.tls()?.chain.first());
    if let Some(facts) = leaf.and_then(|leaf| facts(leaf).ok()) {
        let names = printable(&facts.names.join(", "));
        let issuer = printable(&facts.issuer);
        let _ = write!(
            text,
            "\ncertificate for {names}\n  issued by {issuer}\n  valid until {}\n",
            time(facts.not_after)
        );
    }
    if let Some(http3) = http3 {
        let lines = http3.lines().into_iter().map(|(subject, said)| {
            let subject = Cell::painted(format!("  {subject}"), |text| paint.dim(text));
            vec![subject, Cell::plain(said)]
        });
        let lines: Vec<_> = lines.collect();
        let _ = write!(text, "\nHTTP/3\n{}", table(&lines));
    }
    text
}

fn row(version: Version, seen: &Seen) -> Vec<Cell> {
    let ms = |duration| format!("{:.1} ms", milliseconds(duration));
    let (head, timing) = (seen.head(), seen.timing());
    let tls = seen.tls().map_or_else(String::new, |tls| {
        let parts = [
            Some(tls.protocol.as_str()),
            tls.group.as_deref(),
            tls.cipher.as_deref(),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    });
    [
        version.to_string(),
        head.status.as_u16().to_string(),
        ms(timing.connect),
        ms(timing.handshake),
        ms(timing.first_byte),
        tls,
        head.header("alt-svc").map(printable).unwrap_or_default(),
    ]
    .map(Cell::plain)
    .to_vec()
}

fn chain(error: &ProbeError) -> String {
    crate::checks::sentence(error)
}

fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 10_000.0).round() / 10.0
}

fn time(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds)
        .map_or_else(|_| seconds.to_string(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_that_gave_no_answer_says_why_in_both_forms() {
        let error = || {
            Err(ProbeError::Alpn {
                version: Version::Http2,
                got: None,
            })
        };
        let json = as_json(Version::Http2, &error());
        assert_eq!(json["version"], "HTTP/2");
        assert!(
            json["error"]
                .as_str()
                .is_some_and(|text| text.contains("ALPN")),
            "{json}"
        );
        let text = human(&[(Version::Http2, error())], None, Paint(false));
        assert!(text.contains("HTTP/2  none"), "{text}");
    }
}
