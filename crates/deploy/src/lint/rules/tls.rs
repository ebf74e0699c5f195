//! TLS below what Mozilla's intermediate profile (guidelines 6.0) asks for.

use findings::Severity;

use super::super::model::Model;
use super::super::rule::{Found, Proof, Rule};
use crate::target::{Feature, ROTATES};

pub(super) static PROTOCOLS: Rule = Rule {
    id: "tls-protocols",
    severity: Severity::Warn,
    why: "TLS 1.0 and 1.1 are deprecated (RFC 8996), and SSL is broken.",
    cure: "`ssl_protocols TLSv1.2 TLSv1.3;`",
    bad: "server {\n    listen 443 ssl;\n    ssl_protocols TLSv1.1 TLSv1.2 TLSv1.3;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n}\n",
    good: "server {\n    listen 443 ssl;\n    ssl_protocols TLSv1.2 TLSv1.3;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n}\n",
    proof: Proof::Shown(
        "a client that speaks nothing later than TLS 1.1 is served, at the security level 0 that OpenSSL 3 wants for it",
    ),
    check: protocols,
};

pub(super) static CIPHERS: Rule = Rule {
    id: "tls-ciphers",
    severity: Severity::Warn,
    why: "The list admits ciphers without forward secrecy, without authenticated encryption, or broken ones.",
    cure: "`ssl_ciphers` of the intermediate profile: ECDHE with AES-GCM or ChaCha20-Poly1305 alone",
    bad: "server {\n    listen 443 ssl;\n    ssl_ciphers HIGH:!aNULL:!MD5;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n}\n",
    good: "server {\n    listen 443 ssl;\n    ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n}\n",
    proof: Proof::Shown(
        "a client agrees with it on AES-CBC with SHA-1, which does not authenticate what it encrypts",
    ),
    check: ciphers,
};

pub(super) static TICKETS: Rule = Rule {
    id: "session-tickets",
    severity: Severity::Warn,
    why: "In NGINX 1.23.2 to 1.30.5 the rotation of ticket keys in a shared cache leaves one key of zeros, so that sessions can be forged (CVE-2026-97629).",
    cure: "`ssl_session_tickets off;`, or NGINX 1.30.6",
    bad: "server {\n    listen 443 ssl;\n    ssl_session_cache shared:tls:10m;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n}\n",
    good: "server {\n    listen 443 ssl;\n    ssl_session_cache shared:tls:10m;\n    ssl_session_tickets off;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n}\n",
    proof: Proof::Shown(
        "a session that was sealed with a key of zeros is taken for one of its own",
    ),
    check: tickets,
};

pub(super) static EARLY_DATA: Rule = Rule {
    id: "early-data",
    severity: Severity::Error,
    why: "What comes in TLS 1.3 early data can be replayed by anybody on the way (RFC 8446, 8), so that a tool call is made again.",
    cure: "take `ssl_early_data on` away, or answer 425 to all but GET, HEAD and OPTIONS in early data",
    bad: "server {\n    listen 443 ssl;\n    ssl_early_data on;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n    }\n}\n",
    good: "map $ssl_early_data$request_method $early {\n    default 0;\n    \"~^1(?!GET|HEAD|OPTIONS)\" 1;\n}\nserver {\n    listen 443 ssl;\n    ssl_early_data on;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n    location = /mcp {\n        if ($early) {\n            return 425;\n        }\n        proxy_pass http://127.0.0.1:8000;\n    }\n}\n",
    proof: Proof::Shown("a POST in early data that is sent twice reaches the origin twice"),
    check: early_data,
};

fn protocols(model: &Model<'_>, found: &mut Found<'_>) {
    const OLD: [&str; 4] = ["SSLv2", "SSLv3", "TLSv1", "TLSv1.1"];
    for server in model.servers.iter().filter(|server| server.has_tls()) {
        let Some(own) = server.scope.nearest("ssl_protocols") else {
            continue;
        };
        let old: Vec<_> = own.arguments().filter(|word| OLD.contains(word)).collect();
        if !old.is_empty() {
            found.at(own, format!("`{}` is spoken", old.join("`, `")));
        }
    }
}

fn ciphers(model: &Model<'_>, found: &mut Found<'_>) {
    for server in model.servers.iter().filter(|server| server.has_tls()) {
        let Some(own) = server.scope.nearest("ssl_ciphers") else {
            continue;
        };
        let is_weak = |name: &&str| {
            let is_taken_away = name.starts_with(['!', '-', '@']) || name.is_empty();
            let is_sound =
                (name.starts_with("ECDHE") || name.starts_with("DHE") || name.starts_with("TLS_"))
                    && (name.contains("GCM") || name.contains("CHACHA20"));
            !is_taken_away && !is_sound
        };
        let weak: Vec<_> = own
            .argument(0)
            .split([':', ',', ' '])
            .filter(is_weak)
            .collect();
        if let Some(first) = weak.first() {
            let more = weak.len() - 1;
            let rest = if more == 0 {
                String::new()
            } else {
                format!(" and {more} more")
            };
            found.at(
                own,
                format!("`{first}`{rest} is below the intermediate profile"),
            );
        }
    }
}

fn tickets(model: &Model<'_>, found: &mut Found<'_>) {
    let is_open = model
        .target
        .is_some_and(|target| target.version >= ROTATES && !target.has(Feature::SafeTickets));
    for server in model
        .servers
        .iter()
        .filter(|server| is_open && server.has_tls())
    {
        let scope = &server.scope;
        let cache = scope
            .nearest("ssl_session_cache")
            .filter(|own| own.arguments().any(|word| word.starts_with("shared:")));
        let is_off = scope.word("ssl_session_tickets") == "off"
            || scope.nearest("ssl_session_ticket_key").is_some();
        if let Some(cache) = cache.filter(|_| !is_off) {
            found.at(cache, "sessions can be forged in this NGINX");
        }
    }
}

fn early_data(model: &Model<'_>, found: &mut Found<'_>) {
    for (server, location) in model.mcp_locations() {
        let on = server
            .scope
            .nearest("ssl_early_data")
            .filter(|own| own.argument(0) == "on");
        let guards = [&location.scope, &server.scope].into_iter().any(|scope| {
            let mut conditions = scope.own("if");
            conditions.any(|block| {
                block
                    .children()
                    .iter()
                    .any(|child| child.name() == "return" && child.argument(0) == "425")
            })
        });
        if let Some(own) = on.filter(|_| !guards) {
            found.at(
                own,
                format!("a POST to `{}` can be replayed", location.path),
            );
        }
    }
}
