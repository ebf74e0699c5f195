//! `[[edge.limits]]` and `[[edge.routes]]`.

use std::collections::BTreeSet;

use findings::{Finding, Located, Reader};

use crate::deployment::UpstreamAddress;
use crate::policy::{Limit, Matching, Rate, Route};
use crate::words::{AbsolutePath, Name};

/// Reads every limit, whatever is wrong with another.
pub(super) fn read_limits(edge: &Reader<'_>) -> Vec<Limit> {
    let mut names = BTreeSet::new();
    let tables = edge.tables("limits").into_iter();
    tables
        .filter_map(|table| read_limit(table, &mut names))
        .collect()
}

/// Reads every route.
pub(super) fn read_routes(edge: &Reader<'_>) -> Vec<Route> {
    let mut names = BTreeSet::new();
    let tables = edge.tables("routes").into_iter();
    tables
        .filter_map(|table| read_route(table, &mut names))
        .collect()
}

fn read_limit(table: Reader<'_>, names: &mut BTreeSet<Name>) -> Option<Limit> {
    let name = read_name(&table, names);
    let matching = read_matching(&table);
    let rate = table.word::<Rate>("rate", "spec.rate");
    let burst = count(&table, "burst", 0);
    let concurrent = count(&table, "concurrent", 1);
    let per = table.word("per", "spec.word");
    if !table.has("rate") && !table.has("concurrent") {
        let finding = Finding::error("spec.missing", "nothing is limited");
        table.find(
            "rate",
            finding.hint("write `rate = \"5r/s\"`, `concurrent = 4`, or both"),
        );
    }
    if burst.is_some() && !table.has("rate") {
        let finding = Finding::error("spec.limit", "`burst` is without `rate`");
        table.find(
            "burst",
            finding.hint("`burst` is what a `rate` lets through above itself"),
        );
    }
    table.finish();
    Some(Limit {
        name: name?,
        matching: matching?,
        rate: rate.map(|rate| rate.value),
        burst: burst.unwrap_or(0),
        concurrent,
        per: per.map(|per| per.value).unwrap_or_default(),
    })
}

fn read_route(table: Reader<'_>, names: &mut BTreeSet<Name>) -> Option<Route> {
    let name = read_name(&table, names);
    let matching = read_matching(&table);
    super::read::missing(&table, "to", TO);
    let to = table.string("to").and_then(|to| read_address(&table, &to));
    table.finish();
    Some(Route {
        name: name?,
        matching: matching?,
        to: to?,
    })
}

fn read_name(table: &Reader<'_>, names: &mut BTreeSet<Name>) -> Option<Name> {
    super::read::missing(
        table,
        "name",
        "as `name = \"search\"`: what NGINX makes of it is called so",
    );
    let name = table.word::<Name>("name", "spec.name")?;
    if !names.insert(name.value.clone()) {
        let message = format!("`{}` is there twice", name.value);
        table.find("name", Finding::error("spec.duplicate", message));
    }
    Some(name.value)
}

fn read_matching(table: &Reader<'_>) -> Option<Matching> {
    let matching = Matching {
        tools: values(table.words("tools", "spec.tool")),
        methods: values(table.words("methods", "spec.method")),
    };
    if !table.has("tools") && !table.has("methods") {
        let finding = Finding::error("spec.missing", "it applies to nothing");
        let hint = "write `tools = [\"search__*\"]`, `methods` with MCP methods, or both";
        table.find("tools", finding.hint(hint));
    }
    let is_empty = matching.tools.is_empty() && matching.methods.is_empty();
    (!is_empty).then_some(matching)
}

fn values<T>(words: Option<Vec<Located<T>>>) -> Vec<T> {
    let words = words.unwrap_or_default().into_iter();
    words.map(|word| word.value).collect()
}

fn count(table: &Reader<'_>, key: &'static str, least: i64) -> Option<u32> {
    let number = table.integer(key, least..=100_000)?;
    u32::try_from(number.value).ok()
}

fn read_address(table: &Reader<'_>, to: &Located<String>) -> Option<UpstreamAddress> {
    let text = to.value.as_str();
    let address = match text.strip_prefix("unix:") {
        Some(path) => path.parse::<AbsolutePath>().ok().map(UpstreamAddress::Unix),
        None => text.parse().ok().map(UpstreamAddress::Tcp),
    };
    if address.is_none() {
        let message = format!("`{}` is no address", text.escape_debug());
        table.find("to", Finding::error("spec.address", message).hint(TO));
    }
    address
}

const TO: &str = "as `to = \"127.0.0.1:8001\"` or `to = \"unix:/run/other/origin.sock\"`: where the other origin listens";
