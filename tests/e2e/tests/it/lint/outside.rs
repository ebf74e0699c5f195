//! What the rules say of configuration that nobody here wrote: the figures of docs/lint.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use deploy::lint::{CORPUS, Known, RULES, lint};
use deploy::nginx_conf::{Config, Files};
use e2e::Tools;
use findings::Severity;

/// The files of Debian's packages; none of them is in front of MCP, event streams or HTTP/3.
fn files() -> Vec<(PathBuf, Vec<u8>)> {
    let tools = Tools::from_environment();
    let mut found = Vec::new();
    for package in std::fs::read_dir(&tools.confs)
        .expect("they are provided")
        .flatten()
    {
        for file in std::fs::read_dir(package.path())
            .expect("a package")
            .flatten()
        {
            found.push((file.path(), std::fs::read(file.path()).expect("a file")));
        }
    }
    found
}

/// One file in the place of a site.
struct Site<'b>(&'b [u8]);

impl Files for Site<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let is_it = path == MAIN;
        is_it
            .then(|| self.0.to_vec())
            .ok_or_else(|| "is not there".to_owned())
    }

    fn list(&self, _: &str) -> Vec<String> {
        Vec::new()
    }
}

const MAIN: &str = "/etc/nginx/conf.d/site.conf";

fn found(text: &[u8]) -> Vec<(&'static str, Severity)> {
    let config = Config::load(MAIN, &Site(text)).expect("it is there");
    let problems = lint(&config, Known::default()).into_iter();
    problems
        .map(|problem| (problem.rule, problem.severity))
        .collect()
}

/// What is found rightly: the files that these name are not beside them here.
const RIGHT: &str = "include-missing";

/// Holds a figure of the documentation, which is of Debian 12; another release has other packages.
fn hold(what: &str, counted: usize, said: usize) {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    if release.contains("VERSION_ID=\"12\"") {
        assert_eq!(
            counted, said,
            "{what}: correct `CORPUS` in crates/deploy/src/lint/docs.rs, and UPDATE_GOLDENS=1 cargo test -p deploy"
        );
    }
}

#[test]
fn nothing_false_is_found_in_configuration_that_others_wrote() {
    let files = files();
    assert!(files.len() >= 20, "{}", files.len());
    let mut count = 0;
    for (path, text) in &files {
        for (rule, _) in found(text) {
            assert_eq!(rule, RIGHT, "{}", path.display());
            count += 1;
        }
    }
    let packages: BTreeSet<_> = files.iter().filter_map(|(path, _)| path.parent()).collect();
    hold("packages", packages.len(), CORPUS.packages);
    hold("files", files.len(), CORPUS.files);
    hold("findings", count, CORPUS.findings);
}

/// The rules whose bad example is a server or what stands around one, so that it can stand behind another site.
fn behind(example: &str) -> bool {
    ![
        "events",
        "stream",
        "\u{feff}",
        "worker_",
        "quic_bpf",
        "load_module",
        "include",
    ]
    .iter()
    .any(|start| example.starts_with(start))
}

#[test]
fn every_mistake_is_found_behind_what_others_wrote() {
    let (mut planted, mut seen) = (0, 0);
    let mut missed: BTreeMap<&str, usize> = BTreeMap::new();
    let is_whole = |text: &[u8]| !found(text).iter().any(|(rule, _)| *rule == "conf-syntax");
    // what opens the block `http` itself has no place behind it for a server
    let is_site = |text: &[u8]| {
        !String::from_utf8_lossy(text)
            .lines()
            .any(|line| line.starts_with("http {") || line.starts_with("http{"))
    };
    for (_, text) in files()
        .iter()
        .filter(|(_, text)| is_whole(text) && is_site(text))
    {
        for rule in RULES.iter().filter(|rule| behind(rule.bad)) {
            let alone: Vec<_> = found(rule.bad.as_bytes());
            // what needs a known NGINX or a certificate's file is not found alone either
            if !alone.iter().any(|(id, _)| *id == rule.id) {
                continue;
            }
            planted += 1;
            let both = [text.as_slice(), b"\n", rule.bad.as_bytes()].concat();
            if found(&both).iter().any(|(id, _)| *id == rule.id) {
                seen += 1;
            } else {
                *missed.entry(rule.id).or_default() += 1;
            }
        }
    }
    assert_eq!(missed, BTreeMap::new());
    assert!(planted > 500, "{planted}");
    assert_eq!(planted, seen);
    hold("planted", planted, CORPUS.planted);
}
