//! What ends or starves a long connection.

use std::time::Duration;

use findings::Severity;

use super::super::model::value::{size, time};
use super::super::model::{Model, Server};
use super::super::rule::{Found, Proof, Rule};
use super::streaming::KEEP_ALIVE;

pub(super) static IDLE: Rule = Rule {
    id: "quic-idle-timeout",
    severity: Severity::Error,
    why: "The idle timeout of a QUIC connection is the `keepalive_timeout` of the default server of its address, whatever the server says that is spoken to; when a stream is silent for that long the connection dies.",
    cure: "`keepalive_timeout` of at least three intervals of keep-alives in the default server: `keepalive_timeout 75s;` or more",
    bad: "server {\n    listen 443 quic reuseport default_server;\n    keepalive_timeout 5s;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n}\n",
    good: "server {\n    listen 443 quic reuseport default_server;\n    keepalive_timeout 75s;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n}\n",
    proof: Proof::Shown(
        "a silent stream over HTTP/3 is cut, and not where the other servers of the address have the short time",
    ),
    check: idle,
};

pub(super) static RETIRED: Rule = Rule {
    id: "connection-retired",
    severity: Severity::Warn,
    why: "After `keepalive_requests` (1000) requests or `keepalive_time` (1h) NGINX sends GOAWAY and drops new streams of an HTTP/3 connection without a word, and some clients then hang.",
    cure: "`keepalive_requests 100000; keepalive_time 24h;` in the default server of the address",
    bad: "server {\n    listen 443 ssl;\n    listen 443 quic reuseport;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n    }\n}\n",
    good: "server {\n    listen 443 ssl;\n    listen 443 quic reuseport;\n    keepalive_requests 100000;\n    keepalive_time 24h;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n    }\n}\n",
    proof: Proof::Shown("a request beyond the limit on the same HTTP/3 connection is not answered"),
    check: retired,
};

pub(super) static STREAMS: Rule = Rule {
    id: "concurrent-streams",
    severity: Severity::Warn,
    why: "Every open event stream holds a place: with all places of an HTTP/3 connection taken (128 by default) the next request waits for ever, without an error.",
    cure: "`http3_max_concurrent_streams 512;` in the default server of the address",
    bad: "server {\n    listen 443 ssl;\n    listen 443 quic reuseport;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n    }\n}\n",
    good: "server {\n    listen 443 ssl;\n    listen 443 quic reuseport;\n    http3_max_concurrent_streams 512;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n    }\n}\n",
    proof: Proof::Shown("a request beyond the limit on the same HTTP/3 connection is not answered"),
    check: streams,
};

pub(super) static LIMIT_CONN: Rule = Rule {
    id: "limit-conn-streams",
    severity: Severity::Warn,
    why: "`limit_conn` counts every open stream of HTTP/2 and HTTP/3, so that a small number that was meant for connections turns away a client with a few event streams.",
    cure: "count streams: 100 or more for each address",
    bad: "limit_conn_zone $binary_remote_addr zone=addr:10m;\nserver {\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n        limit_conn addr 5;\n    }\n}\n",
    good: "limit_conn_zone $binary_remote_addr zone=addr:10m;\nserver {\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n        limit_conn addr 200;\n    }\n}\n",
    proof: Proof::Shown("one client's next stream over one HTTP/3 connection is turned away"),
    check: limit_conn,
};

pub(super) static HEADERS: Rule = Rule {
    id: "header-buffers",
    severity: Severity::Note,
    why: "A header field that does not fit into one of `large_client_header_buffers` (8 KiB by default), as a long token, ends an HTTP/2 connection with all streams on it.",
    cure: "`large_client_header_buffers 4 32k;`",
    bad: "server {\n    listen 443 ssl;\n    http2 on;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n    }\n}\n",
    good: "server {\n    listen 443 ssl;\n    http2 on;\n    large_client_header_buffers 4 32k;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n    }\n}\n",
    proof: Proof::Shown(
        "a request with a long token cuts the stream that the same connection holds",
    ),
    check: headers,
};

/// The default servers of QUIC addresses on which a server listens, each with the listener: they decide for the connection.
fn deciding<'m, 'c>(
    model: &'m Model<'c>,
    server: &'m Server<'c>,
) -> impl Iterator<Item = &'m Server<'c>> {
    let quic = server.listens.iter().filter(|listen| listen.has("quic"));
    quic.filter_map(|listen| model.default_server(listen))
}

fn idle(model: &Model<'_>, found: &mut Found<'_>) {
    for server in model.servers.iter().filter(|server| server.has_quic()) {
        for default in deciding(model, server) {
            let Some(own) = default.scope.nearest("keepalive_timeout") else {
                continue;
            };
            let Some(value) = time(own.argument(0)).filter(|value| !value.is_zero()) else {
                continue;
            };
            if value >= 3 * KEEP_ALIVE {
                continue;
            }
            let message = format!(
                "an HTTP/3 connection ends after {} s of silence",
                value.as_secs_f64()
            );
            let told = found.at(own, message);
            if value > KEEP_ALIVE {
                told.only(Severity::Warn);
            }
        }
    }
}

fn retired(model: &Model<'_>, found: &mut Found<'_>) {
    /// NGINX's defaults, and what this project's own rendering says of long connections.
    const FEW: u64 = 10_000;
    const SHORT: Duration = Duration::from_hours(1);
    for server in model.servers.iter().filter(|server| server.has_mcp()) {
        for default in deciding(model, server) {
            let requests = default
                .scope
                .word("keepalive_requests")
                .parse()
                .unwrap_or(1000);
            let lifetime = time(default.scope.word("keepalive_time")).unwrap_or(SHORT);
            if requests < FEW {
                let own = default.scope.nearest("keepalive_requests");
                let place = own.unwrap_or(default.statement);
                found.at(
                    place,
                    format!("an HTTP/3 connection ends after {requests} requests"),
                );
            }
            if lifetime <= SHORT {
                let own = default.scope.nearest("keepalive_time");
                let place = own.unwrap_or(default.statement);
                let message = format!("an HTTP/3 connection ends after {} s", lifetime.as_secs());
                found.at(place, message);
            }
        }
    }
}

fn streams(model: &Model<'_>, found: &mut Found<'_>) {
    /// NGINX's default.
    const DEFAULT: u32 = 128;
    for server in model.servers.iter().filter(|server| server.has_mcp()) {
        for default in deciding(model, server) {
            let own = default.scope.nearest("http3_max_concurrent_streams");
            let limit = own.map_or(Some(DEFAULT), |own| own.argument(0).parse().ok());
            if let Some(limit) = limit.filter(|limit| *limit <= DEFAULT) {
                let message = format!("an HTTP/3 connection has {limit} places for streams");
                found.at(own.unwrap_or(default.statement), message);
            }
        }
    }
}

fn headers(model: &Model<'_>, found: &mut Found<'_>) {
    /// NGINX's default.
    const DEFAULT: u64 = 8 << 10;
    /// What Node's HTTP server takes of headers in all.
    const ENOUGH: u64 = 16 << 10;
    for server in model.servers.iter().filter(|server| server.has_mcp()) {
        let has_http2 = server.scope.word("http2") == "on"
            || server.listens.iter().any(|listen| listen.has("http2"));
        let own = server.scope.nearest("large_client_header_buffers");
        let length = own.map_or(Some(DEFAULT), |own| size(own.argument(1)));
        if let Some(length) = length.filter(|length| has_http2 && *length < ENOUGH) {
            let message = format!("a header field may have {} KiB", length >> 10);
            found.at(own.unwrap_or(server.statement), message);
        }
    }
}

fn limit_conn(model: &Model<'_>, found: &mut Found<'_>) {
    /// A person with a few windows, each with a few servers.
    const FEW: u32 = 20;
    for (_, location) in model.streaming_locations() {
        let own = location.scope.array("limit_conn").into_iter();
        // what opsctl renders counts the calls of some tools, not streams
        for own in own.filter(|own| !model.is_rendered(own)) {
            if own
                .argument(1)
                .parse::<u32>()
                .is_ok_and(|limit| limit < FEW)
            {
                found.at(
                    own,
                    format!("{} streams are all that a client may hold", own.argument(1)),
                );
            }
        }
    }
}
