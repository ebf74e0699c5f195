//! Event streams: nothing may hold their bytes back or end them while they are silent.

use std::time::Duration;

use findings::Severity;

use super::super::fix::Fix;
use super::super::model::value::time;
use super::super::model::{Location, Model};
use super::super::rule::{Found, Proof, Rule};

/// The usual interval of comments on an event stream: the HTML standard's advice (9.2.7, `every 15 seconds or so`), and what
/// this project's origin and the Python servers do.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(15);

pub(super) static BUFFERING: Rule = Rule {
    id: "stream-buffering",
    severity: Severity::Warn,
    why: "NGINX collects the answer of an origin before it passes it on, so that over HTTPS with HTTP/1.1 no event arrives before the stream ends, unless the origin marks each stream with `X-Accel-Buffering: no`.",
    cure: "`proxy_buffering off;` in the location, or make sure that the origin sends `X-Accel-Buffering: no` and say so in a comment",
    bad: "server {\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n    }\n}\n",
    good: "server {\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n        proxy_buffering off;\n    }\n}\n",
    proof: Proof::Shown("over TLS with HTTP/1.1 the first event comes with the last one"),
    check: buffering,
};

pub(super) static IGNORED: Rule = Rule {
    id: "accel-buffering-ignored",
    severity: Severity::Error,
    why: "With buffering on and the origin's `X-Accel-Buffering` ignored, no origin can keep its streams from being held back.",
    cure: "take `X-Accel-Buffering` out of `proxy_ignore_headers`, or turn `proxy_buffering off` in the location",
    bad: "server {\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n        proxy_ignore_headers X-Accel-Buffering;\n    }\n}\n",
    good: "server {\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n    }\n}\n",
    proof: Proof::Shown("over TLS with HTTP/1.1 the events of a marked stream come all at once"),
    check: ignored,
};

pub(super) static GZIP: Rule = Rule {
    id: "gzip-event-stream",
    severity: Severity::Error,
    why: "Compression of `text/event-stream` with buffering on keeps every event until the stream ends, over every HTTP version.",
    cure: "`gzip off;` in the location, or take `text/event-stream` out of `gzip_types`",
    bad: "server {\n    gzip on;\n    gzip_types *;\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n    }\n}\n",
    good: "server {\n    gzip on;\n    gzip_types application/json;\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n    }\n}\n",
    proof: Proof::Shown("the first event over HTTP/3 comes with the last one"),
    check: gzip,
};

pub(super) static READ_TIMEOUT: Rule = Rule {
    id: "read-timeout",
    severity: Severity::Error,
    why: "NGINX ends a stream, and a call that takes long, when the origin has been silent for `proxy_read_timeout`: below the interval of keep-alives (15 s) that is every stream, at the default of 60 s every one without keep-alives.",
    cure: "`proxy_read_timeout 1h;`, or at least longer than the longest call",
    bad: "server {\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n        proxy_read_timeout 10s;\n    }\n}\n",
    good: "server {\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n        proxy_read_timeout 1h;\n    }\n}\n",
    proof: Proof::Shown("a stream that is silent for longer is cut before its last event"),
    check: read_timeout,
};

pub(super) static ABORT: Rule = Rule {
    id: "client-abort-ignored",
    severity: Severity::Warn,
    why: "With `proxy_ignore_client_abort on` the origin does not learn that a client has gone, and a silent stream is kept until `proxy_read_timeout`.",
    cure: "take `proxy_ignore_client_abort on` away",
    bad: "server {\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n        proxy_ignore_client_abort on;\n    }\n}\n",
    good: "server {\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n    }\n}\n",
    proof: Proof::Shown("the origin still writes to a client that has closed its connection"),
    check: abort,
};

fn is_buffered(location: &Location<'_>) -> bool {
    location.scope.word("proxy_buffering") != "off"
}

fn ignores_the_mark(location: &Location<'_>) -> bool {
    let ignored = location.scope.nearest("proxy_ignore_headers");
    ignored.is_some_and(|list| {
        list.arguments()
            .any(|name| name.eq_ignore_ascii_case("X-Accel-Buffering"))
    })
}

fn buffering(model: &Model<'_>, found: &mut Found<'_>) {
    for (_, location) in model.streaming_locations() {
        let Some(pass) = location.proxy_pass() else {
            continue;
        };
        if !is_buffered(location) || model.is_rendered(location.statement) {
            continue;
        }
        let own = location.scope.own("proxy_buffering").last();
        let fix = match own {
            Some(own) => Fix::replace(own, 0, "off"),
            None => Fix::behind(found.config(), pass, &["proxy_buffering off;".to_owned()]),
        };
        let message = format!(
            "`{}` may stream, and its answers are buffered",
            location.path
        );
        found.at(own.unwrap_or(pass), message).fix(fix);
    }
}

fn ignored(model: &Model<'_>, found: &mut Found<'_>) {
    for (_, location) in model.streaming_locations() {
        if !is_buffered(location) || !ignores_the_mark(location) {
            continue;
        }
        if let Some(list) = location.scope.nearest("proxy_ignore_headers") {
            let message = format!("`{}` is buffered whatever its origin says", location.path);
            found.at(list, message);
        }
    }
}

fn gzip(model: &Model<'_>, found: &mut Found<'_>) {
    for (_, location) in model.streaming_locations() {
        let scope = &location.scope;
        let types = scope.nearest("gzip_types");
        let is_typed = types.is_some_and(|types| {
            types
                .arguments()
                .any(|word| matches!(word, "*" | "text/event-stream"))
        });
        let (Some(types), Some(pass)) = (types, location.proxy_pass()) else {
            continue;
        };
        if scope.word("gzip") != "on" || !is_typed || !is_buffered(location) {
            continue;
        }
        let own = scope.own("gzip").last();
        let fix = match own {
            Some(own) => Fix::replace(own, 0, "off"),
            None => Fix::behind(found.config(), pass, &["gzip off;".to_owned()]),
        };
        let message = format!("the events of `{}` are compressed", location.path);
        found.at(types, message).fix(fix);
    }
}

fn read_timeout(model: &Model<'_>, found: &mut Found<'_>) {
    /// NGINX's default.
    const DEFAULT: Duration = Duration::from_mins(1);
    for (_, location) in model.streaming_locations() {
        let directive = location.scope.nearest("proxy_read_timeout");
        let value = directive.map_or(Some(DEFAULT), |own| time(own.argument(0)));
        let (Some(value), Some(pass)) = (value, location.proxy_pass()) else {
            continue;
        };
        if value > DEFAULT {
            continue;
        }
        let seconds = value.as_secs_f64();
        let default = if directive.is_none() {
            ", the default"
        } else {
            ""
        };
        let path = location.path;
        let message = format!("a stream of `{path}` ends after {seconds} s of silence{default}");
        let told = found.at(directive.unwrap_or(pass), message);
        if value > KEEP_ALIVE {
            told.only(Severity::Warn);
        }
    }
}

fn abort(model: &Model<'_>, found: &mut Found<'_>) {
    for (_, location) in model.streaming_locations() {
        let directive = location.scope.nearest("proxy_ignore_client_abort");
        if let Some(own) = directive.filter(|own| own.argument(0) == "on") {
            let message = format!(
                "the origin of `{}` is not told when a client leaves",
                location.path
            );
            found.at(own, message);
        }
    }
}
