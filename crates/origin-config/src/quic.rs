//! HTTP/3: where it listens, and what a connection may hold.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use findings::{Finding, Reader, format_duration, format_size};

use crate::model::Bind;
use crate::read::{bind_list, value, values, whole};
use crate::write::{text, texts};

/// How the origin speaks HTTP/3 itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quic {
    /// `quic_bind` (Hypercorn): the UDP addresses; empty: no HTTP/3.
    pub bind: Vec<SocketAddr>,
    /// `alt_svc_headers` (Hypercorn): what `Alt-Svc` says over TLS; empty: HTTP/3 at the port of `quic_bind`.
    pub alt_svc: Vec<String>,
    /// `quic.max_connections`: those beyond are refused.
    pub max_connections: u32,
    /// `quic.retry_above`: with so many handshakes on their way, a client has to show that its address is its own.
    pub retry_above: u32,
    /// `quic.max_concurrent_streams`: requests of one connection at a time.
    pub max_concurrent_streams: u32,
    /// `quic.max_field_section_size`: in bytes, as RFC 9114 section 4.2.2 counts them.
    pub max_field_section_size: u64,
    /// `quic.idle_timeout`: a connection that says nothing for this long is gone.
    pub idle_timeout: Duration,
    /// `quic.stream_receive_window`: what a client may send of one request before it is read, in bytes.
    pub stream_receive_window: u64,
    /// `quic.receive_window`: the same of all requests of one connection.
    pub receive_window: u64,
    /// `quic.send_window`: what is kept of one connection until the client has acknowledged it, in bytes.
    pub send_window: u64,
    /// `quic.key_file`: the secret that outlives a restart; `None`: a new one at each start.
    pub key_file: Option<PathBuf>,
}

pub(crate) fn read(reader: &Reader<'_>) -> Quic {
    let addresses = bind_list(reader, "quic_bind");
    let mut bind = Vec::new();
    for address in addresses {
        match address {
            Bind::Tcp(address) => bind.push(address),
            Bind::Unix(_) => {
                let finding = Finding::error("value.bind", format!("`{address}` is not UDP"));
                reader.find("quic_bind", finding.hint("as `quic_bind = [\"[::]:443\"]`"));
            }
        }
    }
    let alt_svc: Vec<String> = values(reader.strings("alt_svc_headers"));
    let odd = |text: &&String| !text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if let Some(odd) = alt_svc.iter().find(odd) {
        let message = format!("`{}` is no header value", odd.escape_debug());
        let finding = Finding::error("value.alt-svc", message);
        reader.find("alt_svc_headers", finding.hint("as `h3=\":443\"; ma=3600`"));
    }
    let quic = Quic {
        bind,
        alt_svc,
        ..Quic::default()
    };
    let Some(table) = reader.table("quic") else {
        return quic;
    };
    let quic = Quic {
        max_connections: whole(table.integer("max_connections", 1..=1_000_000)),
        retry_above: whole(table.integer("retry_above", 0..=1_000_000)),
        max_concurrent_streams: whole(table.integer("max_concurrent_streams", 1..=65_535)),
        max_field_section_size: size(&table, "max_field_section_size", 1024..=16 << 20),
        idle_timeout: value(table.duration("idle_timeout")),
        stream_receive_window: size(&table, "stream_receive_window", 4096..=1 << 30),
        receive_window: size(&table, "receive_window", 4096..=1 << 30),
        send_window: size(&table, "send_window", 4096..=1 << 30),
        key_file: key_file(&table),
        ..quic
    };
    table.finish();
    quic
}

fn size(table: &Reader<'_>, key: &'static str, range: std::ops::RangeInclusive<u64>) -> u64 {
    let Some(size) = table.size(key) else {
        return 0;
    };
    if !range.contains(&size.value) {
        let (least, most) = (format_size(*range.start()), format_size(*range.end()));
        let message = format!("is not between \"{least}\" and \"{most}\"");
        table.find(key, Finding::error("value.range", message));
    }
    size.value
}

fn key_file(table: &Reader<'_>) -> Option<PathBuf> {
    let path = PathBuf::from(value(table.string("key_file")));
    if path.as_os_str().is_empty() {
        return None;
    }
    if !path.is_absolute() {
        let message = format!("`{}` is not an absolute path", path.display());
        let finding = Finding::error("value.path", message);
        table.find(
            "key_file",
            finding.hint("as `key_file = \"/var/lib/codeintel/quic.key\"`"),
        );
    }
    Some(path)
}

/// Writes the keys of the top level, where the origin speaks HTTP/3.
pub(crate) fn write_keys(out: &mut String, quic: &Quic) {
    if !quic.bind.is_empty() {
        let _ = writeln!(out, "quic_bind = {}", texts(&quic.bind));
        let _ = writeln!(out, "alt_svc_headers = {}", texts(&quic.alt_svc));
    }
}

/// Writes the table, where the origin speaks HTTP/3.
pub(crate) fn write_table(out: &mut String, quic: &Quic) {
    if quic.bind.is_empty() {
        return;
    }
    let size = |bytes| text(format_size(bytes));
    let key_file = quic.key_file.as_deref().unwrap_or("".as_ref());
    out.push_str("\n[quic]\n");
    for (key, value) in [
        ("max_connections", quic.max_connections.to_string()),
        ("retry_above", quic.retry_above.to_string()),
        (
            "max_concurrent_streams",
            quic.max_concurrent_streams.to_string(),
        ),
        ("max_field_section_size", size(quic.max_field_section_size)),
        ("idle_timeout", text(format_duration(quic.idle_timeout))),
        ("stream_receive_window", size(quic.stream_receive_window)),
        ("receive_window", size(quic.receive_window)),
        ("send_window", size(quic.send_window)),
        ("key_file", text(key_file.display())),
    ] {
        let _ = writeln!(out, "{key} = {value}");
    }
}

#[cfg(test)]
mod tests {
    use findings::{Document, Report};

    fn found(text: &str) -> Vec<String> {
        let mut syntax = Report::new();
        let document = Document::parse(text, "origin.toml", &mut syntax);
        assert!(syntax.is_empty(), "{syntax}");
        let (_, report) = crate::load(document);
        let ids = report.findings().iter();
        ids.map(|finding| finding.id.clone()).collect()
    }

    #[test]
    fn the_origin_alone_is_ready_to_run() {
        let text = include_str!("../../../hypercorn-equivalents/h3-origin.toml");
        assert_eq!(found(text), [""; 0]);
    }

    #[test]
    fn http_3_needs_udp_and_a_certificate() {
        for (text, ids) in [
            ("quic_bind = \"[::]:443\"\n", &["quic.certificate"][..]),
            ("quic_bind = \"unix:/x\"\n", &["value.bind"]),
            ("alt_svc_headers = [\"h3\\n\"]\n", &["value.alt-svc"]),
            ("quic = { key_file = \"k\" }\n", &["value.path"]),
            ("quic = { send_window = \"1B\" }\n", &["value.range"]),
            (
                "quic_bind = \"[::]:443\"\ncertfile = \"/c\"\nkeyfile = \"/k\"\n",
                &[],
            ),
        ] {
            assert_eq!(found(text), ids, "{text}");
        }
    }
}
