//! The page as a reader sees it, and its manual.

mod grammar;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::clock::Clock;

/// An app that counts, with one server that cannot start.
fn app() -> Arc<App> {
    let text = "metrics = true\n[[servers]]\nname = \"git\"\ncommand = [\"/nowhere/git\"]\n";
    let mut report = findings::Report::new();
    let document = findings::Document::parse(text, "x", &mut report);
    let (config, report) = origin_config::load(document);
    let config = config.unwrap_or_else(|| panic!("{report}"));
    App::start(config, Vec::new(), Clock::system())
}

fn page(app: &App) -> String {
    write(app, app.metrics.as_ref().expect("they are switched on"))
}

fn call(app: &App, tool: &str, took: Duration) {
    let called = Called {
        tool,
        outcome: "answered",
        began: std::time::Instant::now(),
        took,
        request_id: "a",
    };
    app.upstreams
        .each_calls(|server, calls| calls.add(server, called));
}

#[tokio::test]
async fn requests_are_counted_by_what_they_are() {
    let app = app();
    let metrics = app.metrics.as_ref().expect("they are switched on");
    let request = |status| Request {
        status,
        protocol: "2",
        route: "mcp",
    };
    // From several threads, whose counters are not the same ones.
    std::thread::scope(|scope| {
        for status in [200, 200, 429] {
            scope.spawn(move || metrics.request(request(status)));
        }
    });
    let page = page(&app);
    for line in [
        "origin_http_requests_total{protocol=\"2\",route=\"mcp\",status=\"200\"} 2",
        "origin_http_requests_total{protocol=\"2\",route=\"mcp\",status=\"429\"} 1",
    ] {
        assert!(page.lines().any(|found| found == line), "{line} in\n{page}");
    }
}

#[tokio::test]
async fn calls_are_counted_by_how_long_they_took() {
    let app = app();
    for milliseconds in [3, 700, 500_000] {
        call(&app, "log", Duration::from_millis(milliseconds));
    }
    let page = page(&app);
    let name = "origin_tool_call_duration_seconds";
    let labels = "server=\"git\",tool=\"log\",outcome=\"answered\"";
    for (bound, count) in [
        ("0.0025", 0),
        ("0.005", 1),
        ("1", 2),
        ("120", 2),
        ("+Inf", 3),
    ] {
        let line = format!("{name}_bucket{{{labels},le=\"{bound}\"}} {count}");
        assert!(page.lines().any(|found| found == line), "{line} in\n{page}");
    }
    assert!(
        page.contains(&format!("{name}_sum{{{labels}}} 500.703\n")),
        "{page}"
    );
    assert!(
        page.contains(&format!("{name}_count{{{labels}}} 3\n")),
        "{page}"
    );
}

#[tokio::test]
async fn the_page_obeys_its_grammar_whatever_a_tool_is_called() {
    let app = app();
    for tool in ["log", "a\"b\\c\nd", "", "ü} 1"] {
        call(&app, tool, Duration::from_millis(1));
    }
    let page = page(&app);
    assert!(page.contains("tool=\"a\\\"b\\\\c\\nd\""), "{page}");
    grammar::check(&page);
}

#[tokio::test]
async fn a_server_is_in_one_state() {
    let page = page(&app());
    let states: Vec<_> = page
        .lines()
        .filter(|line| line.starts_with("origin_server_state{server=\"git\""))
        .collect();
    assert_eq!(states.len(), 4, "{page}");
    let is = states.iter().filter(|line| line.ends_with(" 1")).count();
    assert_eq!(is, 1, "{states:?}");
}

#[tokio::test]
async fn a_server_that_makes_up_names_does_not_fill_the_memory() {
    let app = app();
    for number in 0..calls::MOST_TOOLS * 3 {
        call(&app, &number.to_string(), Duration::ZERO);
    }
    let page = page(&app);
    let counts = page.lines().filter(|line| line.contains("seconds_count{"));
    assert_eq!(counts.count(), calls::MOST_TOOLS + 1);
    let other = format!(
        "tool=\"(other)\",outcome=\"answered\"}} {}\n",
        calls::MOST_TOOLS * 2
    );
    assert!(page.contains(&other), "{other}");
}

#[test]
fn the_manual_has_every_metric() {
    let mut table = String::from("| metric | kind | labels | says |\n|---|---|---|---|\n");
    for family in FAMILIES {
        let Family {
            name,
            kind,
            labels,
            help,
        } = family;
        let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
        let labels = labels.join(", ");
        // Writing to a string does not fail.
        let _ = writeln!(table, "| `{name}` | {kind} | {labels} | {help} |");
    }
    let manual = include_str!("../../../docs/metrics.md");
    assert!(
        manual.contains(&table),
        "the table of docs/metrics.md has to be\n{table}"
    );
}
