//! What is wrong with an NGINX configuration in front of MCP servers: streaming, HTTP/3, headers, TLS, pass-through.
//!
//! [`lint`] judges a [`Config`], whether a hand or a tool wrote it. Each [`Rule`] says why it is
//! one, what cures it, and how its harm was shown; a rule whose harm no test shows on a real NGINX is a warning at most.

mod docs;
mod fix;
mod known;
pub(crate) mod model;
mod problem;
mod redact;
mod rule;
mod rules;
mod suppress;
#[cfg(test)]
mod tests;

use crate::nginx_conf::Config;

pub use docs::{CORPUS, Corpus, index_page, page};
pub use fix::{Edit, Fix, apply_fixes};
pub(crate) use known::pairs_of;
pub use known::{Known, Pair, Seen, covers, pairs};
pub use model::is_rendered;
pub use problem::Problem;
pub use redact::redact;
pub use rule::{Proof, Rule};
pub use rules::ALL as RULES;

use model::Model;
use rule::Found;

/// Everything that is wrong with a configuration, sorted by file and place.
pub fn lint(config: &Config, known: Known<'_>) -> Vec<Problem> {
    let model = Model::new(config, known);
    let mut problems = Vec::new();
    for rule in RULES {
        (rule.check)(&model, &mut Found::new(rule, config, &mut problems));
    }
    suppress::apply(config, &mut problems);
    problems.sort_by(|a, b| {
        let key = |problem: &Problem| (problem.file, problem.span.start, problem.rule);
        key(a).cmp(&key(b)).then_with(|| a.message.cmp(&b.message))
    });
    // a piece that several servers include is one place
    problems.dedup_by(|a, b| {
        (a.rule, a.file, a.span, &a.message) == (b.rule, b.file, b.span, &b.message)
    });
    problems
}
