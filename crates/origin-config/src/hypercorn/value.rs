//! One value of Hypercorn's as the origin's TOML.

use std::net::IpAddr;
use std::path::Path;

use findings::{Value, format_duration, format_size};

use super::Form;
use crate::model::{Bind, LogLevel};
use crate::tls::Alpn;
use crate::write::{text, texts};

/// What became of a value.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    /// The value as TOML; nothing where nothing of it was left.
    pub(super) toml: Option<String>,
    /// What of it was lost or changed, with what to do.
    pub(super) notes: Vec<String>,
}

impl Written {
    fn plain(toml: impl Into<String>) -> Self {
        Self {
            toml: Some(toml.into()),
            notes: Vec::new(),
        }
    }
}

/// Writes a value; relative paths are taken from `base`.
///
/// # Errors
/// What it should have been.
pub(super) fn write(form: Form, value: &Value, base: &Path) -> Result<Written, String> {
    let wrong = |expected: &str| Err(format!("is {}, expected {expected}", value.kind()));
    match (form, value) {
        (Form::Flag, Value::Boolean(flag)) => Ok(Written::plain(flag.to_string())),
        (Form::Flag, _) => wrong("a boolean"),
        (Form::Count, Value::Integer(number)) => Ok(Written::plain(number.to_string())),
        (Form::Count, _) => wrong("an integer"),
        (Form::Mask, Value::Integer(mask)) => Ok(Written::plain(format!("0o{mask:03o}"))),
        (Form::Mask, _) => wrong("an integer such as `0o117`"),
        (Form::Bytes, Value::Integer(bytes)) => match u64::try_from(*bytes) {
            Ok(bytes) => Ok(Written::plain(text(format_size(bytes)))),
            Err(_) => Err(format!("`{bytes}` is no number of bytes")),
        },
        (Form::Bytes, _) => wrong("a number of bytes"),
        (Form::Seconds, Value::Integer(_) | Value::Float(_)) => seconds(value),
        (Form::Seconds, _) => wrong("a number of seconds"),
        (Form::Level, Value::String(word)) => {
            let level: LogLevel = word.parse().map_err(|error| format!("`{word}` {error}"))?;
            Ok(Written::plain(text(level)))
        }
        (Form::AccessLog, Value::String(file)) => Ok(access_log(file)),
        (Form::Path, Value::String(path)) => Ok(Written::plain(text(base.join(path).display()))),
        (Form::Binds | Form::UdpBinds, _) => binds(form, &words(value)?, base),
        (Form::Texts | Form::Hosts, Value::Array(_)) => Ok(Written::plain(texts(&words(value)?))),
        (Form::Protocols, Value::Array(_)) => Ok(protocols(&words(value)?)),
        (Form::Texts | Form::Hosts | Form::Protocols, _) => wrong("an array of strings"),
        (Form::Level | Form::AccessLog | Form::Path, _) => wrong("a string"),
    }
}

fn seconds(value: &Value) -> Result<Written, String> {
    let seconds = match value {
        #[expect(
            clippy::cast_precision_loss,
            reason = "beyond 2^52 seconds nobody waits"
        )]
        Value::Integer(number) => *number as f64,
        Value::Float(number) => *number,
        _ => f64::NAN,
    };
    let time = std::time::Duration::try_from_secs_f64(seconds)
        .map_err(|_| format!("`{seconds}` is no time in seconds"))?;
    let whole =
        std::time::Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    Ok(Written::plain(text(format_duration(whole))))
}

fn access_log(file: &str) -> Written {
    let mut written = Written::plain(text(if file.is_empty() { "" } else { "-" }));
    if !matches!(file, "" | "-") {
        written.notes.push(format!(
            "`{file}` is not written: lines go to standard output, which systemd and launchd keep"
        ));
    }
    written
}

fn protocols(names: &[String]) -> Written {
    let (known, odd): (Vec<_>, Vec<_>) = names
        .iter()
        .cloned()
        .partition(|name| name.parse::<Alpn>().is_ok());
    let mut written = Written {
        toml: (!known.is_empty()).then(|| texts(&known)),
        notes: Vec::new(),
    };
    if !odd.is_empty() {
        let odd = odd.join("`, `");
        written.notes.push(format!(
            "`{odd}` is not offered over TCP; HTTP/3 comes with `quic_bind`"
        ));
    }
    written
}

fn binds(form: Form, given: &[String], base: &Path) -> Result<Written, String> {
    let mut written = Written::default();
    let mut taken = Vec::new();
    for one in given {
        if one.starts_with("fd://") {
            let note = format!(
                "`{one}`: sockets of systemd are found by their names, `FileDescriptorName=` and the key"
            );
            written.notes.push(note);
            continue;
        }
        match bind(one, base)? {
            Some(Bind::Unix(_)) if form == Form::UdpBinds => {
                written.notes.push(format!("`{one}` is not UDP"));
            }
            Some(bind) => taken.push(bind),
            None => written
                .notes
                .push(format!("`{one}`: write the address of that name")),
        }
    }
    written.toml = (!taken.is_empty() || given.is_empty()).then(|| texts(&taken));
    Ok(written)
}

/// One address as Hypercorn reads it: brackets are taken off, what is behind the last colon is the port, and without one it
/// is 8000. `None` for a name that has to be looked up.
fn bind(given: &str, base: &Path) -> Result<Option<Bind>, String> {
    if let Some(path) = given.strip_prefix("unix:") {
        let parsed: Result<Bind, _> = format!("unix:{}", base.join(path).display()).parse();
        return parsed
            .map(Some)
            .map_err(|error| format!("`{given}` {error}"));
    }
    let bare = given.replace(['[', ']'], "");
    let (host, port) = match bare.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => (host, port),
        _ => (bare.as_str(), "8000"),
    };
    let host = match host {
        "" => "0.0.0.0",
        "localhost" => "127.0.0.1",
        other => other,
    };
    let address: Result<IpAddr, _> = host.parse();
    let port = port.parse().unwrap_or(8000);
    Ok(address
        .ok()
        .map(|address| Bind::Tcp((address, port).into())))
}

/// One string or several.
fn words(value: &Value) -> Result<Vec<String>, String> {
    let wrong = |value: &Value| format!("is {}, expected strings", value.kind());
    match value {
        Value::String(word) => Ok(vec![word.clone()]),
        Value::Array(items) => {
            let items = items.iter().map(|item| match &item.value {
                Value::String(word) => Ok(word.clone()),
                other => Err(wrong(other)),
            });
            items.collect()
        }
        other => Err(wrong(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_hypercorn_reads_it() {
        for (given, read) in [
            ("0.0.0.0:443", Some("0.0.0.0:443")),
            ("[::]:443", Some("[::]:443")),
            ("::1:9000", Some("[::1]:9000")),
            ("127.0.0.1", Some("127.0.0.1:8000")),
            ("localhost:80", Some("127.0.0.1:80")),
            (":80", Some("0.0.0.0:80")),
            ("unix:/run/x.sock", Some("unix:/run/x.sock")),
            ("unix:x.sock", Some("unix:/srv/x.sock")),
            ("app.internal:80", None),
        ] {
            let bind = bind(given, Path::new("/srv"))
                .expect(given)
                .map(|bind| bind.to_string());
            assert_eq!(bind.as_deref(), read, "{given}");
        }
    }

    #[test]
    fn a_time_may_have_a_fraction_and_no_sign() {
        let write = |value| write(Form::Seconds, &value, Path::new("/"));
        assert_eq!(write(Value::Float(2.5)), Ok(Written::plain("\"2500ms\"")));
        assert_eq!(write(Value::Integer(120)), Ok(Written::plain("\"2m\"")));
        assert!(write(Value::Integer(-1)).is_err());
        assert!(write(Value::String("5".into())).is_err());
    }
}
