//! The edge's policy by MCP method and tool, as values for the templates.

use super::context::Fields;
use crate::deployment::Deployment;
use crate::policy::{Limit, Matching, Per, Route};
use crate::words::{Token, ToolPattern};

/// Adds what a site needs of the policy; `upstream` is what its names in NGINX start with.
pub(super) fn add(fields: Fields, deployment: &Deployment, upstream: &str) -> Fields {
    let edge = &deployment.edge;
    let limits: Vec<_> = edge.limits.iter().map(|one| limit(one, upstream)).collect();
    let routes: Vec<_> = edge.routes.iter().map(|one| route(one, upstream)).collect();
    fields
        .flag("has_policy", !limits.is_empty() || !routes.is_empty())
        .flag("has_routes", !routes.is_empty())
        .list("limits", &limits)
        .list("routes", &routes)
}

fn limit(limit: &Limit, upstream: &str) -> Fields {
    let key = match limit.per {
        Per::Client => "$binary_remote_addr",
        Per::Site => "site",
    };
    matching(&limit.matching)
        .word(
            "zone",
            &Token::composed(format!("{upstream}__{}", limit.name.variable())),
        )
        .word("value", &Token::composed(key))
        .optional("rate", limit.rate.as_ref())
        .optional("burst", (limit.burst > 0).then_some(&limit.burst))
        .optional("concurrent", limit.concurrent.as_ref())
}

fn route(route: &Route, upstream: &str) -> Fields {
    let upstream = Token::composed(format!("{upstream}__to_{}", route.name.variable()));
    matching(&route.matching)
        .word("value", &upstream)
        .word("address", &route.to)
}

fn matching(matching: &Matching) -> Fields {
    let tools: Vec<_> = matching.tools.iter().map(ToolPattern::expression).collect();
    Fields::default()
        .words("tools", &tools)
        .words("methods", &matching.methods)
}
