//! No string of a spec can leave its place in a rendered file: it is refused, or it is quoted.

use std::fmt::Write as _;

use deploy::{Facts, Layout, Target, Templates, parse, render, resolve};
use proptest::prelude::*;

/// A spec with a text in the place of each key that takes one, with the key's name.
fn specs(text: &str) -> Vec<(&'static str, String)> {
    let quoted = quote(text);
    let places = [
        "name",
        "topology",
        "server_names",
        "listen",
        "strategy",
        "udp",
        "expose",
        "certificate",
        "private_key",
        "bind",
        "admin_bind",
        "trusted_peers",
        "allowed_hosts",
        "allowed_origins",
        "tool_names",
        "accesslog",
        "loglevel",
        "graceful_timeout",
        "max_body_size",
        "server_name",
        "command",
        "working_directory",
        "environment",
        "environment_name",
        "environment_pass",
        "call_timeout",
        "check_tool",
    ];
    places
        .into_iter()
        .map(|place| (place, spec(place, &quoted)))
        .collect()
}

/// A whole spec in which the value of `place` is `injected`.
fn spec(place: &str, injected: &str) -> String {
    let at = |key: &str, usual: &str| {
        if key == place {
            injected.to_owned()
        } else {
            usual.to_owned()
        }
    };
    format!(
        "name = {}\ntopology = {}\nserver_names = [{}]\n[edge]\nlisten = [{}]\nstrategy = {}\nudp = {}\nexpose = [{}]\n\
         [tls]\ncertificate = {}\nprivate_key = {}\n\
         [origin]\nbind = [{}]\nadmin_bind = [{}]\ntrusted_peers = [{}]\nallowed_hosts = [{}]\n\
         allowed_origins = [{}]\ntool_names = {}\naccesslog = {}\nloglevel = {}\n\
         graceful_timeout = {}\nmax_body_size = {}\n\
         [[servers]]\nname = {}\ncommand = [{}]\nworking_directory = {}\nenvironment_pass = [{}]\ncall_timeout = {}\n\
         check_tool = {}\n[servers.environment]\n{} = {}\n",
        at("name", "\"demo\""),
        at("topology", "\"h3-termination\""),
        at("server_names", "\"a.example\""),
        at("listen", "\"127.0.0.1\""),
        at("strategy", "\"reload\""),
        at("udp", "\"stream\""),
        at("expose", "\"healthz\""),
        at("certificate", "\"/c\""),
        at("private_key", "\"/k\""),
        at("bind", "\"unix:/run/demo/o\""),
        at("admin_bind", "\"unix:/run/demo/a\""),
        at("trusted_peers", "\"unix:\""),
        at("allowed_hosts", "\"b.example\""),
        at("allowed_origins", "\"https://b.example\""),
        at("tool_names", "\"plain\""),
        at("accesslog", "\"-\""),
        at("loglevel", "\"INFO\""),
        at("graceful_timeout", "\"1s\""),
        at("max_body_size", "\"1MiB\""),
        at("server_name", "\"git\""),
        at("command", "\"git\""),
        at("working_directory", "\"/srv\""),
        at("environment_pass", "\"HOME\""),
        at("call_timeout", "\"1s\""),
        at("check_tool", "\"t\""),
        at("environment_name", "\"A\""),
        at("environment", "\"1\""),
    )
}

fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        let _ = write!(quoted, "\\U{:08X}", u32::from(character));
    }
    quoted + "\""
}

/// The shape of the rendering: how many lines, and how many of NGINX's own characters, each file outside the origin's
/// TOML has.
fn shape(text: &str) -> Option<Vec<(usize, usize)>> {
    let (spec, _) = parse(text, "deploy.toml");
    let facts = Facts {
        nginx: Target::named("1.30.7").expect("a version"),
        layout: Layout::Debian,
    };
    let (deployment, _) = resolve(&spec?, &facts);
    let rendered =
        render(&deployment?, &Templates::embedded()).expect("a checked word is always printed");
    let count = |text: &str| text.chars().filter(|c| ";{}#\"'\\$\n".contains(*c)).count();
    let files = rendered
        .files
        .iter()
        .filter(|file| !file.path.ends_with("origin.toml"));
    let mut shape: Vec<_> = files
        .map(|file| (file.contents.lines().count(), count(&file.contents)))
        .collect();
    // files are in the order of their paths, in which the name of the deployment stands
    shape.sort_unstable();
    Some(shape)
}

/// Each key either refuses the text or renders files of the usual shape.
fn check(text: &str) {
    let usual = shape(&spec("", "")).expect("the usual spec is good");
    for (place, spec) in specs(text) {
        if let Some(shape) = shape(&spec) {
            assert_eq!(shape, usual, "{place} = {text:?} left its place");
        }
    }
}

#[test]
fn known_attacks_are_refused_at_every_key_that_reaches_a_template() {
    for attack in [
        "a;b",
        "a}b",
        "a{b",
        "a b",
        "a\nb",
        "a\"b",
        "a'b",
        "$host",
        "a#b",
        "a\\b",
        "%h",
        "/a;b",
        "/a b",
        "/a\nUser=root",
    ] {
        check(attack);
        for (place, spec) in specs(attack) {
            let free = [
                "command",
                "working_directory",
                "environment",
                "environment_name",
                "environment_pass",
                "check_tool",
            ];
            // a variable's name ends at its `=`
            let no_name = ["environment_name", "environment_pass"].contains(&place);
            let refused = no_name && attack.contains('=');
            assert_eq!(
                shape(&spec).is_some(),
                free.contains(&place) && !refused,
                "{place} = {attack:?}"
            );
        }
    }
}

#[test]
fn known_attacks_are_refused_at_every_key_of_another_site_on_the_port() {
    let spec = |place: &str, injected: &str| {
        let at = |key: &str, usual: &str| {
            if key == place {
                quote(injected)
            } else {
                quote(usual)
            }
        };
        format!(
            "name = \"demo\"\ntopology = \"stream-passthrough\"\nserver_names = [\"a.example\"]\n\
             [tls]\nself_signed = true\n[[edge.tcp_sites]]\nname = {}\nserver_names = [{}]\nto = {}\n",
            at("name", "blog"),
            at("server_names", "b.example"),
            at("to", "127.0.0.1:8443"),
        )
    };
    assert!(shape(&spec("", "")).is_some());
    for place in ["name", "server_names", "to"] {
        for attack in [
            "a;b:1",
            "a}b",
            "a b:1",
            "a\nb:1",
            "$host:1",
            "a#b:1",
            "unix:/a;b",
            "unix:/a b",
            "~a",
            "",
        ] {
            assert_eq!(shape(&spec(place, attack)), None, "{place} = {attack:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn no_text_changes_the_shape_of_the_rendering(text in "(/|unix:/|a\\.|https://|)[a-z;{}$#\"'\\\\ \n%./:]{1,12}") {
        check(&text);
    }
}
