//! Ways on which a POST is lost: redirects, rewritten paths, metadata behind a lock.

use findings::Severity;

use super::super::fix::Fix;
use super::super::model::{Kind, Location, Model, Server, names_mcp};
use super::super::rule::{Found, Proof, Rule};
use crate::nginx_conf::Statement;

pub(super) static SLASH: Rule = Rule {
    id: "mcp-slash-redirect",
    severity: Severity::Error,
    why: "Where only `/mcp/` has a location, NGINX answers a POST to `/mcp` with a redirect (301), and most clients turn it into a GET without a body.",
    cure: "give `/mcp` a location of its own: `location = /mcp { … }` beside `location /mcp/`",
    bad: "server {\n    location /mcp/ {\n        proxy_pass http://127.0.0.1:8000;\n    }\n}\n",
    good: "server {\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n    }\n    location /mcp/ {\n        proxy_pass http://127.0.0.1:8000;\n    }\n}\n",
    proof: Proof::Shown("a POST to the path without the slash is answered with 301"),
    check: slash,
};

pub(super) static REDIRECT: Rule = Rule {
    id: "redirect-loses-post",
    severity: Severity::Warn,
    why: "A client that follows a 301, 302 or 303 to HTTPS sends a GET there (RFC 9110, 15.4.2), so that a POST over plain HTTP loses its method and its body; 308 keeps both.",
    cure: "`return 308 https://$host$request_uri;`",
    bad: "server {\n    listen 80;\n    server_name mcp.example;\n    return 301 https://$host$request_uri;\n}\nserver {\n    listen 443 ssl;\n    server_name mcp.example;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n    }\n}\n",
    good: "server {\n    listen 80;\n    server_name mcp.example;\n    return 308 https://$host$request_uri;\n}\nserver {\n    listen 443 ssl;\n    server_name mcp.example;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n    }\n}\n",
    proof: Proof::Shown("curl that follows the redirect sends a GET"),
    check: redirect,
};

pub(super) static PASS_SLASH: Rule = Rule {
    id: "proxy-pass-slash",
    severity: Severity::Warn,
    why: "`location /x` with `proxy_pass http://up/` replaces `/x` by `/`, so that the origin is asked for `//y` where the client asked for `/x/y`.",
    cure: "leave the path of `proxy_pass` away, or end both with a slash",
    bad: "server {\n    location /mcp {\n        proxy_pass http://127.0.0.1:8000/;\n    }\n}\n",
    good: "server {\n    location /mcp {\n        proxy_pass http://127.0.0.1:8000;\n    }\n}\n",
    proof: Proof::Shown("the origin is asked for a path with two slashes"),
    check: pass_slash,
};

pub(super) static WELL_KNOWN: Rule = Rule {
    id: "well-known-locked",
    severity: Severity::Error,
    why: "A client learns from `/.well-known/oauth-protected-resource` how to log in (RFC 9728), so that a lock before it keeps everybody out who would log in.",
    cure: "`location ^~ /.well-known/oauth- { auth_basic off; auth_request off; proxy_pass …; }`",
    bad: "server {\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n    }\n    location / {\n        proxy_pass http://127.0.0.1:8000;\n    }\n    location ~ /\\. {\n        deny all;\n    }\n}\n",
    good: "server {\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n    }\n    location ^~ /.well-known/oauth- {\n        proxy_pass http://127.0.0.1:8000;\n    }\n    location ~ /\\. {\n        deny all;\n    }\n}\n",
    proof: Proof::Shown("the metadata is answered with 401 or 403"),
    check: well_known,
};

pub(super) static UNREACHABLE: Rule = Rule {
    id: "well-known-unreachable",
    severity: Severity::Warn,
    why: "A client that is asked to log in at `/mcp` looks for `/.well-known/oauth-protected-resource/mcp` first (RFC 9728, 3.1), then for the same without `/mcp`, and gives up where neither is answered.",
    cure: "`location ^~ /.well-known/oauth- { proxy_pass …; }`, a prefix that takes both",
    bad: "server {\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n    }\n    location = /.well-known/oauth-protected-resource {\n        proxy_pass http://127.0.0.1:8000;\n    }\n}\n",
    good: "server {\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n    }\n    location ^~ /.well-known/oauth-protected-resource {\n        proxy_pass http://127.0.0.1:8000;\n    }\n}\n",
    proof: Proof::Shown("the metadata that a client asks for first is answered with 404"),
    check: unreachable,
};

fn slash(model: &Model<'_>, found: &mut Found<'_>) {
    for (server, location) in model.mcp_locations() {
        let is_prefix = matches!(location.kind, Kind::Prefix | Kind::FirmPrefix);
        let bare = location
            .path
            .strip_suffix('/')
            .filter(|bare| !bare.is_empty());
        // a folder of endpoints is no endpoint itself
        let is_endpoint = |bare: &&str| is_prefix && names_mcp(bare);
        let Some(bare) = bare.filter(is_endpoint) else {
            continue;
        };
        let is_answered = server.locations.iter().any(|other| match other.kind {
            // a shorter prefix does not help: NGINX redirects before it looks for one
            Kind::Exact | Kind::Prefix | Kind::FirmPrefix => other.path == bare,
            // a pattern may take it; nobody knows of one that cannot be read
            Kind::Pattern | Kind::PatternAnyCase => other.matches(bare).unwrap_or(true),
            Kind::Named => false,
        });
        if !is_answered {
            let message = format!("a POST to `{bare}` is redirected to `{}`", location.path);
            found.at(location.statement, message);
        }
    }
}

fn redirect(model: &Model<'_>, found: &mut Found<'_>) {
    let mcp: Vec<&Server<'_>> = model
        .servers
        .iter()
        .filter(|server| server.has_mcp())
        .collect();
    for server in model.servers.iter().filter(|server| !server.has_tls()) {
        let shares_a_name = mcp.iter().any(|other| {
            let has = |name: &&str| server.names.contains(name) || matches!(*name, "_" | "");
            other.names.is_empty()
                || server.names.is_empty()
                || server.names.contains(&"_")
                || other.names.iter().any(has)
        });
        if !shares_a_name {
            continue;
        }
        let in_locations = server
            .locations
            .iter()
            .flat_map(|location| location.scope.own("return"));
        for statement in server.scope.own("return").chain(in_locations) {
            judge_redirect(statement, found);
        }
    }
}

fn judge_redirect(statement: &Statement, found: &mut Found<'_>) {
    let (code, target) = (statement.argument(0), statement.argument(1));
    if matches!(code, "301" | "302" | "303") && target.starts_with("https://") {
        let fix = Fix::replace(statement, 0, "308");
        found
            .at(
                statement,
                format!("a POST loses its body on a {code} to HTTPS"),
            )
            .fix(fix);
    } else if code.starts_with("https://") {
        found.at(statement, "a POST loses its body on a 302 to HTTPS");
    }
}

fn pass_slash(model: &Model<'_>, found: &mut Found<'_>) {
    for (_, location) in model.proxied() {
        let Some(pass) = location.proxy_pass() else {
            continue;
        };
        let target = pass.argument(0);
        let rest = target.split_once("://").map_or("", |(_, rest)| rest);
        let has_bare_slash = rest
            .split_once('/')
            .is_some_and(|(_, path)| path.is_empty());
        let is_prefix = matches!(location.kind, Kind::Prefix | Kind::FirmPrefix);
        if is_prefix && has_bare_slash && !location.path.ends_with('/') && !target.contains('$') {
            found.at(pass, format!("`{}/x` is asked for as `//x`", location.path));
        }
    }
}

/// A path that every MCP server with OAuth answers (RFC 9728, section 3).
const METADATA: &str = "/.well-known/oauth-protected-resource";

fn well_known(model: &Model<'_>, found: &mut Found<'_>) {
    for server in model.servers.iter().filter(|server| server.has_mcp()) {
        let Some(location) = server.location_for(METADATA) else {
            continue;
        };
        if let Some((lock, what)) = lock_of(location) {
            let message = format!("`{METADATA}` is behind {what}");
            found.at(lock, message);
        }
    }
}

/// Metadata that is asked for and passed to nobody, where the server shows that people log in: it passes some metadata, or
/// has a lock before MCP.
fn unreachable(model: &Model<'_>, found: &mut Found<'_>) {
    for (server, mcp) in model.mcp_locations() {
        let is_endpoint = matches!(mcp.kind, Kind::Exact | Kind::Prefix | Kind::FirmPrefix);
        let lock = ["auth_request", "auth_jwt"].map(|name| {
            let lock = mcp.scope.nearest(name);
            lock.filter(|own| own.argument(0) != "off")
        });
        let metadata = server
            .locations
            .iter()
            .find(|location| location.path.starts_with(METADATA));
        let sign = metadata.map(|location| location.statement);
        let Some(sign) = sign.or(lock.into_iter().flatten().next()) else {
            continue;
        };
        let path = format!("{METADATA}{}", mcp.path.trim_end_matches('/'));
        let is_answered = server.location_for(&path).is_some_and(answers);
        if is_endpoint && !is_answered {
            found.at(sign, format!("nothing answers `{path}`"));
        }
    }
}

/// Whether something else than a file that is not there answers here.
fn answers(location: &Location<'_>) -> bool {
    const WAYS: [&str; 6] = [
        "proxy_pass",
        "return",
        "alias",
        "root",
        "try_files",
        "rewrite",
    ];
    WAYS.iter()
        .any(|name| location.scope.own(name).next().is_some())
}

/// What keeps people without a password out of a location.
fn lock_of<'c>(location: &Location<'c>) -> Option<(&'c Statement, &'static str)> {
    let scope = &location.scope;
    for (name, what) in [
        ("auth_basic", "`auth_basic`"),
        ("auth_request", "`auth_request`"),
        ("auth_jwt", "`auth_jwt`"),
    ] {
        let lock = scope
            .nearest(name)
            .filter(|own| !matches!(own.argument(0), "off" | ""));
        if let Some(lock) = lock {
            return Some((lock, what));
        }
    }
    let mut denials = scope.own("deny").filter(|own| own.argument(0) == "all");
    let is_open = scope.own("allow").next().is_some();
    if let Some(denial) = denials.next().filter(|_| !is_open) {
        return Some((denial, "`deny all`"));
    }
    let mut refusals = scope
        .own("return")
        .filter(|own| matches!(own.argument(0), "403" | "404" | "444"));
    // a rule for hidden files that was not meant for these
    let is_pattern = matches!(location.kind, Kind::Pattern | Kind::PatternAnyCase);
    refusals
        .next()
        .filter(|_| is_pattern)
        .map(|refusal| (refusal, "a refusal of hidden files"))
}
