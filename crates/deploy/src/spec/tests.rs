use super::*;

const GOOD: &str = "name = \"demo\"\nserver_names = [\"localhost\"]\n[tls]\nself_signed = true\n";

/// All findings but the one that a spec of these tests has by its shortness: no server.
fn ids(text: &str) -> Vec<(String, String, Option<usize>)> {
    let (spec, report) = parse(text, "deploy.toml");
    assert_eq!(spec.is_none(), report.has_errors(), "{report}");
    report
        .findings()
        .iter()
        .filter(|finding| finding.id != "servers.none")
        .map(|finding| {
            let path = finding.path.clone().unwrap_or_default();
            (finding.id.clone(), path, finding.line)
        })
        .collect()
}

/// The text has this finding, at this path and line.
fn check(text: &str, id: &str, path: &str, line: usize) {
    let wanted = (id.to_owned(), path.to_owned(), Some(line));
    let found = ids(text);
    assert!(found.contains(&wanted), "{wanted:?} is not in {found:#?}");
}

#[test]
fn the_least_spec_has_one_finding_that_it_has_no_server() {
    let (spec, report) = parse(GOOD, "some/where/deploy.toml");
    let spec = spec.unwrap_or_else(|| panic!("{report}"));
    let ids: Vec<_> = report
        .findings()
        .iter()
        .map(|finding| finding.id.as_str())
        .collect();
    assert_eq!(ids, ["servers.none"]);
    assert_eq!(spec.file.as_str(), "deploy.toml");
    assert_eq!(spec.sites[0].name.value.as_str(), "demo");
    assert_eq!(spec.sites[0].certificate, CertificateSpec::SelfSigned);
}

#[test]
fn an_empty_spec_names_everything_that_is_missing() {
    let found: Vec<_> = ids("").into_iter().map(|(_, path, _)| path).collect();
    assert_eq!(found, ["name", "server_names", "tls"]);
}

#[test]
fn all_faults_come_at_once_each_with_its_place() {
    let text = "nam = \"x\"\nname = \"Bad Name\"\nserver_names = [\"a;b\", \"ok.example\", \"a\\nb\"]\n\
                [edge]\nhttps_port = 70000\nworker_shutdown_timeout = 3600\nlisten = [\"everywhere\"]\n\
                [tls]\nself_signed = \"yes\"\n[origin]\nbnd = []\ngraceful_timeout = \"soon\"\n\
                [[servers]]\nname = \"a__b\"\ncomand = [\"x\"]\n";
    for (id, path, line) in [
        ("key.unknown", "nam", 1),
        ("spec.name", "name", 2),
        ("spec.server-name", "server_names[0]", 3),
        ("spec.server-name", "server_names[2]", 3),
        ("value.out-of-range", "edge.https_port", 5),
        ("value.bare-number", "edge.worker_shutdown_timeout", 6),
        ("spec.listen", "edge.listen[0]", 7),
        ("value.kind", "tls.self_signed", 9),
        ("key.unknown", "origin.bnd", 11),
        ("value.unit", "origin.graceful_timeout", 12),
        ("servers.name", "servers[0].name", 14),
        ("key.unknown", "servers[0].comand", 15),
        ("servers.command", "servers[0].command", 13),
    ] {
        check(text, id, path, line);
    }
}

#[test]
fn a_slip_of_the_hand_gets_the_nearest_key() {
    for (slip, meant) in [
        ("[edge]\nhttps_prot = 1\n", "https_port"),
        ("[origin]\nmax_bodysize = \"1B\"\n", "max_body_size"),
        (
            "[[servers]]\nname = \"a\"\ncommand = [\"b\"]\ncheck_tol = \"c\"\n",
            "check_tool",
        ),
        ("[[sites]]\nserver_name = []\n", "server_names"),
    ] {
        let (_, report) = parse(&format!("{GOOD}{slip}"), "x");
        assert!(
            report
                .to_string()
                .contains(&format!("did you mean `{meant}`?")),
            "{report}"
        );
    }
}

#[test]
fn what_is_not_built_is_said_with_the_way_out() {
    let (_, report) = parse(&format!("{GOOD}[edge]\nstrategy = \"handoff\"\n"), "x");
    let finding = report
        .findings()
        .iter()
        .find(|finding| finding.path.as_deref() == Some("edge.strategy"));
    let finding = finding.unwrap_or_else(|| panic!("nothing there: {report}"));
    assert_eq!(finding.id, "spec.not-available");
    assert!(finding.hint.is_some());
}

#[test]
fn a_certificate_has_exactly_one_source() {
    let spec = |tls: &str| format!("name = \"demo\"\nserver_names = [\"localhost\"]\n[tls]\n{tls}");
    check(&spec(""), "spec.tls", "tls.certificate", 3);
    check(
        &spec("self_signed = false\n"),
        "spec.tls",
        "tls.self_signed",
        4,
    );
    check(
        &spec("self_signed = true\ncertificate = \"/a\"\nprivate_key = \"/b\"\n"),
        "spec.tls",
        "tls.self_signed",
        4,
    );
    check(
        &spec("certificate = \"/a\"\n"),
        "spec.missing",
        "tls.private_key",
        3,
    );
    check(
        &spec("self_signed = true\n[tls.acme]\nterms_agreed = true\n"),
        "spec.tls",
        "tls.self_signed",
        4,
    );
    check(
        &spec("certificate = \"a.pem\"\nprivate_key = \"/b c\"\n"),
        "spec.path",
        "tls.certificate",
        4,
    );
}

#[test]
fn what_an_acme_server_would_refuse_is_found_first() {
    let spec =
        |acme: &str| format!("name = \"demo\"\nserver_names = [\"localhost\"]\n[tls.acme]\n{acme}");
    check(&spec(""), "spec.terms", "tls.acme.terms_agreed", 3);
    check(
        &spec("terms_agreed = false\n"),
        "spec.terms",
        "tls.acme.terms_agreed",
        4,
    );
    for bad in [
        "-x@a.example",
        "a@b",
        "a b@c.d",
        "a@b.c,d",
        "@b.c",
        "a@b.c;e",
    ] {
        let text = spec(&format!("terms_agreed = true\nemail = \"{bad}\"\n"));
        check(&text, "spec.email", "tls.acme.email", 5);
    }
    for bad in [
        "http://ca.example/dir",
        "https://",
        "https:// x",
        "https://a.example/$(x)",
    ] {
        let text = spec(&format!("terms_agreed = true\ndirectory_url = \"{bad}\"\n"));
        check(&text, "spec.directory-url", "tls.acme.directory_url", 5);
    }
    let text = spec("terms_agreed = true\nkey_type = \"dsa\"\n");
    check(&text, "spec.key-type", "tls.acme.key_type", 5);
}

#[test]
fn the_short_form_and_sites_do_not_mix() {
    let text = format!(
        "{GOOD}[[sites]]\nname = \"a\"\nserver_names = [\"a.example\"]\n[sites.tls]\nself_signed = true\n"
    );
    check(&text, "spec.two-forms", "server_names", 2);
    check(&text, "spec.two-forms", "tls", 3);
}

#[test]
fn faults_of_a_site_carry_its_path_and_names_have_one_owner() {
    let site = "[[sites]]\nname = \"a\"\nserver_names = [\"a.example\"]\ntls = { self_signed = true }\n[sites.origin]\nbacklog = 0\n";
    let text = format!("name = \"fleet\"\n{site}{site}");
    check(&text, "value.out-of-range", "sites[1].origin.backlog", 13);
    let fine = text.replace("backlog = 0", "backlog = 10");
    check(&fine, "spec.duplicate", "sites[1].name", 9);
    check(&fine, "spec.duplicate", "sites[1].server_names[0]", 10);
}

#[test]
fn keys_that_the_deployment_sets_are_refused_in_the_origin() {
    let text = format!("{GOOD}[origin]\ngeneration = \"x\"\nname = \"y\"\n");
    check(&text, "spec.origin-key", "origin.generation", 6);
    check(&text, "spec.origin-key", "origin.name", 7);
}

#[test]
fn a_server_reaches_the_origin_as_it_was_written() {
    let text = format!(
        "{GOOD}[origin.timeouts]\nsmoke = \"3s\"\n[[servers]]\nname = \"git\"\ncommand = [\"a b\", \"\\\"'$(x)\\n\\u0001é\"]\n\
         environment = {{ A = \"1\", \"b.c\" = \"2\" }}\ncheck_tool = \"t\"\ncheck_arguments = {{ n = 1, s = [\"x\"] }}\n"
    );
    let (spec, report) = parse(&text, "x");
    let spec = spec.unwrap_or_else(|| panic!("{report}"));
    let site = &spec.sites[0];
    assert_eq!(site.origin.timeouts.smoke, Duration::from_secs(3));
    assert_eq!(site.origin.servers[0].command[1], "\"'$(x)\n\u{1}é");
    assert_eq!(site.origin.servers[0].environment["b.c"], "2");
    assert_eq!(
        serde_json::Value::from(site.checks[0].arguments.clone()).to_string(),
        r#"{"n":1,"s":["x"]}"#
    );
}

#[test]
fn syntax_faults_are_found_beside_the_others() {
    let found = ids("name = \nserver_names = []\n");
    let ids: Vec<_> = found.iter().map(|(id, _, _)| id.as_str()).collect();
    assert!(
        ids.contains(&"toml.syntax") && ids.contains(&"spec.missing"),
        "{ids:?}"
    );
}

#[test]
fn an_address_that_is_refused_is_one_fault() {
    let spec = |listen: &str| format!("{GOOD}[edge]\nlisten = [{listen}]\n");
    let wrong = ("spec.listen".into(), "edge.listen[0]".into(), Some(6));
    assert_eq!(ids(&spec("\"everywhere\"")), [wrong]);
    let none = ("spec.listen".into(), "edge.listen".into(), Some(6));
    assert_eq!(ids(&spec("")), [none]);
}

#[test]
fn dependencies_are_the_origins_and_their_faults_have_the_lines_of_the_spec() {
    let good = "[[dependencies]]\nname = \"graph\"\nkind = \"bolt\"\naddress = \"db.example\"\n";
    let (spec, report) = parse(&format!("{GOOD}{good}"), "x");
    let spec = spec.unwrap_or_else(|| panic!("{report}"));
    assert_eq!(spec.sites[0].origin.dependencies[0].name, "graph");
    let text = format!("{GOOD}{}", good.replace("bolt", "sql"));
    let (_, report) = parse(&text, "x");
    let mut found = report.findings().iter();
    let finding = found.find(|finding| finding.id == "dependencies.kind");
    let finding = finding.unwrap_or_else(|| panic!("{report}"));
    assert_eq!(finding.path.as_deref(), Some("dependencies[0].kind"));
    let line = text.lines().position(|line| line.starts_with("kind"));
    assert_eq!(finding.line, line.map(|line| line + 1));
}

#[test]
fn limits_and_routes_by_tool_are_checked_word_by_word() {
    let edge = |text: &str| format!("{GOOD}{text}");
    for (text, id, path, line) in [
        (
            "[[edge.limits]]\nname = \"a\"\nrate = \"5r/s\"\n",
            "spec.missing",
            "edge.limits[0].tools",
            5,
        ),
        (
            "[[edge.limits]]\nname = \"a\"\ntools = [\"x\"]\n",
            "spec.missing",
            "edge.limits[0].rate",
            5,
        ),
        (
            "[[edge.limits]]\nname = \"a\"\ntools = [\"x;y\"]\nrate = \"5\"\n",
            "spec.tool",
            "edge.limits[0].tools[0]",
            7,
        ),
        (
            "[[edge.limits]]\nname = \"a\"\ntools = [\"x\"]\nrate = \"5\"\n",
            "spec.rate",
            "edge.limits[0].rate",
            8,
        ),
        (
            "[[edge.limits]]\nname = \"a\"\nmethods = [\"a b\"]\nconcurrent = 0\n",
            "spec.method",
            "edge.limits[0].methods[0]",
            7,
        ),
        (
            "[[edge.limits]]\nname = \"a\"\nmethods = [\"a\"]\nconcurrent = 0\n",
            "value.out-of-range",
            "edge.limits[0].concurrent",
            8,
        ),
        (
            "[[edge.limits]]\nname = \"a\"\ntools = [\"x\"]\nburst = 1\nconcurrent = 1\n",
            "spec.limit",
            "edge.limits[0].burst",
            8,
        ),
        (
            "[[edge.routes]]\nname = \"a\"\ntools = [\"x\"]\nto = \"http://a\"\n",
            "spec.address",
            "edge.routes[0].to",
            8,
        ),
        (
            "[[edge.routes]]\nname = \"a\"\ntools = [\"x\"]\n",
            "spec.missing",
            "edge.routes[0].to",
            5,
        ),
    ] {
        check(&edge(text), id, path, line);
    }
    let route = "[[edge.routes]]\nname = \"a\"\ntools = [\"x\"]\nto = \"[::1]:1\"\n";
    assert_eq!(ids(&edge(route)), []);
    check(
        &edge(&route.repeat(2)),
        "spec.duplicate",
        "edge.routes[1].name",
        10,
    );
}
