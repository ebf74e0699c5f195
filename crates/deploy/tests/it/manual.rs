//! `specs/full.toml` is the manual: it has every key that the reader knows, and its defaults are the defaults.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use deploy::{Deployment, Facts, Layout, Target, parse, resolve};

fn spec(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../specs")
        .join(name);
    fs::read_to_string(path).expect("a committed spec")
}

/// The keys that the reader knows in a table: it lists them for a key that is like none of them.
fn known_keys(text: &str, table: &str) -> BTreeSet<String> {
    let (_, report) = parse(text, "x");
    let path = if table.is_empty() {
        "zzzzzz".to_owned()
    } else {
        format!("{table}.zzzzzz")
    };
    let finding = report
        .findings()
        .iter()
        .find(|finding| finding.id == "key.unknown" && finding.path.as_deref() == Some(&path));
    let hint = finding
        .and_then(|finding| finding.hint.clone())
        .unwrap_or_else(|| panic!("{table}: {report}"));
    let keys = hint.strip_prefix("known here: ").expect("the list of keys");
    keys.split(", ").map(str::to_owned).collect()
}

/// The keys of a table in the manual, commented ones too, so that what is not available yet is explained as well.
fn manual_keys(table: &str) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    let mut current = String::new();
    for line in spec("full.toml").lines() {
        let line = line.strip_prefix("# ").unwrap_or(line);
        if let Some(header) = line.strip_prefix('[') {
            header.trim_matches(['[', ']']).clone_into(&mut current);
            let (parent, name) = current.rsplit_once('.').unwrap_or(("", &current));
            if parent == table {
                keys.insert(name.to_owned());
            }
        } else if let Some((key, _)) = line.split_once(" = ") {
            let plain = key
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
            if plain && current == table {
                keys.insert(key.to_owned());
            }
        }
    }
    keys
}

fn deployment(text: &str) -> Deployment {
    let (spec, report) = parse(text, "x");
    let spec = spec.unwrap_or_else(|| panic!("{report}"));
    assert!(report.is_empty(), "{report}");
    let nginx = Target::named("1.30.7").expect("a version");
    let (deployment, report) = resolve(
        &spec,
        &Facts {
            nginx,
            layout: Layout::Debian,
        },
    );
    assert!(report.is_empty(), "{report}");
    deployment.expect("no findings")
}

#[test]
fn the_manual_has_every_key_that_the_reader_knows() {
    for (table, path) in [
        ("", ""),
        ("edge", "edge"),
        ("edge.limits", "edge.limits[0]"),
        ("edge.routes", "edge.routes[0]"),
        ("edge.tcp_sites", "edge.tcp_sites[0]"),
        ("tls", "tls"),
        ("tls.acme", "tls.acme"),
        ("origin", "origin"),
        ("origin.timeouts", "origin.timeouts"),
        ("origin.sessions", "origin.sessions"),
        ("origin.limits", "origin.limits"),
        ("origin.limits.client", "origin.limits.client"),
        ("origin.limits.key", "origin.limits.key"),
        ("servers", "servers[0]"),
        ("dependencies", "dependencies[0]"),
        ("launchd", "launchd"),
    ] {
        let header = match table {
            "" => String::new(),
            "servers" | "dependencies" | "edge.limits" | "edge.routes" | "edge.tcp_sites" => {
                format!("[[{table}]]\n")
            }
            _ => format!("[{table}]\n"),
        };
        let mut known = known_keys(&format!("{header}zzzzzz = 1\n"), path);
        if table == "origin" {
            // these are set by the deployment, which the manual says in prose
            for key in [
                "name",
                "generation",
                "servers",
                "dependencies",
                "expose",
                "proxy_protocol",
                "h3check",
            ] {
                assert!(known.remove(key), "{key}");
            }
        }
        let missing: Vec<_> = known.difference(&manual_keys(table)).cloned().collect();
        assert!(missing.is_empty(), "[{table}] lacks {missing:?}");
    }
}

#[test]
fn every_key_of_the_manual_has_its_prose() {
    let text = spec("full.toml");
    let mut above = "";
    for line in text.lines() {
        if line.contains(" = ") && !line.starts_with('#') {
            assert!(above.starts_with("# "), "no prose above `{line}`");
        }
        above = line;
    }
}

#[test]
fn the_defaults_of_the_manual_are_the_defaults() {
    let without = "name = \"codeintel\"\nserver_names = [\"mcp.example.com\"]\n[tls]\n\
        certificate = \"/etc/letsencrypt/live/mcp.example.com/fullchain.pem\"\n\
        private_key = \"/etc/letsencrypt/live/mcp.example.com/privkey.pem\"\n\
        [[servers]]\nname = \"git\"\ncommand = [\"mcp-server-git\", \"--repository\", \"/srv/repo\"]\n\
        working_directory = \"/srv/repo\"\nenvironment_pass = [\"GIT_CONFIG_GLOBAL\"]\n\
        environment = { GIT_OPTIONAL_LOCKS = \"0\" }\ncheck_tool = \"git_log\"\n\
        check_arguments = { repo_path = \"/srv/repo\", max_count = 1 }\n\
        [[servers]]\nname = \"search\"\nurl = \"https://search.example.com/mcp\"\nheaders = { X-Team = \"blue\" }\n\
        header_files = { X-API-Key = \"/etc/codeintel/search.key\" }\nheader_environment = { X-Region = \"REGION\" }\n\
        bearer_token_file = \"/etc/codeintel/search.token\"\nca_file = \"/etc/codeintel/search-ca.pem\"\n";
    assert_eq!(deployment(&spec("full.toml")), deployment(without));
}

#[test]
fn every_committed_spec_is_without_findings() {
    for name in [
        "minimal.toml",
        "h3-termination.toml",
        "stream-passthrough.toml",
        "shared-port.toml",
        "two-sites.toml",
        "full.toml",
        "macos.toml",
    ] {
        deployment(&spec(name));
    }
}
