//! Every rule against its own examples, and what holds for all of them.

use std::collections::BTreeSet;

use findings::Severity;
use proptest::prelude::*;

use super::*;
use crate::nginx_conf::Files;
use crate::target::Target;

/// One file.
struct One(Vec<u8>);

impl Files for One {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        (path == "example.conf")
            .then(|| self.0.clone())
            .ok_or_else(|| "is not there".to_owned())
    }

    fn list(&self, _: &str) -> Vec<String> {
        Vec::new()
    }
}

fn config(text: impl Into<Vec<u8>>) -> Config {
    Config::load("example.conf", &One(text.into())).expect("it is there")
}

fn target() -> Target {
    Target::named("1.28.3").expect("a version")
}

/// The files that stand beside the examples.
fn beside() -> Vec<Seen> {
    let seen = |certificate: &str, key: &str| Seen {
        pair: Pair {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
        },
        ended: (certificate == "expired.pem").then(|| "2026-01-31".to_owned()),
        names: vec!["*.example".to_owned(), "other.example.com".to_owned()],
        is_of_key: Some(key == "key.pem"),
    };
    let certificates = ["cert.pem", "expired.pem", "other.pem"];
    let mut all: Vec<_> = certificates.map(|name| seen(name, "key.pem")).into();
    all.push(seen("cert.pem", "other-key.pem"));
    all
}

fn judged(config: &Config) -> Vec<Problem> {
    let known = Known {
        target: Some(&target()),
        certificates: &beside(),
    };
    lint(config, known)
}

fn ids(text: &str) -> BTreeSet<&'static str> {
    let problems = judged(&config(text));
    problems.iter().map(|problem| problem.rule).collect()
}

#[test]
fn every_rule_is_found_in_its_bad_example_and_not_in_its_good_one() {
    for rule in RULES {
        assert!(ids(rule.bad).contains(rule.id), "{}: bad", rule.id);
        assert!(!ids(rule.good).contains(rule.id), "{}: good", rule.id);
    }
}

#[test]
fn a_rule_whose_harm_is_not_shown_is_no_error() {
    for rule in RULES {
        let is_shown = !matches!(rule.proof, Proof::Known(_));
        assert!(is_shown || rule.severity < Severity::Error, "{}", rule.id);
    }
}

#[test]
fn rules_have_their_own_ids_and_speak_in_the_house_style() {
    let ids: BTreeSet<_> = RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(ids.len(), RULES.len());
    for rule in RULES {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(rule.id.chars().all(is_plain), "{}", rule.id);
        assert!(rule.why.ends_with('.'), "{}", rule.id);
        assert!(!rule.cure.ends_with('.'), "{}", rule.id);
    }
}

/// The text after its fixes, and after those that they made room for.
fn fixed(text: &str) -> String {
    let mut text = text.to_owned();
    for _ in 0..4 {
        let config = config(text.as_str());
        let problems = judged(&config);
        match apply_fixes(&config, &problems).pop() {
            Some((_, bytes)) => text = String::from_utf8(bytes).expect("it was a text"),
            None => break,
        }
    }
    text
}

#[test]
fn a_fix_cures_what_it_is_for_and_brings_nothing_new() {
    for rule in RULES {
        let before = judged(&config(rule.bad));
        let is_fixable = before
            .iter()
            .any(|problem| problem.rule == rule.id && problem.fix.is_some());
        let after = ids(&fixed(rule.bad));
        if is_fixable {
            assert!(
                !after.contains(rule.id),
                "{}:\n{}",
                rule.id,
                fixed(rule.bad)
            );
        }
        assert!(
            after.is_subset(&ids(rule.bad)),
            "{}: {after:?}\n{}",
            rule.id,
            fixed(rule.bad)
        );
    }
}

#[test]
fn a_fix_keeps_the_form_of_the_hand() {
    let text = "server {\r\n\tlisten 80; # plain\r\n\tlocation = /mcp { proxy_pass http://127.0.0.1:1; gzip  off ; }\r\n\tlocation /sse {\r\n\t\tproxy_pass   http://127.0.0.1:1;   # the app\r\n\t\tproxy_read_timeout 1h;\r\n\t}\r\n}\r\n";
    let after = fixed(text);
    assert!(
        after.contains("proxy_pass http://127.0.0.1:1; proxy_set_header"),
        "{after}"
    );
    assert!(
        after.contains("# the app\r\n\t\tproxy_buffering off;\r\n"),
        "{after}"
    );
    assert!(after.contains("gzip  off ;"), "{after}");
    assert!(!after.replace("\r\n", "").contains('\n'), "{after}");
}

#[test]
fn a_comment_with_a_reason_allows_a_rule_where_it_stands() {
    let text = |comment: &str| {
        format!(
            "server {{\n location = /mcp {{\n {comment}\n proxy_pass http://127.0.0.1:1;\n }}\n location = /mcp/b {{\n proxy_pass http://127.0.0.1:1;\n }}\n}}\n"
        )
    };
    let count = |text: &str| {
        let problems = lint(&config(text), Known::default());
        problems
            .iter()
            .filter(|problem| problem.rule == "stream-buffering")
            .count()
    };
    assert_eq!(count(&text("# plain")), 2);
    assert_eq!(
        count(&text(
            "# opsctl-lint: allow stream-buffering the origin marks them"
        )),
        1
    );
    assert_eq!(count(&text("# opsctl-lint: allow stream-buffering")), 2);
    let all = format!(
        "# opsctl-lint: allow stream-buffering they are marked\n{}",
        text("")
    );
    assert_eq!(count(&all), 0);
}

#[test]
fn a_comment_that_allows_nothing_is_told() {
    for comment in [
        "allow",
        "allow no-such-rule because",
        "permit x",
        "allow stream-buffering not here",
    ] {
        let text = format!("# opsctl-lint: {comment}\nevents {{ }}\n");
        assert_eq!(
            ids(&text).into_iter().collect::<Vec<_>>(),
            ["lint-comment", "target-cve"],
            "{comment}"
        );
    }
}

#[test]
fn strange_bytes_are_a_note_in_comments_and_a_warning_elsewhere() {
    let worst = |text: &[u8]| {
        let problems = lint(&config(text), Known::default());
        let own = problems.iter().filter(|found| found.rule == "conf-bytes");
        own.map(|found| found.severity).max()
    };
    assert_eq!(worst(b"# f\xfcr alle\nevents {}"), Some(Severity::Note));
    assert_eq!(worst(b"# \0\nevents {}"), Some(Severity::Note));
    assert_eq!(worst(b"# \0\nadd_header X \"\0\";"), Some(Severity::Warn));
    assert_eq!(
        worst(b"# \xfc\nadd_header X \"\xfc\";"),
        Some(Severity::Warn)
    );
    assert_eq!(worst("# für alle".as_bytes()), None);
}

#[test]
fn a_secret_is_never_shown() {
    let text = "proxy_set_header Authorization \"Bearer s3cr3t\";\nset $api_key s3cr3t;\n# password: s3cr3t\nmap $http_x_api_key $ok { \"s3cr3t\" 1; }\nproxy_pass http://u:s3cr3t@up;\nauth_basic_user_file /etc/x;\nif ($http_x_token != s3cr3t) { return 403; }\n";
    let shown = redact(&crate::nginx_conf::parse(text));
    assert!(!shown.contains("s3cr3t"), "{shown}");
    assert!(shown.contains("proxy_set_header Authorization"), "{shown}");
    assert!(shown.contains("/etc/x"), "{shown}");
    assert_eq!(shown.lines().count(), text.lines().count());
    for rule in RULES {
        let with = rule
            .bad
            .replace("127.0.0.1:8000", "u:s3cr3t@127.0.0.1:8000");
        let problems = lint(&config(with), Known::default());
        assert!(
            problems
                .iter()
                .all(|problem| !problem.message.contains("s3cr3t")),
            "{}",
            rule.id
        );
    }
}

#[test]
fn a_clean_conf_has_no_problem() {
    let clean = "location = /healthz { return 200; }";
    assert_eq!(lint(&config(clean), Known::default()), []);
}

#[test]
fn a_server_that_passes_to_another_of_its_block_is_a_loop_only_where_it_comes_back() {
    let loops = |inner: &str| {
        let text = format!(
            "stream {{\nserver {{ listen 443; proxy_pass unix:/run/a; proxy_protocol on; }}\n\
             server {{ listen unix:/run/a proxy_protocol; proxy_pass {inner}; }}\n}}\n"
        );
        let problems = lint(&config(text), Known::default());
        let own = problems
            .iter()
            .filter(|problem| problem.rule == "stream-own-port");
        own.count()
    };
    assert_eq!(loops("127.0.0.1:8443"), 0);
    assert_eq!(loops("127.0.0.1:443"), 2);
    assert_eq!(loops("unix:/run/a"), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes_are_judged_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let config = config(bytes);
        let problems = lint(&config, Known::default());
        for problem in &problems {
            let _ = problem.finding(&config);
        }
        let _ = apply_fixes(&config, &problems);
        let _ = redact(&config.files[0].document);
    }

#[test]
    fn any_conf_of_our_words_is_judged_without_a_panic(words in proptest::collection::vec(
        proptest::sample::select(vec![
            "server", "location", "http", "stream", "listen", "443", "quic", "ssl", "http2", "udp", "reuseport", "proxy_pass",
            "http://up/", "/mcp", "=", "upstream", "up", "keepalive", "map", "$a", "if", "($a)", "return", "301", "https://x",
            "proxy_buffer_size", "proxy_buffers", "0", "18446744073709551615g", "add_header", "Alt-Svc", "'h3=\":99999\"'",
            "proxy_timeout", "{", "}", ";", ";", "}", "{", "# opsctl-lint: allow listen-http2 x\n", "include", "events", "default_server",
            "worker_connections", "ssl_ciphers", "::", "gzip_types", "*", "~", "(", "proxy_set_header", "Connection",
        ]), 0..60)) {
        let config = config(words.join(" "));
        let problems = judged(&config);
        for (_, bytes) in apply_fixes(&config, &problems) {
            prop_assert!(!bytes.is_empty());
        }
    }
}
