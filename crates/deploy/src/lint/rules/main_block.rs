//! The top level: workers, and what stands where it does not belong.

use findings::Severity;

use super::super::model::Model;
use super::super::rule::{Found, Proof, Rule};
use crate::nginx_conf::Statement;
use crate::target::{Version, open_faults};

pub(super) static SHUTDOWN: Rule = Rule {
    id: "worker-shutdown-timeout",
    severity: Severity::Warn,
    why: "After a reload an old worker lives as long as its longest stream: without `worker_shutdown_timeout` they pile up, and with HTTP/3 they go on taking packets that belong to the new ones.",
    cure: "`worker_shutdown_timeout 1h;` at the top level: the value is yours, it must be there",
    bad: "events {\n}\nhttp {\n    server {\n        location = /mcp {\n            proxy_pass http://127.0.0.1:8000;\n        }\n    }\n}\n",
    good: "worker_shutdown_timeout 1h;\nevents {\n}\nhttp {\n    server {\n        location = /mcp {\n            proxy_pass http://127.0.0.1:8000;\n        }\n    }\n}\n",
    proof: Proof::Shown(
        "after a reload the old worker still holds a stream when its time would be over",
    ),
    check: shutdown,
};

pub(super) static QUIC_BPF: Rule = Rule {
    id: "quic-bpf",
    severity: Severity::Warn,
    why: "Below NGINX 1.31.7 a reload with `quic_bpf on` leaves the sockets of the old workers in the group: while one old stream lives, half of all new HTTP/3 connections fail.",
    cure: "take `quic_bpf on` away, or bound the harm with a short `worker_shutdown_timeout`",
    bad: "quic_bpf on;\nevents {\n}\n",
    good: "quic_bpf on;\nworker_shutdown_timeout 10s;\nevents {\n}\n",
    proof: Proof::Shown(
        "while an old stream lives, several of 24 fresh HTTP/3 connections do not come (on 1.30.6, 16 of 59 did not)",
    ),
    check: quic_bpf,
};

pub(super) static CONNECTIONS: Rule = Rule {
    id: "worker-connections",
    severity: Severity::Warn,
    why: "Every held stream takes a connection from the client and one to the origin, over HTTP/3 too, and a worker without a free one answers 500.",
    cure: "`worker_connections 8192;` with `worker_rlimit_nofile 16384;`: two for each stream",
    bad: "events {\n    worker_connections 768;\n}\nhttp {\n    server {\n        location = /mcp {\n            proxy_pass http://127.0.0.1:8000;\n        }\n    }\n}\n",
    good: "events {\n    worker_connections 8192;\n}\nhttp {\n    server {\n        location = /mcp {\n            proxy_pass http://127.0.0.1:8000;\n        }\n    }\n}\n",
    proof: Proof::Shown("with streams held the next request is answered with 500 or not at all"),
    check: connections,
};

pub(super) static FOREIGN: Rule = Rule {
    id: "foreign-host",
    severity: Severity::Warn,
    why: "A request for a name that nobody serves is answered by the first server of the address, so that another site's page can reach the MCP server through a name of its own (DNS rebinding).",
    cure: "a default server of its own that says `ssl_reject_handshake on; return 421;`",
    bad: "events {\n}\nhttp {\n    server {\n        listen 443 ssl;\n        server_name mcp.example;\n        ssl_certificate cert.pem;\n        ssl_certificate_key key.pem;\n        location = /mcp {\n            proxy_pass http://127.0.0.1:8000;\n        }\n    }\n}\n",
    good: "events {\n}\nhttp {\n    server {\n        listen 443 ssl default_server;\n        ssl_reject_handshake on;\n        return 421;\n    }\n    server {\n        listen 443 ssl;\n        server_name mcp.example;\n        ssl_certificate cert.pem;\n        ssl_certificate_key key.pem;\n        location = /mcp {\n            proxy_pass http://127.0.0.1:8000;\n        }\n    }\n}\n",
    proof: Proof::Shown("a request with a foreign `Host` reaches the origin"),
    check: foreign,
};

pub(super) static MISPLACED: Rule = Rule {
    id: "misplaced",
    severity: Severity::Error,
    why: "NGINX does not start when a directive of the top level stands inside `http`, which is where files under `conf.d` are included.",
    cure: "give it a file of its own that nginx.conf includes at the top level, as `modules-enabled` on Debian",
    bad: "events {\n}\nhttp {\n    stream {\n        server {\n            listen 8443;\n            proxy_pass 127.0.0.1:443;\n        }\n    }\n}\n",
    good: "events {\n}\nstream {\n    server {\n        listen 8443;\n        proxy_pass 127.0.0.1:443;\n    }\n}\n",
    proof: Proof::Refused,
    check: misplaced,
};

pub(super) static CVE: Rule = Rule {
    id: "target-cve",
    severity: Severity::Warn,
    why: "The NGINX that the configuration is for has published faults in HTTP/3, HTTP/2 or TLS.",
    cure: "upgrade to 1.30.7 or later, or to the last package of the distribution: name the executable with `--nginx` to have its fixes counted",
    bad: "events {\n}\n",
    good: "",
    proof: Proof::Shown(
        "each NGINX of the tests takes a forged session (CVE-2026-97629) when this rule names that fault for it, and when it does not, it takes none; the other faults are told by the versions of the advisories and of Debian's changelogs",
    ),
    check: cve,
};

fn holds_streams(model: &Model<'_>) -> bool {
    model.streaming_locations().next().is_some() || !model.stream_servers.is_empty()
}

fn anchor<'c>(model: &Model<'c>) -> Option<&'c Statement> {
    let mut blocks = model.main.own("events").chain(model.main.own("http"));
    blocks.next()
}

fn shutdown(model: &Model<'_>, found: &mut Found<'_>) {
    let is_set = model.main.nearest("worker_shutdown_timeout").is_some();
    if let Some(place) =
        anchor(model).filter(|_| model.is_complete() && !is_set && holds_streams(model))
    {
        found.at(place, "old workers live as long as their longest stream");
    }
}

fn quic_bpf(model: &Model<'_>, found: &mut Found<'_>) {
    /// The reload of QUIC sockets was mended here.
    const MENDED: Version = Version::new(1, 31, 7);
    let on = model
        .main
        .nearest("quic_bpf")
        .filter(|own| own.argument(0) == "on");
    let is_bounded = model.main.nearest("worker_shutdown_timeout").is_some();
    if let Some(own) = on.filter(|_| !is_bounded && !model.is_at_least(MENDED)) {
        found.at(own, "new HTTP/3 connections fail after a reload");
    }
}

fn connections(model: &Model<'_>, found: &mut Found<'_>) {
    /// NGINX's default; Debian's nginx.conf says 768.
    const DEFAULT: u32 = 512;
    const FEW: u32 = 1024;
    for events in model.main.own("events").filter(|_| holds_streams(model)) {
        let own = events
            .children()
            .iter()
            .rev()
            .find(|child| child.name() == "worker_connections");
        let number = own.map_or(Some(DEFAULT), |own| own.argument(0).parse().ok());
        if let Some(number) = number.filter(|number| *number < FEW) {
            let message = format!("a worker has {number} connections: {} streams", number / 2);
            found.at(own.unwrap_or(events), message);
        }
    }
}

fn foreign(model: &Model<'_>, found: &mut Found<'_>) {
    for server in model
        .servers
        .iter()
        .filter(|server| model.is_complete() && server.has_mcp())
    {
        let has_names = server.names.iter().any(|name| !matches!(*name, "" | "_"));
        for listen in server
            .listens
            .iter()
            .filter(|listen| listen.has("ssl") || listen.has("quic"))
        {
            let answers = model
                .default_server(listen)
                .is_some_and(|default| std::ptr::eq(default, server));
            if answers && has_names && !server.refuses_all() {
                found.at(
                    listen.statement,
                    "answers for every name that nobody serves",
                );
            }
        }
    }
}

fn misplaced(model: &Model<'_>, found: &mut Found<'_>) {
    const TOP_LEVEL: [&str; 9] = [
        "http",
        "stream",
        "events",
        "worker_processes",
        "worker_shutdown_timeout",
        "quic_bpf",
        "load_module",
        "worker_rlimit_nofile",
        "user",
    ];
    for http in &model.http {
        let inside = http
            .children()
            .iter()
            .filter(|child| TOP_LEVEL.contains(&child.name()));
        for child in inside {
            found.at(
                child,
                format!("`{}` does not belong into `http`", child.name()),
            );
        }
    }
    // a file that is read for itself says by its path where it is included
    for own in &model.config.root {
        let file = model
            .config
            .files
            .get(own.file)
            .map_or("", |file| file.name.as_str());
        let is_piece =
            !model.is_complete() && (file.contains("/conf.d/") || file.starts_with("conf.d/"));
        if is_piece && TOP_LEVEL.contains(&own.name()) && !own.is_implied {
            found.at(
                own,
                format!(
                    "`{}` does not belong into `http`, where `conf.d` is included",
                    own.name()
                ),
            );
        }
    }
}

fn cve(model: &Model<'_>, found: &mut Found<'_>) {
    let Some(target) = model.target else { return };
    let Some(place) = model.config.root.first() else {
        return;
    };
    if let Some(fault) = open_faults(target) {
        found.at_span(place.file, place.span, fault.message);
    }
}
