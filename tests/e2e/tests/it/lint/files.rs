//! Harm of the form of the files.

use probe::{Ask, Version};

use super::stage::{Case, HTTP, SITE, events, fetch, open, plain};

#[test]
fn a_header_with_a_nul_byte_breaks_the_answer() {
    let with = |byte: &str| {
        plain(
            "",
            &format!("location = /mcp {{ add_header X-Team \"a{byte}b\"; return 200 ok; }}"),
        )
    };
    let case = Case {
        rule: "conf-bytes",
        bad: with("\0"),
        good: with("-"),
    };
    case.shows(async |stage| {
        let answer = fetch(&stage.plain(), Version::Http1, Ask::get("/mcp")).await;
        answer.is_err()
    });
}

#[test]
fn a_site_behind_a_misspelt_pattern_is_not_served() {
    let ending = SITE.rsplit_once('.').expect("it has one").1;
    let with = |ending: &str| plain("", &format!("include *.{ending};"));
    let case = Case {
        rule: "include-empty",
        bad: with(&ending.replace('i', "l")),
        good: with(ending),
    };
    case.shows(async |stage| stage.ask(Ask::get("/mcp")).await.head.status == 404);
}

#[test]
fn a_fault_below_too_many_blocks_cuts_streams_unseen() {
    // every location stands inside another one, which NGINX takes at any depth
    let with = |depth: usize, time: &str| {
        let server = format!(
            "{}location = /mcp {{ proxy_pass http://127.0.0.1:@ORIGIN@; proxy_http_version 1.1; proxy_read_timeout {time}; }}{}",
            "location / { ".repeat(depth),
            " }".repeat(depth)
        );
        format!(
            "worker_shutdown_timeout 10s; events {{ worker_connections 1024; }}\nhttp {{ {HTTP} server {{ listen 127.0.0.1:@HTTP@; {server} }} }}"
        )
    };
    let case = Case {
        rule: "conf-unread",
        bad: with(100, "1s"),
        good: with(0, "1h"),
    };
    case.shows(async |stage| {
        let ask = Ask::get("/mcp?events=2&every=2500&mark=1");
        let stream = open(&stage.plain(), Version::Http1, ask).await;
        let is_cut = events(stream.expect("a head")).await.len() < 2;
        is_cut && !stage.lint().contains("read-timeout")
    });
}
