//! The reader against NGINX's rules.

use proptest::prelude::*;

use super::*;

fn words(text: &str) -> Vec<Vec<String>> {
    fn walk(nodes: &[Node], out: &mut Vec<Vec<String>>) {
        for node in nodes {
            if let Node::Directive(directive) = node {
                out.push(directive.words().map(|word| word.text.clone()).collect());
                if let End::Block { nodes, .. } = &directive.end {
                    walk(nodes, out);
                }
            }
        }
    }
    let mut out = Vec::new();
    walk(parse(text).nodes(), &mut out);
    out
}

fn kinds(text: &[u8]) -> Vec<FaultKind> {
    parse(text)
        .faults()
        .iter()
        .map(|fault| fault.kind)
        .collect()
}

#[test]
fn words_are_what_nginx_makes_of_them() {
    for (text, expected) in [
        ("a b#c d;", vec!["a", "b#c", "d"]),
        ("a 'x y' \"z;\";", vec!["a", "x y", "z;"]),
        ("a ${b}c;", vec!["a", "${b}c"]),
        ("grpc_pass $host:8081;", vec!["grpc_pass", "$host:8081"]),
        ("a x'y'z;", vec!["a", "x'y'z"]),
        (
            "a \"b\\\"c\" 'd\\'e' f\\ g;",
            vec!["a", "b\"c", "d'e", "f\\ g"],
        ),
        ("a \"\\t\\n\\\\\\.\";", vec!["a", "\t\n\\\\."]),
        ("a # comment ; {\n b;", vec!["a", "b"]),
        ("a\r\n  b;\r\n", vec!["a", "b"]),
        ("a b} c;", vec!["a", "b}", "c"]),
        ("a \"\";", vec!["a", ""]),
        ("a (\"b\") c;", vec!["a", "(\"b\")", "c"]),
    ] {
        assert_eq!(words(text), [expected], "{text}");
        assert_eq!(kinds(text.as_bytes()), [], "{text}");
    }
}

#[test]
fn an_if_is_a_directive_with_a_block() {
    let text = "if ($a = \"x y\") { return 404; }";
    assert_eq!(words(text)[0], ["if", "($a", "=", "x y", ")"]);
    assert_eq!(words(text)[1], ["return", "404"]);
}

#[test]
fn what_nginx_refuses_is_a_fault() {
    for (text, kind) in [
        ("}", FaultKind::StrayClose),
        ("a; ;", FaultKind::StrayMark),
        ("{ }", FaultKind::StrayMark),
        ("a { b }", FaultKind::MissingSemicolon),
        ("a { b;", FaultKind::OpenBlock),
        ("a b", FaultKind::MissingSemicolon),
        ("a 'b;", FaultKind::OpenQuote),
        ("a 'b''c';", FaultKind::MissingSpace),
        ("a \"b\"c;", FaultKind::MissingSpace),
        ("content_by_lua_block { '", FaultKind::OpenBlock),
    ] {
        assert_eq!(kinds(text.as_bytes()).first(), Some(&kind), "{text}");
    }
    assert_eq!(kinds(b"\xef\xbb\xbfa;"), [FaultKind::ByteOrderMark]);
    assert_eq!(kinds(b"a \0;"), [FaultKind::Nul]);
    assert_eq!(kinds(b"a \xff;"), [FaultKind::NotUtf8]);
    assert_eq!(
        kinds(format!("a {};", "x".repeat(4096)).as_bytes()),
        [FaultKind::TooLong]
    );
    assert_eq!(kinds(format!("a {};", "x".repeat(4095)).as_bytes()), []);
}

#[test]
fn a_block_of_lua_is_passed_over() {
    let text = "location / { content_by_lua_block { if x then y = \"}\" end -- }\n } } a;";
    assert_eq!(
        words(text),
        [
            vec!["location", "/"],
            vec!["content_by_lua_block"],
            vec!["a"]
        ]
    );
    assert_eq!(kinds(text.as_bytes()), []);
}

#[test]
fn lines_and_columns_count_from_one() {
    let document = parse("a;\n  b c;\n");
    let Node::Directive(directive) = &document.nodes()[2] else {
        panic!("{document:?}");
    };
    let word = directive.words().nth(1).expect("two words");
    assert_eq!(
        (
            document.line(word.span.start),
            document.column(word.span.start)
        ),
        (2, 5)
    );
}

#[test]
fn deep_and_long_files_come_to_an_end() {
    let deep = "a {".repeat(1_000_000);
    let document = parse(deep.clone());
    assert_eq!(document.print(), deep.as_bytes());
    assert!(
        document
            .faults()
            .iter()
            .any(|fault| fault.kind == FaultKind::TooDeep)
    );
    let closes = "}".repeat(1_000_000);
    assert_eq!(kinds(closes.as_bytes()).len(), 101);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_come_back_as_they_were(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert_eq!(parse(bytes.clone()).print(), bytes);
    }

    #[test]
    fn anything_like_a_conf_comes_back_as_it_was(
        text in r#"([a-c$]|[ \t\r\n]|[;{}#'"\\()]|_by_lua_block \{|include x;|\[\[|--){0,60}"#
    ) {
        prop_assert_eq!(parse(text.clone()).print(), text.into_bytes());
    }
}

/// Files that exist only here.
struct Made(Vec<(&'static str, &'static str)>);

impl Files for Made {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let found = self.0.iter().find(|(name, _)| *name == path);
        found
            .map(|(_, text)| text.as_bytes().to_vec())
            .ok_or_else(|| "is not there".to_owned())
    }

    fn list(&self, folder: &str) -> Vec<String> {
        let prefix = format!("{folder}/");
        let names = self
            .0
            .iter()
            .filter_map(|(name, _)| name.strip_prefix(&prefix));
        names.map(str::to_owned).collect()
    }
}

fn names(statements: &[Statement]) -> Vec<&str> {
    statements.iter().map(Statement::name).collect()
}

#[test]
fn includes_stand_where_they_are_included() {
    let files = Made(vec![
        (
            "/n/nginx.conf",
            "a; http { include d/*.conf; z; } include one.conf;",
        ),
        ("/n/d/2.conf", "second;"),
        ("/n/d/1.conf", "first;"),
        ("/n/one.conf", "b;"),
    ]);
    let config = Config::load("/n/nginx.conf", &files).expect("there");
    assert_eq!(names(&config.root), ["a", "http", "b"]);
    assert_eq!(names(config.root[1].children()), ["first", "second", "z"]);
    assert_eq!(config.root[1].children()[0].path(), "http.first");
    assert_eq!(config.files[config.root[2].file].name, "/n/one.conf");
}

#[test]
fn a_piece_finds_what_stands_above_it() {
    let files = Made(vec![
        ("conf.d/a.conf", "include snippets/x.conf;"),
        ("snippets/x.conf", "server { }"),
    ]);
    let config = Config::load("conf.d/a.conf", &files).expect("there");
    assert_eq!(
        config.include_faults.len(),
        0,
        "{:?}",
        config.include_faults
    );
    assert_eq!(config.files.len(), 2);
}

#[test]
fn includes_that_lead_nowhere_are_faults_and_loops_end() {
    let files = Made(vec![
        (
            "/n/a.conf",
            "include b.conf; include c.conf; include d/*.conf; events {}",
        ),
        ("/n/b.conf", "include a.conf; y;"),
    ]);
    let config = Config::load("/n/a.conf", &files).expect("there");
    let kinds: Vec<_> = config
        .include_faults
        .iter()
        .map(|fault| fault.kind)
        .collect();
    assert_eq!(
        kinds,
        [
            IncludeFaultKind::Loop,
            IncludeFaultKind::Missing,
            IncludeFaultKind::Empty
        ]
    );
    assert_eq!(names(&config.root), ["y", "events"]);
}

#[test]
fn a_piece_gets_the_blocks_that_it_stands_in() {
    for (text, outer) in [
        ("server { location / { } }", "http"),
        ("server { listen 1; proxy_pass x; }", "stream"),
        ("map $a $b { }", "http"),
        ("location / { }", "http"),
        ("proxy_buffering off;", "http"),
        ("worker_shutdown_timeout 1h;", "worker_shutdown_timeout"),
    ] {
        let files = Made(vec![("x.conf", text)]);
        let config = Config::load("x.conf", &files).expect("there");
        assert_eq!(config.root[0].name(), outer, "{text}");
    }
}
