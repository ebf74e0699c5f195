//! Headers on their way to the origin.

use findings::Severity;

use super::super::fix::Fix;
use super::super::model::{Location, Model};
use super::super::rule::{Found, Proof, Rule};
use crate::nginx_conf::Config;

pub(super) static HOST: Rule = Rule {
    id: "host-rewritten",
    severity: Severity::Error,
    why: "Without `proxy_set_header Host` the origin sees the name of the upstream block, and servers that check the host against DNS rebinding, as those of the MCP SDKs do, refuse every request.",
    cure: "`proxy_set_header Host $host;` in the location, or around it where the location sets no header of its own",
    bad: "server {\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n    }\n}\n",
    good: "server {\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n        proxy_set_header Host $host;\n    }\n}\n",
    proof: Proof::Shown("the origin sees the upstream's name as `Host`"),
    check: host,
};

pub(super) static REQUEST_ID: Rule = Rule {
    id: "request-id-overwritten",
    severity: Severity::Error,
    why: "`$request_id` is always a new one, so that the id which the client or a proxy before NGINX gave the request is lost and its log lines cannot be joined.",
    cure: "keep a sound id: `map $http_x_request_id $rid { default $request_id; \"~^[A-Za-z0-9._:-]{1,128}$\" $http_x_request_id; }` and send `$rid`",
    bad: "server {\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n        proxy_set_header X-Request-ID $request_id;\n    }\n}\n",
    good: "map $http_x_request_id $rid {\n    default $request_id;\n    \"~^[A-Za-z0-9._:-]{1,128}$\" $http_x_request_id;\n}\nserver {\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n        proxy_set_header X-Request-ID $rid;\n    }\n}\n",
    proof: Proof::Shown("the origin sees another id than the client sent"),
    check: request_id,
};

pub(super) static FORWARDED: Rule = Rule {
    id: "forwarded-from-client",
    severity: Severity::Warn,
    why: "A forwarding header that NGINX does not write anew is the client's own, so that anybody can choose the address, the scheme or the host that the origin believes.",
    cure: "`proxy_set_header X-Forwarded-For $remote_addr;`, `X-Forwarded-Proto $scheme;` and `X-Forwarded-Host $host;`, with `set_real_ip_from` where another proxy stands before this one",
    bad: "server {\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n    }\n}\n",
    good: "server {\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n        proxy_set_header X-Forwarded-For $remote_addr;\n        proxy_set_header X-Forwarded-Proto $scheme;\n        proxy_set_header X-Forwarded-Host $host;\n    }\n}\n",
    proof: Proof::Shown("the origin sees an address that the client made up"),
    check: forwarded,
};

pub(super) static REAL_IP: Rule = Rule {
    id: "real-ip-anyone",
    severity: Severity::Error,
    why: "`set_real_ip_from` of every address believes the header of anybody who connects, so that each client chooses the address that NGINX logs, limits and passes on.",
    cure: "name the addresses of the proxies that stand before this one",
    bad: "server {\n    set_real_ip_from 0.0.0.0/0;\n    real_ip_header X-Forwarded-For;\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n    }\n}\n",
    good: "server {\n    set_real_ip_from 10.0.0.0/8;\n    real_ip_header X-Forwarded-For;\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n    }\n}\n",
    proof: Proof::Shown("`$remote_addr` is what the client wrote into its header"),
    check: real_ip,
};

pub(super) static EARLY_DATA_HEADER: Rule = Rule {
    id: "early-data-header",
    severity: Severity::Note,
    why: "`Early-Data` is for the edge to say (RFC 8470, 5.1); one that a client sends reaches the origin unless NGINX writes it anew.",
    cure: "`proxy_set_header Early-Data $ssl_early_data;`",
    bad: "server {\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n    }\n}\n",
    good: "server {\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n        proxy_set_header Early-Data $ssl_early_data;\n    }\n}\n",
    proof: Proof::Shown("the origin sees the client's own `Early-Data`"),
    check: early_data_header,
};

pub(super) static SET_HEADER_LOST: Rule = Rule {
    id: "proxy-set-header-lost",
    severity: Severity::Warn,
    why: "One `proxy_set_header` in a location drops all those of the blocks around it, so that the origin no longer gets them.",
    cure: "repeat them in the location, or put all of them into one file that each location includes",
    bad: "server {\n    proxy_set_header Host $host;\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n        proxy_set_header X-Forwarded-Proto $scheme;\n    }\n}\n",
    good: "server {\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n        proxy_set_header Host $host;\n        proxy_set_header X-Forwarded-Proto $scheme;\n    }\n}\n",
    proof: Proof::Shown("the origin does not see a header that the server block sets"),
    check: set_header_lost,
};

/// Puts a `proxy_set_header` into a location without taking others from it; nothing where its headers stand further out.
pub(super) fn set_header(config: &Config, location: &Location<'_>, line: &str) -> Option<Fix> {
    let own = location.scope.own("proxy_set_header").last();
    let is_free = location.scope.array("proxy_set_header").is_empty();
    let behind = own.or_else(|| location.proxy_pass().filter(|_| is_free))?;
    Fix::behind(config, behind, &[line.to_owned()])
}

fn host(model: &Model<'_>, found: &mut Found<'_>) {
    for (_, location) in model.mcp_locations() {
        let Some(pass) = location.proxy_pass() else {
            continue;
        };
        let header = location.scope.header("proxy_set_header", "Host");
        match header {
            None => {
                let fix = set_header(found.config(), location, "proxy_set_header Host $host;");
                let message = format!(
                    "the origin of `{}` sees the upstream's name as `Host`",
                    location.path
                );
                found.at(pass, message).fix(fix);
            }
            Some(own) if own.argument(1) == "$proxy_host" => {
                let fix = Fix::replace(own, 1, "$host");
                found
                    .at(own, "`$proxy_host` is the upstream's name")
                    .fix(fix);
            }
            Some(_) => {}
        }
    }
}

fn request_id(model: &Model<'_>, found: &mut Found<'_>) {
    for (_, location) in model.proxied() {
        let header = location.scope.header("proxy_set_header", "X-Request-ID");
        if let Some(own) =
            header.filter(|own| matches!(own.argument(1), "$request_id" | "${request_id}"))
        {
            found.at(own, "the client's own request id is thrown away");
        }
    }
}

fn forwarded(model: &Model<'_>, found: &mut Found<'_>) {
    for (_, location) in model.mcp_locations() {
        let Some(pass) = location.proxy_pass() else {
            continue;
        };
        let scope = &location.scope;
        let knows_proxies = scope.nearest("set_real_ip_from").is_some();
        let mut open = Vec::new();
        for name in ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"] {
            match scope.header("proxy_set_header", name) {
                None => open.push(name),
                Some(own) => {
                    let value = own.argument(1);
                    let is_clients = value.contains("$http_x_forwarded")
                        || value.contains("$proxy_add_x_forwarded_for");
                    if is_clients && !knows_proxies {
                        found.at(own, format!("`{name}` holds what the client says"));
                    }
                }
            }
        }
        if !open.is_empty() {
            let names: Vec<_> = open.iter().map(|name| format!("`{name}`")).collect();
            let message = format!(
                "the client's own {} reach the origin of `{}`",
                names.join(", "),
                location.path
            );
            found.at(pass, message);
        }
    }
}

fn real_ip(model: &Model<'_>, found: &mut Found<'_>) {
    let servers = model.servers.iter().map(|server| &server.scope);
    let locations = model.servers.iter().flat_map(|server| &server.locations);
    for scope in servers.chain(locations.map(|location| &location.scope)) {
        for own in scope.array("set_real_ip_from") {
            let is_everybody = own
                .argument(0)
                .rsplit_once('/')
                .is_some_and(|(_, bits)| bits == "0");
            if is_everybody {
                found.at(own, "everybody is believed");
            }
        }
    }
}

fn early_data_header(model: &Model<'_>, found: &mut Found<'_>) {
    for (_, location) in model.mcp_locations() {
        let Some(pass) = location.proxy_pass() else {
            continue;
        };
        if location
            .scope
            .header("proxy_set_header", "Early-Data")
            .is_none()
        {
            let line = "proxy_set_header Early-Data $ssl_early_data;";
            let fix = set_header(found.config(), location, line);
            let message = format!(
                "a client's own `Early-Data` reaches the origin of `{}`",
                location.path
            );
            found.at(pass, message).fix(fix);
        }
    }
}

fn set_header_lost(model: &Model<'_>, found: &mut Found<'_>) {
    for (_, location) in model.proxied() {
        let own: Vec<_> = location.scope.own("proxy_set_header").collect();
        let Some(first) = own.first() else { continue };
        let has = |name: &str| {
            own.iter()
                .any(|other| other.argument(0).eq_ignore_ascii_case(name))
        };
        let mut lost: Vec<&str> = Vec::new();
        for outer in location.scope.outer_array("proxy_set_header") {
            let name = outer.argument(0);
            if !has(name) && !lost.contains(&name) {
                lost.push(name);
            }
        }
        if !lost.is_empty() {
            let names: Vec<_> = lost.iter().map(|name| format!("`{name}`")).collect();
            found.at(
                first,
                format!("drops {} from the blocks around it", names.join(", ")),
            );
        }
    }
}
