//! Between NGINX and the origin: kept connections, repeated calls, sizes, affinity.

use std::time::Duration;

use findings::Severity;

use super::super::fix::Fix;
use super::super::model::value::{size, time};
use super::super::model::{Location, Model};
use super::super::rule::{Found, Proof, Rule};
use super::headers::set_header;
use crate::nginx_conf::Statement;
use crate::target::Version;

pub(super) static CLOSED: Rule = Rule {
    id: "upstream-closed",
    severity: Severity::Warn,
    why: "Before NGINX 1.29.7 it speaks HTTP/1.0 with `Connection: close` to the origin unless told otherwise: a new connection for each call, and no chunked streams.",
    cure: "`proxy_http_version 1.1;` and `proxy_set_header Connection \"\";`",
    bad: "server {\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n    }\n}\n",
    good: "server {\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n        proxy_http_version 1.1;\n        proxy_set_header Connection \"\";\n    }\n}\n",
    proof: Proof::Shown("two calls come over two connections, each in HTTP/1.0"),
    check: closed,
};

pub(super) static KEEPALIVE: Rule = Rule {
    id: "upstream-keepalive",
    severity: Severity::Warn,
    why: "When NGINX keeps a connection for longer than the origin does, it sends a POST into one that the origin has just closed, and answers 502, because a POST must not be sent twice.",
    cure: "`keepalive_timeout` in the upstream below the origin's own: `4s` for Node, uvicorn and Hypercorn, which close after 5 s",
    bad: "upstream app {\n    server 127.0.0.1:8000;\n    keepalive 16;\n}\nserver {\n    location = /mcp {\n        proxy_pass http://app;\n    }\n}\n",
    good: "upstream app {\n    server 127.0.0.1:8000;\n    keepalive 16;\n    keepalive_timeout 4s;\n}\nserver {\n    location = /mcp {\n        proxy_pass http://app;\n    }\n}\n",
    proof: Proof::Shown("a POST on a connection that the origin gave up is answered with 502"),
    check: keepalive,
};

pub(super) static RETRY: Rule = Rule {
    id: "retry-non-idempotent",
    severity: Severity::Error,
    why: "`proxy_next_upstream … non_idempotent` sends a POST again after the origin may have acted on it, so that a tool runs twice.",
    cure: "take `non_idempotent` away",
    bad: "server {\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n        proxy_next_upstream error timeout non_idempotent;\n    }\n}\n",
    good: "server {\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n        proxy_next_upstream error timeout;\n    }\n}\n",
    proof: Proof::Shown("the origin gets one POST twice"),
    check: retry,
};

pub(super) static BUFFER_SIZE: Rule = Rule {
    id: "proxy-buffer-size",
    severity: Severity::Error,
    why: "NGINX does not start when `proxy_buffer_size` has outgrown `proxy_buffers`: the busy buffers, by default twice the larger of the two, must be less than all `proxy_buffers` without one.",
    cure: "raise them together: `proxy_buffer_size 16k; proxy_buffers 8 16k; proxy_busy_buffers_size 32k;`",
    bad: "server {\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n        proxy_buffer_size 64k;\n    }\n}\n",
    good: "server {\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n        proxy_buffer_size 16k;\n        proxy_buffers 8 16k;\n        proxy_busy_buffers_size 32k;\n    }\n}\n",
    proof: Proof::Refused,
    check: buffer_size,
};

pub(super) static BODY: Rule = Rule {
    id: "body-limit",
    severity: Severity::Warn,
    why: "`client_max_body_size` is 1 MiB by default, less than the 4 MiB that MCP servers take, so that a larger call is answered with 413 and a page in HTML.",
    cure: "`client_max_body_size 16m;`, in step with the origin's own limit",
    bad: "server {\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n    }\n}\n",
    good: "server {\n    client_max_body_size 16m;\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n    }\n}\n",
    proof: Proof::Shown("a POST of 2 MiB is answered with 413"),
    check: body,
};

pub(super) static AFFINITY: Rule = Rule {
    id: "affinity-header",
    severity: Severity::Warn,
    why: "The first request of a session has no `Mcp-Session-Id` yet, so that a hash over that header sends it elsewhere than all that follow.",
    cure: "choose by what every request has (`hash $remote_addr consistent;`), or let the session id name its replica",
    bad: "upstream app {\n    hash $http_mcp_session_id consistent;\n    server 127.0.0.1:8000;\n    server 127.0.0.1:8001;\n}\n",
    good: "upstream app {\n    hash $remote_addr consistent;\n    server 127.0.0.1:8000;\n    server 127.0.0.1:8001;\n}\n",
    proof: Proof::Shown(
        "a session whose first request one origin answered is continued at the other",
    ),
    check: affinity,
};

pub(super) static SPREAD: Rule = Rule {
    id: "affinity-missing",
    severity: Severity::Warn,
    why: "A session of MCP up to 2025-11-25 lives in the origin that opened it: where several stand behind an upstream that takes them in turn, the next request of the session comes to one that does not know it.",
    cure: "`hash $remote_addr consistent;`, or origins without sessions and a comment that says so",
    bad: "upstream app {\n    server 127.0.0.1:8000;\n    server 127.0.0.1:8001;\n}\nserver {\n    location = /mcp {\n        proxy_pass http://app;\n    }\n}\n",
    good: "upstream app {\n    hash $remote_addr consistent;\n    server 127.0.0.1:8000;\n    server 127.0.0.1:8001;\n}\nserver {\n    location = /mcp {\n        proxy_pass http://app;\n    }\n}\n",
    proof: Proof::Shown("two requests of one session come to two origins"),
    check: spread,
};

/// From here on NGINX keeps connections to origins by itself, in HTTP/1.1.
const KEEPS: Version = Version::new(1, 29, 7);

fn closed(model: &Model<'_>, found: &mut Found<'_>) {
    for (_, location) in model.streaming_locations() {
        let Some(pass) = location.proxy_pass() else {
            continue;
        };
        let scope = &location.scope;
        let version = scope.word("proxy_http_version");
        if version == "2" {
            continue;
        }
        let is_old = !model.is_at_least(KEEPS);
        let connection = scope.header("proxy_set_header", "Connection");
        if version == "1.0" || (version.is_empty() && is_old) {
            let own = scope.own("proxy_http_version").last();
            let fix = match own {
                Some(own) => Fix::replace(own, 0, "1.1"),
                None => Fix::behind(
                    found.config(),
                    pass,
                    &["proxy_http_version 1.1;".to_owned()],
                ),
            };
            let message = format!("`{}` is asked for over HTTP/1.0", location.path);
            found.at(own.unwrap_or(pass), message).fix(fix);
        }
        match connection {
            None if is_old => {
                let fix = set_header(
                    found.config(),
                    location,
                    "proxy_set_header Connection \"\";",
                );
                let message = format!(
                    "the connection to the origin of `{}` is closed after each call",
                    location.path
                );
                found.at(pass, message).fix(fix);
            }
            Some(own) if is_closing(model, own.argument(1)) => {
                found.at(
                    own,
                    format!(
                        "`Connection {}` ends the connection to the origin after each call",
                        own.argument(1)
                    ),
                );
            }
            _ => {}
        }
    }
}

/// Whether a value of `Connection` ends the connection of a call that asks for no upgrade.
fn is_closing(model: &Model<'_>, value: &str) -> bool {
    let closes =
        |text: &str| text.eq_ignore_ascii_case("close") || text.eq_ignore_ascii_case("upgrade");
    if !value.starts_with('$') {
        return closes(value);
    }
    let maps = model.http.iter().flat_map(|http| http.children());
    let mut of_upgrade = maps.filter(|map| {
        map.name() == "map" && map.argument(1) == value && map.argument(0) == "$http_upgrade"
    });
    of_upgrade.next().is_some_and(|map| {
        let entry = |name: &str| map.children().iter().find(|entry| entry.name() == name);
        entry("")
            .or_else(|| entry("default"))
            .is_some_and(|entry| closes(entry.argument(0)))
    })
}

fn keepalive(model: &Model<'_>, found: &mut Found<'_>) {
    /// What Node, uvicorn and Hypercorn keep an idle connection for.
    const ORIGINS: Duration = Duration::from_secs(5);
    /// NGINX's default.
    const DEFAULT: Duration = Duration::from_mins(1);
    for (_, location) in model.mcp_locations() {
        let Some(upstream) = model
            .upstream_of(location)
            .filter(|block| !model.is_rendered(block))
        else {
            continue;
        };
        let own = |name: &str| {
            upstream
                .children()
                .iter()
                .rev()
                .find(|child| child.name() == name)
        };
        let keep = own("keepalive");
        let keeps = keep.map_or(model.is_at_least(KEEPS), |keep| keep.argument(0) != "0");
        let timeout = own("keepalive_timeout");
        let value = timeout.map_or(Some(DEFAULT), |timeout| time(timeout.argument(0)));
        if let Some(value) = value.filter(|value| keeps && *value >= ORIGINS) {
            let place = timeout.or(keep).unwrap_or(upstream);
            let message = format!(
                "idle connections to the origin are kept for {} s",
                value.as_secs()
            );
            let fix = match (timeout, keep) {
                (Some(timeout), _) => Fix::replace(timeout, 0, "4s"),
                (None, Some(keep)) => {
                    Fix::behind(found.config(), keep, &["keepalive_timeout 4s;".to_owned()])
                }
                (None, None) => None,
            };
            found.at(place, message).fix(fix);
        }
    }
}

fn retry(model: &Model<'_>, found: &mut Found<'_>) {
    for (_, location) in model.mcp_locations() {
        let Some(own) = location.scope.nearest("proxy_next_upstream") else {
            continue;
        };
        if let Some(index) = own.arguments().position(|word| word == "non_idempotent") {
            let fix = Fix::without_word(own, index);
            found.at(own, "a POST is sent again").fix(fix);
        }
    }
}

fn buffer_size(model: &Model<'_>, found: &mut Found<'_>) {
    for (_, location) in model.proxied() {
        if let Some((own, message)) = buffer_fault(location) {
            found.at(own, message);
        }
    }
}

/// NGINX's own arithmetic (`ngx_http_proxy_merge_loc_conf`), with its defaults of one page (4k) and eight of them.
fn buffer_fault<'c>(location: &Location<'c>) -> Option<(&'c Statement, String)> {
    const PAGE: u64 = 4096;
    let scope = &location.scope;
    let own = scope.nearest("proxy_buffer_size")?;
    let first = size(own.argument(0))?;
    let (count, each) = match scope.nearest("proxy_buffers") {
        Some(buffers) => (
            buffers.argument(0).parse().ok()?,
            size(buffers.argument(1))?,
        ),
        None => (8_u64, PAGE),
    };
    let larger = first.max(each);
    let busy = match scope.nearest("proxy_busy_buffers_size") {
        Some(busy) => size(busy.argument(0))?,
        None => 2 * larger,
    };
    let others = each.checked_mul(count.checked_sub(1)?)?;
    if busy < larger {
        Some((
            own,
            format!("the busy buffers ({busy} bytes) are less than one buffer ({larger})"),
        ))
    } else if busy > others {
        Some((
            own,
            format!(
                "the busy buffers ({busy} bytes) are more than all `proxy_buffers` but one ({others})"
            ),
        ))
    } else {
        None
    }
}

fn body(model: &Model<'_>, found: &mut Found<'_>) {
    /// What the SDKs of MCP take in one request.
    const SERVERS: u64 = 4 << 20;
    const DEFAULT: u64 = 1 << 20;
    for (_, location) in model.mcp_locations() {
        let Some(pass) = location.proxy_pass() else {
            continue;
        };
        let own = location.scope.nearest("client_max_body_size");
        // what opsctl renders is in step with the origin
        if own.is_some_and(|own| model.is_rendered(own)) {
            continue;
        }
        let limit = own.map_or(Some(DEFAULT), |own| size(own.argument(0)));
        // 0 is no limit
        if limit.is_some_and(|limit| limit != 0 && limit < SERVERS) {
            let message = format!(
                "`{}` takes bodies of at most {}",
                location.path,
                own.map_or("1m, the default", |own| own.argument(0))
            );
            found.at(own.unwrap_or(pass), message);
        }
    }
}

/// The servers of an upstream that take requests while all is well.
fn in_turn(upstream: &Statement) -> impl Iterator<Item = &Statement> {
    upstream.children().iter().filter(|child| {
        let is_aside = child
            .arguments()
            .any(|word| matches!(word, "backup" | "down"));
        child.name() == "server" && !is_aside
    })
}

fn affinity(model: &Model<'_>, found: &mut Found<'_>) {
    const HEADER: &str = "$http_mcp_session_id";
    for upstream in model.upstreams.values() {
        let mut hashes = upstream
            .children()
            .iter()
            .filter(|child| child.name() == "hash");
        if let Some(hash) = hashes
            .find(|hash| hash.argument(0) == HEADER)
            .filter(|_| in_turn(upstream).count() > 1)
        {
            found.at(hash, "the first request of a session has no such header");
        }
    }
}

fn spread(model: &Model<'_>, found: &mut Found<'_>) {
    const CHOOSERS: [&str; 3] = ["hash", "ip_hash", "sticky"];
    for (_, location) in model.mcp_locations() {
        let Some(upstream) = model.upstream_of(location) else {
            continue;
        };
        let count = in_turn(upstream).count();
        let chooses = upstream
            .children()
            .iter()
            .any(|child| CHOOSERS.contains(&child.name()));
        if count > 1 && !chooses {
            let message = format!("{count} origins take the requests of a session in turn");
            found.at(upstream, message);
        }
    }
}
