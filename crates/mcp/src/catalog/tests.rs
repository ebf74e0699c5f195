use super::*;

fn items(texts: &[&str]) -> Vec<Box<str>> {
    texts.iter().map(|text| (*text).into()).collect()
}

fn offers(capabilities: &str) -> Offers {
    Offers {
        capabilities: Capabilities::read(capabilities),
        ..Offers::default()
    }
}

fn source<'a>(server: &'a str, offers: &'a Offers) -> Source<'a> {
    Source {
        server,
        offers,
        private: false,
    }
}

fn two() -> Catalog {
    let tools = items(&[
        r#"{"inputSchema":{"max":1.0e2},"name":"log", "x":18446744073709551616}"#,
        r#"{"name":"a"}"#,
    ]);
    let git = Offers::default().with(Kind::Tools, tools);
    let time = Offers::default();
    let sources = [source("git", &git), source("time", &time)];
    Catalog::build(Naming::Prefixed, &sources)
}

#[test]
fn only_the_name_of_a_tool_is_changed() {
    let expected = r#"[{"inputSchema":{"max":1.0e2},"name":"git__log", "x":18446744073709551616},{"name":"git__a"}]"#;
    assert_eq!(two().list(Kind::Tools), expected);
}

#[test]
fn a_public_name_leads_to_the_server_and_its_own_name() {
    let catalog = two();
    let Resolution::Found(entry) = catalog.resolve("git__log") else {
        panic!("not found")
    };
    assert_eq!((entry.server.as_ref(), entry.name.as_ref()), ("git", "log"));
}

#[test]
fn a_name_of_a_server_without_tools_is_absent_not_unknown() {
    let catalog = two();
    let absent = catalog.resolve("time__now");
    assert!(matches!(absent, Resolution::Absent { server: "time" }));
    for unknown in ["git__nothing", "log"] {
        assert!(matches!(catalog.resolve(unknown), Resolution::Unknown));
    }
}

#[test]
fn what_is_no_tool_is_left_out_and_said() {
    let odd = items(&[
        "7",
        r#"{"name":3}"#,
        r#"{"name":"a","n":1}"#,
        r#"{"name":"a","n":2}"#,
    ]);
    let odd = Offers::default().with(Kind::Tools, odd);
    let catalog = Catalog::build(Naming::Plain, &[source("s", &odd)]);
    assert_eq!(catalog.list(Kind::Tools), r#"[{"name":"a","n":1}]"#);
    assert_eq!(catalog.skipped().len(), 3);
}

#[test]
fn an_empty_catalog_has_empty_lists() {
    for kind in Kind::ALL {
        assert_eq!(Catalog::default().list(kind), "[]");
    }
}

/// Two servers with resources; both list `same:`.
fn libraries() -> Catalog {
    let a = offers(r#"{"resources":{"subscribe":true}}"#)
        .with(
            Kind::Resources,
            items(&[r#"{"uri":"same:"}"#, r#"{"uri":"a:1", "n":1.0}"#]),
        )
        .with(Kind::Templates, items(&[r#"{"uriTemplate":"t://{x}"}"#]));
    let b = offers(r#"{"resources":{}}"#)
        .with(Kind::Resources, items(&[r#"{"uri":"same:"}"#]))
        .with(
            Kind::Templates,
            items(&[
                r#"{"uriTemplate":"t://{x}"}"#,
                r#"{"uriTemplate":"t:{+y}"}"#,
            ]),
        );
    Catalog::build(Naming::Prefixed, &[source("a", &a), source("b", &b)])
}

#[test]
fn a_resource_is_read_where_it_is_listed_or_where_a_template_makes_it() {
    let catalog = libraries();
    let reader = |uri| catalog.reader(uri).map(|member| member.name.as_ref());
    assert_eq!(reader("a:1"), Some("a"));
    assert_eq!(reader("same:"), Some("a"));
    assert_eq!(reader("t://1"), Some("a"));
    assert_eq!(reader("t://1/2"), Some("b"));
    assert_eq!(reader("t:{+y}"), Some("b"));
    assert_eq!(reader("nowhere:"), None);
}

#[test]
fn resources_keep_their_bytes_and_stand_once() {
    let catalog = libraries();
    let expected = r#"[{"uri":"same:"},{"uri":"a:1", "n":1.0}]"#;
    assert_eq!(catalog.list(Kind::Resources), expected);
    assert_eq!(catalog.skipped().len(), 2);
}

#[test]
fn the_only_server_with_resources_reads_what_nobody_lists() {
    let (a, b) = (offers(r#"{"resources":{}}"#), offers("{}"));
    let catalog = Catalog::build(Naming::Prefixed, &[source("b", &b), source("a", &a)]);
    let reader = catalog.reader("x:y").map(|member| member.name.as_ref());
    assert_eq!(reader, Some("a"));
}

#[test]
fn prompts_have_public_names_too() {
    let s = offers(r#"{"prompts":{}}"#).with(Kind::Prompts, items(&[r#"{"name":"p"}"#]));
    let catalog = Catalog::build(Naming::Prefixed, &[source("s", &s)]);
    assert_eq!(catalog.list(Kind::Prompts), r#"[{"name":"s__p"}]"#);
    assert!(matches!(catalog.prompt("s__p"), Resolution::Found(entry) if *entry.name == *"p"));
    assert!(matches!(catalog.prompt("p"), Resolution::Unknown));
}

#[test]
fn log_messages_are_declared_where_they_have_one_reader() {
    for (era, private, declared) in [
        (Era::Legacy, false, false),
        (Era::Legacy, true, true),
        (Era::Modern, false, true),
    ] {
        let mut s = offers(r#"{"logging":{}}"#);
        s.era = era;
        let source = Source {
            private,
            ..source("s", &s)
        };
        let catalog = Catalog::build(Naming::Plain, &[source]);
        assert_eq!(catalog.capabilities(Era::Legacy).logging, declared);
        assert!(catalog.capabilities(Era::Modern).logging);
    }
}

#[test]
fn instructions_say_whose_they_are_when_there_are_several() {
    let with = |text: &str| Offers {
        instructions: Some(text.to_owned()),
        ..Offers::default()
    };
    let (a, b) = (with("do a"), with("do b"));
    let alone = Catalog::build(Naming::Plain, &[source("a", &a)]);
    assert_eq!(alone.instructions(), Some("do a"));
    let both = Catalog::build(Naming::Prefixed, &[source("a", &a), source("b", &b)]);
    assert_eq!(both.instructions(), Some("a: do a\n\nb: do b"));
}

#[test]
fn what_a_filter_leaves_out_is_neither_listed_nor_found() {
    let filter = Filter {
        tools: crate::filter::Rule {
            exclude: vec!["*_push".into()],
            ..Default::default()
        },
        resources: crate::filter::Rule {
            include: vec!["open:*".into()],
            ..Default::default()
        },
        ..Filter::default()
    };
    let tools = items(&[r#"{"name":"git_log"}"#, r#"{"name":"git_push"}"#]);
    let templates = items(&[
        r#"{"uriTemplate":"open:{x}"}"#,
        r#"{"uriTemplate":"shut:{x}"}"#,
    ]);
    let s = offers(r#"{"tools":{},"resources":{}}"#)
        .with(Kind::Tools, tools)
        .filtered(&Arc::new(filter))
        .with(Kind::Templates, templates);
    let catalog = Catalog::build(Naming::Prefixed, &[source("s", &s)]);
    assert_eq!(catalog.list(Kind::Tools), r#"[{"name":"s__git_log"}]"#);
    assert!(matches!(
        catalog.resolve("s__git_push"),
        Resolution::Unknown
    ));
    assert!(catalog.reader("open:1").is_some());
    // Also of the only server with resources, which is asked for what it does not list.
    assert!(catalog.reader("shut:1").is_none() && catalog.reader("other:").is_none());
}
