//! `listen … quic`: what NGINX refuses, and what lets HTTP/3 be absent in silence.

use findings::Severity;

use super::super::fix::Fix;
use super::super::model::{Listen, Model, Server};
use super::super::rule::{Found, Proof, Rule};

pub(super) static HTTP3_OFF: Rule = Rule {
    id: "quic-without-http3",
    severity: Severity::Error,
    why: "With `http3 off` a QUIC listener has no protocol to offer, and every handshake fails.",
    cure: "`http3 on;`, the default, or take `listen … quic` away",
    bad: "server {\n    listen 443 ssl;\n    listen 443 quic reuseport;\n    http3 off;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n}\n",
    good: "server {\n    listen 443 ssl;\n    listen 443 quic reuseport;\n    http3 on;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n}\n",
    proof: Proof::Shown("no HTTP/3 handshake succeeds"),
    check: http3_off,
};

pub(super) static CERTIFICATE: Rule = Rule {
    id: "quic-without-certificate",
    severity: Severity::Error,
    why: "QUIC is always encrypted, and NGINX does not start with a QUIC listener whose default server has no certificate.",
    cure: "`ssl_certificate` and `ssl_certificate_key`, or `ssl_reject_handshake on;` in the default server",
    bad: "events {\n}\nhttp {\n    server {\n        listen 443 quic reuseport;\n    }\n}\n",
    good: "events {\n}\nhttp {\n    server {\n        listen 443 quic reuseport;\n        ssl_certificate cert.pem;\n        ssl_certificate_key key.pem;\n    }\n}\n",
    proof: Proof::Refused,
    check: certificate,
};

pub(super) static TLS13: Rule = Rule {
    id: "quic-without-tls13",
    severity: Severity::Error,
    why: "QUIC needs TLS 1.3 (RFC 9001, 4.2), and NGINX does not start with a QUIC listener without it.",
    cure: "`ssl_protocols TLSv1.2 TLSv1.3;`",
    bad: "server {\n    listen 443 quic reuseport;\n    ssl_protocols TLSv1.2;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n}\n",
    good: "server {\n    listen 443 quic reuseport;\n    ssl_protocols TLSv1.2 TLSv1.3;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n}\n",
    proof: Proof::Refused,
    check: tls13,
};

pub(super) static TCP: Rule = Rule {
    id: "quic-without-ssl",
    severity: Severity::Error,
    why: "Clients come over TCP first and learn of HTTP/3 there; where the port has no `listen … ssl`, nobody comes.",
    cure: "`listen 443 ssl;` beside `listen 443 quic;`, at the same address",
    bad: "server {\n    listen 443 quic reuseport;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n}\n",
    good: "server {\n    listen 443 ssl;\n    listen 443 quic reuseport;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n}\n",
    proof: Proof::Shown("a connection over TCP is refused"),
    check: tcp,
};

pub(super) static INCOMPATIBLE: Rule = Rule {
    id: "quic-incompatible",
    severity: Severity::Error,
    why: "NGINX refuses `quic` beside parameters that belong to TCP: `ssl`, `http2`, `proxy_protocol`, `so_keepalive`, `backlog`, `deferred`, `fastopen`, `multipath`.",
    cure: "two lines: one `listen` for TCP and one for QUIC",
    bad: "server {\n    listen 443 ssl quic;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n}\n",
    good: "server {\n    listen 443 ssl;\n    listen 443 quic reuseport;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n}\n",
    proof: Proof::Refused,
    check: incompatible,
};

pub(super) static TWICE: Rule = Rule {
    id: "reuseport-twice",
    severity: Severity::Error,
    why: "Options of a socket may stand once for each address and port, and NGINX does not start with a second one (`duplicate listen options`).",
    cure: "keep them in the first server of the address; the others say `listen ADDRESS quic;`",
    bad: "server {\n    listen 443 quic reuseport;\n    server_name a.example;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n}\nserver {\n    listen 443 quic reuseport;\n    server_name b.example;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n}\n",
    good: "server {\n    listen 443 quic reuseport;\n    server_name a.example;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n}\nserver {\n    listen 443 quic;\n    server_name b.example;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n}\n",
    proof: Proof::Refused,
    check: twice,
};

pub(super) static REUSEPORT: Rule = Rule {
    id: "reuseport-missing",
    severity: Severity::Warn,
    why: "Without `reuseport` all workers read one UDP socket and take each other's packets, so that connections over HTTP/3 stall.",
    cure: "`reuseport` on the first `listen … quic` of each address",
    bad: "worker_processes 4;\nevents {\n}\nhttp {\n    server {\n        listen 443 quic;\n        ssl_certificate cert.pem;\n        ssl_certificate_key key.pem;\n    }\n}\n",
    good: "worker_processes 4;\nevents {\n}\nhttp {\n    server {\n        listen 443 quic reuseport;\n        ssl_certificate cert.pem;\n        ssl_certificate_key key.pem;\n    }\n}\n",
    proof: Proof::Shown(
        "of 16 HTTP/3 connections at the same time to four workers some are not answered",
    ),
    check: reuseport,
};

pub(super) static HTTP2: Rule = Rule {
    id: "listen-http2",
    severity: Severity::Warn,
    why: "`http2` as a parameter of `listen` is deprecated since NGINX 1.25.1, which warns of it at every start.",
    cure: "`http2 on;` in each server of the address",
    bad: "server {\n    listen 443 ssl http2;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n}\n",
    good: "server {\n    listen 443 ssl;\n    http2 on;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n}\n",
    proof: Proof::Warned,
    check: http2,
};

pub(super) static NO_HTTP2: Rule = Rule {
    id: "http2-missing",
    severity: Severity::Note,
    why: "Over HTTP/1.1 each event stream takes a connection, and a browser opens six to a host: where HTTP/2 is off, whoever has no HTTP/3 waits with the seventh.",
    cure: "`http2 on;` in the server",
    bad: "server {\n    listen 443 ssl;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n    }\n}\n",
    good: "server {\n    listen 443 ssl;\n    http2 on;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n    }\n}\n",
    proof: Proof::Shown("a client that speaks HTTP/2 is given none"),
    check: no_http2,
};

fn quic<'s, 'c>(server: &'s Server<'c>) -> impl Iterator<Item = &'s Listen<'c>> {
    server.listens.iter().filter(|listen| listen.has("quic"))
}

fn http3_off(model: &Model<'_>, found: &mut Found<'_>) {
    for server in &model.servers {
        let off = server
            .scope
            .nearest("http3")
            .filter(|own| own.argument(0) == "off");
        let Some(off) = off.filter(|_| server.scope.word("http3_hq") != "on") else {
            continue;
        };
        if server.has_quic() {
            let fix = Fix::replace(off, 0, "on");
            found.at(off, "the QUIC listener has no protocol").fix(fix);
        }
    }
}

fn certificate(model: &Model<'_>, found: &mut Found<'_>) {
    // the certificate of a piece may stand around it
    for server in model.servers.iter().filter(|_| model.is_complete()) {
        for listen in quic(server) {
            let is_default = model
                .default_server(listen)
                .is_some_and(|default| std::ptr::eq(default, server));
            let has_certificate = server.scope.nearest("ssl_certificate").is_some();
            let refuses = server.scope.word("ssl_reject_handshake") == "on";
            if is_default && !has_certificate && !refuses {
                found.at(listen.statement, "the server has no certificate");
            }
        }
    }
}

fn tls13(model: &Model<'_>, found: &mut Found<'_>) {
    for server in model.servers.iter().filter(|server| server.has_quic()) {
        let protocols = server.scope.nearest("ssl_protocols");
        if let Some(own) = protocols.filter(|own| !own.arguments().any(|word| word == "TLSv1.3")) {
            found.at(own, "QUIC needs `TLSv1.3` here");
        }
    }
}

fn tcp(model: &Model<'_>, found: &mut Found<'_>) {
    for listen in model.servers.iter().flat_map(quic) {
        let mut others = model.servers.iter().flat_map(|server| &server.listens);
        let has_tcp = others.any(|other| {
            let is_wild = matches!(other.address.host.as_str(), "*" | "[::]");
            let is_same = other.address.host == listen.address.host || is_wild;
            other.has("ssl") && other.address.port == listen.address.port && is_same
        });
        if !has_tcp {
            let message = format!("nothing listens with `ssl` on port {}", listen.address.port);
            found.at(listen.statement, message);
        }
    }
}

fn incompatible(model: &Model<'_>, found: &mut Found<'_>) {
    const TCP_ONLY: [&str; 8] = [
        "ssl",
        "http2",
        "proxy_protocol",
        "so_keepalive=",
        "backlog=",
        "deferred",
        "fastopen=",
        "multipath",
    ];
    for listen in model.servers.iter().flat_map(quic) {
        if let Some(word) = TCP_ONLY.iter().find(|word| listen.has(word)) {
            let word = word.trim_end_matches('=');
            found.at(
                listen.statement,
                format!("`{word}` does not go with `quic`"),
            );
        }
    }
}

/// Parameters that set an option of the socket.
const SOCKET_OPTIONS: [&str; 11] = [
    "reuseport",
    "rcvbuf=",
    "sndbuf=",
    "backlog=",
    "deferred",
    "fastopen=",
    "so_keepalive=",
    "ipv6only=",
    "bind",
    "setfib=",
    "accept_filter=",
];

fn twice(model: &Model<'_>, found: &mut Found<'_>) {
    let mut seen: Vec<&Listen<'_>> = Vec::new();
    for listen in model.servers.iter().flat_map(|server| &server.listens) {
        let Some(option) = SOCKET_OPTIONS.iter().find(|option| listen.has(option)) else {
            continue;
        };
        if seen.iter().any(|other| other.same_socket(listen)) {
            let fix = listen
                .position(option)
                .and_then(|index| Fix::without_word(listen.statement, index));
            let option = option.trim_end_matches('=');
            let message =
                format!("`{option}` stands on an address that has its options from another server");
            found
                .at(listen.statement, message)
                .fix(fix.filter(|_| option == "reuseport"));
        } else {
            seen.push(listen);
        }
    }
}

fn reuseport(model: &Model<'_>, found: &mut Found<'_>) {
    // NGINX's default is one worker
    let workers = model.main.word("worker_processes");
    if !model.is_complete() || matches!(workers, "" | "1") {
        return;
    }
    let listens: Vec<&Listen<'_>> = model.servers.iter().flat_map(quic).collect();
    for (index, listen) in listens.iter().enumerate() {
        let same = |other: &&&Listen<'_>| other.same_socket(listen);
        let is_first = !listens[..index].iter().any(|other| same(&other));
        let has_it = listens
            .iter()
            .filter(same)
            .any(|other| other.has("reuseport"));
        if is_first && !has_it {
            let last = listen.statement.words.len().saturating_sub(2);
            let text = format!("{} reuseport", listen.statement.argument(last));
            let fix = Fix::replace(listen.statement, last, &text);
            let message = format!("`worker_processes {workers}` share one UDP socket");
            found.at(listen.statement, message).fix(fix);
        }
    }
}

fn http2(model: &Model<'_>, found: &mut Found<'_>) {
    if !model.knows("http2") {
        return;
    }
    for server in &model.servers {
        for listen in server
            .listens
            .iter()
            .filter(|listen| listen.has("http2") && !listen.has("quic"))
        {
            let fix = http2_fix(model, server, listen, found);
            found
                .at(listen.statement, "`http2` is a directive of its own now")
                .fix(fix);
        }
    }
}

fn no_http2(model: &Model<'_>, found: &mut Found<'_>) {
    for server in model.servers.iter().filter(|server| server.has_mcp()) {
        let tls = server.listens.iter().find(|listen| listen.has("ssl"));
        let Some(listen) = tls.filter(|_| server.scope.word("http2") != "on") else {
            continue;
        };
        // as a parameter it is for every server of the address
        let mut all = model.servers.iter().flat_map(|server| &server.listens);
        if !all.any(|other| other.same_socket(listen) && other.has("http2")) {
            found.at(listen.statement, "HTTP/2 is off");
        }
    }
}

/// The parameter goes and the directive comes, where every server of the address has the parameter, so that nothing else
/// changes its protocol.
fn http2_fix(
    model: &Model<'_>,
    server: &Server<'_>,
    listen: &Listen<'_>,
    found: &Found<'_>,
) -> Option<Fix> {
    let mut all = model.servers.iter().flat_map(|server| &server.listens);
    let is_shared = !all.all(|other| !other.same_socket(listen) || other.has("http2"));
    if is_shared {
        return None;
    }
    let fix = Fix::without_word(listen.statement, listen.position("http2")?)?;
    if server.scope.own("http2").next().is_some() {
        return Some(fix);
    }
    let last = server.listens.last()?;
    Some(fix.and(Fix::behind(
        found.config(),
        last.statement,
        &["http2 on;".to_owned()],
    )?))
}
