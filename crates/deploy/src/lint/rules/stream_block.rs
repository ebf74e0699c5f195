//! The `stream` block: TCP and QUIC passed through untouched.

use findings::Severity;

use super::super::fix::Fix;
use super::super::model::value::{Address, time};
use super::super::model::{Listen, Model, StreamServer};
use super::super::rule::{Found, Proof, Rule};
use super::streaming::KEEP_ALIVE;
use crate::nginx_conf::Statement;

pub(super) static SELF: Rule = Rule {
    id: "stream-own-port",
    severity: Severity::Error,
    why: "A `stream` server that passes connections to the port it listens on connects to itself until no connection is left, and `nginx -t` says nothing about it.",
    cure: "give the origin an address or a port of its own",
    bad: "stream {\n    server {\n        listen 443;\n        proxy_pass 127.0.0.1:443;\n    }\n}\n",
    good: "stream {\n    server {\n        listen 443;\n        proxy_pass 127.0.0.1:8443;\n    }\n}\n",
    proof: Proof::Shown("one connection fills all connections of the worker"),
    check: own_port,
};

pub(super) static TIMEOUT: Rule = Rule {
    id: "stream-timeout",
    severity: Severity::Error,
    why: "`proxy_timeout` ends a connection that was silent for that long in both directions; below the interval of keep-alives (15 s) that is every event stream.",
    cure: "`proxy_timeout 2h;` for TCP, and for UDP more than the origin's QUIC idle timeout, as `120s`",
    bad: "stream {\n    server {\n        listen 443;\n        proxy_pass 127.0.0.1:8443;\n        proxy_timeout 10s;\n    }\n}\n",
    good: "stream {\n    server {\n        listen 443;\n        proxy_pass 127.0.0.1:8443;\n        proxy_timeout 2h;\n    }\n}\n",
    proof: Proof::Shown("a stream that is silent for longer is cut before its last event"),
    check: timeout,
};

pub(super) static RESPONSES: Rule = Rule {
    id: "stream-proxy-responses",
    severity: Severity::Error,
    why: "`proxy_responses` and `proxy_requests` end a UDP session after so many datagrams, and a QUIC connection needs more than that for its handshake.",
    cure: "take `proxy_responses` and `proxy_requests` away",
    bad: "stream {\n    server {\n        listen 443 udp reuseport;\n        proxy_pass 127.0.0.1:8443;\n        proxy_responses 1;\n    }\n}\n",
    good: "stream {\n    server {\n        listen 443 udp reuseport;\n        proxy_pass 127.0.0.1:8443;\n    }\n}\n",
    proof: Proof::Shown("no HTTP/3 handshake succeeds through it"),
    check: responses,
};

pub(super) static PROXY_UDP: Rule = Rule {
    id: "stream-proxy-protocol-udp",
    severity: Severity::Error,
    why: "`proxy_protocol on` writes a line of text before the first datagram of a session, which destroys the QUIC Initial in it: no origin can read the line, and every connection waits until the client sends again.",
    cure: "keep `proxy_protocol on` for TCP; leave it away for UDP",
    bad: "stream {\n    server {\n        listen 443 udp reuseport;\n        proxy_pass 127.0.0.1:8443;\n        proxy_protocol on;\n    }\n}\n",
    good: "stream {\n    server {\n        listen 443 udp reuseport;\n        proxy_pass 127.0.0.1:8443;\n    }\n}\n",
    proof: Proof::Shown("the first datagram does not arrive as it was sent"),
    check: proxy_udp,
};

pub(super) static PREREAD_UDP: Rule = Rule {
    id: "stream-ssl-preread-udp",
    severity: Severity::Error,
    why: "`ssl_preread` does not read QUIC: on a UDP listener `$ssl_preread_server_name` is empty, and a map over it sends every connection to its default.",
    cure: "one origin for each UDP port; choose by name for TCP alone",
    bad: "stream {\n    map $ssl_preread_server_name $backend {\n        mcp.example 127.0.0.1:8443;\n        default 127.0.0.1:9;\n    }\n    server {\n        listen 443 udp reuseport;\n        ssl_preread on;\n        proxy_pass $backend;\n    }\n}\n",
    good: "stream {\n    server {\n        listen 443 udp reuseport;\n        proxy_pass 127.0.0.1:8443;\n    }\n}\n",
    proof: Proof::Shown("HTTP/3 for a name in the map goes to the default"),
    check: preread_udp,
};

/// The addresses that a server passes connections to; none for a variable.
fn targets(model: &Model<'_>, server: &StreamServer<'_>) -> Vec<(Address, String)> {
    let Some(pass) = server.scope.own("proxy_pass").last() else {
        return Vec::new();
    };
    let target = pass.argument(0);
    match model.stream_upstreams.get(target) {
        Some(upstream) => {
            let servers = upstream
                .children()
                .iter()
                .filter(|child| child.name() == "server");
            servers
                .map(|server| {
                    (
                        Address::read(server.argument(0), 0),
                        server.argument(0).to_owned(),
                    )
                })
                .collect()
        }
        None => vec![(Address::read(target, 0), target.to_owned())],
    }
}

fn own_port(model: &Model<'_>, found: &mut Found<'_>) {
    let servers = &model.stream_servers;
    let passes: Vec<Vec<(Vec<usize>, String)>> = servers
        .iter()
        .map(|server| {
            let targets = targets(model, server).into_iter();
            targets
                .map(|(target, text)| (receivers(model, server, &target), text))
                .collect()
        })
        .collect();
    for (own, server) in servers.iter().enumerate() {
        let Some(pass) = server.scope.own("proxy_pass").last() else {
            continue;
        };
        for (receivers, text) in &passes[own] {
            if leads_to(own, receivers, &passes) {
                found.at(
                    pass,
                    format!(
                        "`{text}` is an address that this block listens on, and leads back here"
                    ),
                );
            }
        }
    }
}

/// The servers of the block that listen on what a server passes to.
fn receivers(model: &Model<'_>, server: &StreamServer<'_>, target: &Address) -> Vec<usize> {
    let others = model.stream_servers.iter().enumerate();
    let receives = |other: &StreamServer<'_>| {
        let mut listens = other.listens.iter();
        listens.any(|listen| listen.is_udp() == server.is_udp() && target.reaches(&listen.address))
    };
    others
        .filter(|(_, other)| receives(other))
        .map(|(index, _)| index)
        .collect()
}

/// Whether what some servers receive comes to `own` in the end: one that passes to another of the same block, as to have its
/// PROXY header taken off, is no loop by that alone.
fn leads_to(own: usize, first: &[usize], passes: &[Vec<(Vec<usize>, String)>]) -> bool {
    let mut seen = vec![false; passes.len()];
    let mut next = first.to_vec();
    while let Some(server) = next.pop() {
        if server == own {
            return true;
        }
        if !std::mem::replace(&mut seen[server], true) {
            next.extend(passes[server].iter().flat_map(|(receivers, _)| receivers));
        }
    }
    false
}

fn timeout(model: &Model<'_>, found: &mut Found<'_>) {
    for server in &model.stream_servers {
        let Some(own) = server.scope.nearest("proxy_timeout") else {
            continue;
        };
        let Some(value) = time(own.argument(0)).filter(|value| *value < 4 * KEEP_ALIVE) else {
            continue;
        };
        let told = found.at(
            own,
            format!(
                "a connection ends after {} s of silence",
                value.as_secs_f64()
            ),
        );
        if value > KEEP_ALIVE {
            told.only(Severity::Warn);
        }
    }
}

fn udp<'m, 'c>(model: &'m Model<'c>) -> impl Iterator<Item = &'m StreamServer<'c>> {
    model.stream_servers.iter().filter(|server| server.is_udp())
}

/// A directive of a server that may be taken away: one that stands in the server itself.
fn removal(found: &Found<'_>, server: &StreamServer<'_>, own: &Statement) -> Option<Fix> {
    let is_own = server
        .scope
        .own(own.name())
        .any(|other| std::ptr::eq(other, own));
    let is_udp_alone = server.listens.iter().all(Listen::is_udp);
    (is_own && is_udp_alone)
        .then(|| Fix::without(found.config(), own))
        .flatten()
}

fn responses(model: &Model<'_>, found: &mut Found<'_>) {
    for server in udp(model) {
        for name in ["proxy_responses", "proxy_requests"] {
            if let Some(own) = server.scope.nearest(name) {
                let fix = removal(found, server, own);
                found
                    .at(
                        own,
                        format!("a session ends after {} datagrams", own.argument(0)),
                    )
                    .fix(fix);
            }
        }
    }
}

fn proxy_udp(model: &Model<'_>, found: &mut Found<'_>) {
    for server in udp(model) {
        let own = server.scope.nearest("proxy_protocol");
        if let Some(own) = own.filter(|own| own.argument(0) == "on") {
            let fix = removal(found, server, own);
            found
                .at(own, "the first datagram of each session is destroyed")
                .fix(fix);
        }
    }
}

fn preread_udp(model: &Model<'_>, found: &mut Found<'_>) {
    for server in udp(model) {
        let own = server.scope.nearest("ssl_preread");
        if let Some(own) = own.filter(|own| own.argument(0) == "on") {
            found.at(own, "there is no server name to read in a datagram");
        }
    }
}
