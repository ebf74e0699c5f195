//! NGINX itself as the judge of the reader: what is a configuration, and what its words are.

use std::fmt::Write as _;
use std::path::Path;

use deploy::lint::{Proof, RULES};
use deploy::nginx_conf::{End, Node, parse};
use e2e::Tools;
use probe::Ask;
use tempfile::TempDir;

use super::stage::{Case, nginx, plain, write, write_certificate};

/// What `nginx -t` says of a file in a folder, and whether it takes it.
fn judge(tools: &Tools, folder: &Path, text: &[u8]) -> (bool, String) {
    let text = String::from_utf8_lossy(text);
    write(folder, "example.conf", &text);
    let output = nginx(&tools.nginx_1_28, folder, "example.conf")
        .arg("-t")
        .output()
        .expect("nginx starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success(), said)
}

/// An example with the blocks around it that it must stand in.
fn whole(example: &str) -> String {
    if example.contains("events {") {
        example.to_owned()
    } else if example.starts_with("stream {") {
        format!("events {{\n}}\n{example}")
    } else if let Some(rest) = example.strip_prefix('\u{feff}') {
        format!("\u{feff}events {{\n}}\nhttp {{\n{rest}\n}}\n")
    } else {
        format!("events {{\n}}\nhttp {{\n{example}\n}}\n")
    }
}

#[test]
fn nginx_takes_every_good_example_and_refuses_what_it_is_said_to_refuse() {
    let tools = Tools::from_environment();
    let folder = TempDir::with_prefix("e2e-lint-").expect("a folder");
    std::fs::create_dir(folder.path().join("logs")).expect("our own folder");
    write_certificate(folder.path());
    // this one is read in part by definition
    for rule in RULES.iter().filter(|rule| rule.id != "conf-unread") {
        let (is_taken, said) = judge(&tools, folder.path(), whole(rule.good).as_bytes());
        assert!(is_taken, "{}: good: {said}", rule.id);
        let (is_taken, said) = judge(&tools, folder.path(), whole(rule.bad).as_bytes());
        assert_eq!(
            is_taken,
            rule.proof != Proof::Refused,
            "{}: bad: {said}",
            rule.id
        );
        if rule.proof == Proof::Warned {
            assert!(said.contains("[warn]"), "{}: {said}", rule.id);
        }
    }
}

/// Entries of a `map`, which may be any two words.
const ENTRIES: [&str; 33] = [
    "a b;",
    "a b#c;",
    "a \"b c\";",
    "a 'b c';",
    "a 'b''c';",
    "a \"b\"c;",
    "a b\"c;",
    "a \"b;",
    "a ${b}c;",
    "a b\\;c;",
    "a b\\ c;",
    "a \"\\\"\";",
    "a '\\'';",
    "a b; # c",
    "a # c\n b;",
    "a b",
    "a b;;",
    "a b; }",
    "{ a b; }",
    "a \"\";",
    "\"\" b;",
    "a b\r\n;",
    "a\tb;",
    "a \"b\"\n;",
    "a b}c;",
    "a (b);",
    "a '{';",
    "a \"b\\\\\";",
    "a \"b\\\\\\\";",
    "a $b;",
    "a '$b'#c;",
    "\"a\" \"b\";",
    "a \"b\"#c;",
];

#[test]
fn nginx_and_the_reader_agree_on_what_is_a_configuration() {
    let tools = Tools::from_environment();
    let folder = TempDir::with_prefix("e2e-lint-").expect("a folder");
    std::fs::create_dir(folder.path().join("logs")).expect("our own folder");
    let long = |length: usize| format!("a {};", "x".repeat(length));
    let mut entries: Vec<String> = ENTRIES.iter().map(|entry| (*entry).to_owned()).collect();
    entries.extend([
        long(4000),
        long(4095),
        long(4096),
        format!("#{}\na b;", "x".repeat(4094)),
        format!("#{}\na b;", "x".repeat(4095)),
    ]);
    for entry in entries {
        // a variable must exist; what is asked here is the form
        let text =
            format!("events {{\n}}\nhttp {{\nset_by_nobody;\nmap $uri $x {{\n{entry}\n}}\n}}\n")
                .replace("set_by_nobody;\n", "map $host $b {\ndefault 1;\n}\n");
        let (is_taken, said) = judge(&tools, folder.path(), text.as_bytes());
        // the form alone: a map has its own opinion of blocks and of the number of words
        let is_form =
            !said.contains("invalid number of the map parameters") && !said.contains("unknown");
        let is_sound = parse(text.clone()).faults().is_empty();
        assert_eq!(is_sound, is_taken || !is_form, "{entry}: {said}");
    }
}

/// Words that `return` gives back as they are.
const WORDS: [&str; 12] = [
    "plain",
    "b#c",
    "\"x y\"",
    "'x y'",
    "\"a\\\"b\"",
    "'a\\'b'",
    "\"a\\tb\\\\c\\nd\"",
    "a\\ b",
    "a'b'c",
    "\"a'b\"",
    "'\\.\\d'",
    "a}b",
];

#[test]
fn nginx_and_the_reader_agree_on_words() {
    let mut locations = String::new();
    for (index, word) in WORDS.iter().enumerate() {
        let _ = writeln!(locations, "location = /{index} {{ return 200 {word}; }}");
    }
    let conf = plain("", &locations);
    let case = Case {
        rule: "conf-syntax",
        bad: conf.clone(),
        good: conf,
    };
    case.runs(async |stage| {
        for (index, word) in WORDS.iter().enumerate() {
            let answer = stage.ask(Ask::get(format!("/{index}"))).await;
            let document = parse(format!("return 200 {word};"));
            let Some(Node::Directive(directive)) = document.nodes().first() else {
                panic!("{word}");
            };
            let ours = directive.words().nth(2).expect("three words").text.clone();
            assert_eq!(String::from_utf8_lossy(&answer.body), ours, "{word}");
            assert!(matches!(directive.end, End::Semicolon(_)));
        }
    });
}
