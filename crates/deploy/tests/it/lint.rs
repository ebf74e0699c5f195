//! The rules on whole configurations: the mistakes that people make all at once, and our own rendering.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use deploy::Target;
use deploy::lint::{CORPUS, Known, RULES, index_page, lint, page};
use deploy::nginx_conf::{Config, Files, parse};

/// A tree of files on disk, as the machine that it is for would see it.
struct Tree(PathBuf);

impl Tree {
    fn place(&self, path: &str) -> PathBuf {
        let mut rest = path.trim_start_matches('/');
        loop {
            let place = self.0.join(rest);
            match rest.split_once('/') {
                Some((_, shorter)) if !place.exists() => rest = shorter,
                _ => return place,
            }
        }
    }
}

impl Files for Tree {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        std::fs::read(self.place(path)).map_err(|error| error.to_string())
    }

    fn list(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.place(folder)).into_iter().flatten();
        entries
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect()
    }
}

/// One text alone.
struct Text(&'static str);

impl Files for Text {
    fn read(&self, _: &str) -> Result<Vec<u8>, String> {
        Ok(self.0.as_bytes().to_vec())
    }

    fn list(&self, _: &str) -> Vec<String> {
        Vec::new()
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn ids(name: &str, text: &'static str) -> BTreeSet<&'static str> {
    let config = Config::load(name, &Text(text)).expect("a text");
    let problems = lint(&config, Known::default());
    problems.iter().map(|problem| problem.rule).collect()
}

fn set(ids: &[&'static str]) -> BTreeSet<&'static str> {
    ids.iter().copied().collect()
}

#[test]
fn every_mistake_of_a_naive_edge_is_found() {
    let expected = set(&[
        "add-header-lost",
        "alt-svc-port",
        "body-limit",
        "concurrent-streams",
        "connection-retired",
        "cors-doubled",
        "early-data",
        "early-data-header",
        "foreign-host",
        "forwarded-from-client",
        "gzip-event-stream",
        "header-buffers",
        "host-rewritten",
        "listen-http2",
        "mcp-slash-redirect",
        "proxy-set-header-lost",
        "quic-bpf",
        "quic-idle-timeout",
        "read-timeout",
        "redirect-loses-post",
        "request-id-overwritten",
        "retry-non-idempotent",
        "reuseport-missing",
        "stream-buffering",
        "tls-ciphers",
        "tls-protocols",
        "upstream-closed",
        "upstream-keepalive",
        "worker-connections",
        "worker-shutdown-timeout",
    ]);
    assert_eq!(ids("nginx.conf", NAIVE_EDGE), expected);
    assert_eq!(expected.len(), CORPUS.naive[0]);
}

#[test]
fn every_mistake_of_a_naive_passthrough_is_found() {
    let expected = set(&[
        "misplaced",
        "stream-own-port",
        "stream-proxy-protocol-udp",
        "stream-proxy-responses",
        "stream-ssl-preread-udp",
        "stream-timeout",
    ]);
    assert_eq!(
        ids("/etc/nginx/conf.d/stream.conf", NAIVE_PASSTHROUGH),
        expected
    );
    assert_eq!(expected.len(), CORPUS.naive[1]);
}

/// The trees that opsctl renders, each with the file that a machine would include it by.
fn rendered_roots() -> Vec<(PathBuf, String)> {
    let goldens = repository().join("crates/deploy/tests/goldens");
    let mut trees = vec![
        repository().join("nginx/h3-termination"),
        repository().join("nginx/stream-passthrough"),
    ];
    trees.extend(
        std::fs::read_dir(goldens)
            .expect("goldens")
            .map(|entry| entry.expect("a golden").path()),
    );
    let mut roots = Vec::new();
    for tree in trees {
        let mut folders = vec![tree.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let name = path.strip_prefix(&tree).expect("below").display();
                let name = format!("/{name}");
                if is_root(&name) {
                    roots.push((tree.clone(), name));
                }
            }
        }
    }
    roots
}

/// Whether NGINX reads a file of a rendered tree by itself, judged by its place in that tree alone: where the tree
/// stands on this machine says nothing.
fn is_root(name: &str) -> bool {
    let below = name.split_once("/nginx/").map_or(name, |(_, below)| below);
    let below = below.trim_start_matches('/');
    ["conf.d/", "modules-enabled/", "main/", "nginx.conf"]
        .iter()
        .any(|part| below.starts_with(part))
}

#[test]
fn nothing_is_found_in_what_opsctl_renders() {
    let roots = rendered_roots();
    assert!(roots.len() >= 7, "{roots:?}");
    for (tree, main) in roots {
        let config = Config::load(&main, &Tree(tree.clone())).expect("a rendering");
        // a golden is for the version in its name, the reference for this one
        let name = tree
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let version = name.rsplit('-').next().unwrap_or_default();
        let target = Target::named(version).or_else(|_| Target::named("1.30.6"));
        let target = target.expect("a version");
        let told: Vec<_> = lint(
            &config,
            Known {
                target: Some(&target),
                ..Known::default()
            },
        )
        .iter()
        // that is said of the NGINX, whoever wrote its configuration
        .filter(|problem| problem.rule != "target-cve")
        .map(|problem| problem.finding(&config).to_string())
        .collect();
        assert!(told.is_empty(), "{}{main}: {told:#?}", tree.display());
        for file in &config.files {
            assert_eq!(
                file.document.print(),
                file.document.source(),
                "{}",
                file.name
            );
        }
    }
}

#[test]
fn every_rule_has_its_page_and_every_page_its_rule() {
    let folder = repository().join("docs/lint");
    let mut pages: Vec<(String, String)> = RULES
        .iter()
        .map(|rule| (format!("{}.md", rule.id), page(rule)))
        .collect();
    pages.push(("README.md".to_owned(), index_page()));
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        update(&folder, &pages);
    }
    for (name, text) in &pages {
        let written = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert_eq!(
            &written, text,
            "docs/lint/{name} is stale: `UPDATE_GOLDENS=1 cargo test -p deploy`"
        );
    }
    let names = std::fs::read_dir(folder).expect("docs/lint").flatten();
    for name in names.map(|entry| entry.file_name().to_string_lossy().into_owned()) {
        assert!(
            pages.iter().any(|(page, _)| *page == name),
            "docs/lint/{name} is no rule's"
        );
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "pages of the working copy, on request"
)]
fn update(folder: &Path, pages: &[(String, String)]) {
    std::fs::create_dir_all(folder).expect("a working copy");
    for (name, text) in pages {
        std::fs::write(folder.join(name), text).expect("a working copy");
    }
}

#[test]
fn a_very_long_file_is_read_and_judged() {
    let line = "location /a { proxy_pass http://127.0.0.1:1; proxy_set_header X y; }\n";
    let text = format!("server {{\n{}}}\n", line.repeat((10 << 20) / line.len()));
    let document = parse(text.clone());
    assert_eq!(document.faults(), []);
    assert_eq!(document.print(), text.as_bytes());
    // judging is linear too, and a tenth of it is enough to see that no rule looks at every pair of locations
    let tenth = format!("server {{\n{}}}\n", line.repeat((1 << 20) / line.len()));
    let leaked: &'static str = Box::leak(tenth.into_boxed_str());
    assert_eq!(ids("big.conf", leaked), set(&[]));
}

/// An edge as tutorials write it.
const NAIVE_EDGE: &str = r#"
worker_processes auto;
quic_bpf on;
events {
    worker_connections 768;
}
http {
    gzip on;
    gzip_types text/event-stream application/json;
    proxy_set_header X-Real-IP $remote_addr;
    upstream app {
        server 127.0.0.1:8000;
        keepalive 32;
    }
    server {
        listen 80;
        server_name mcp.example.com;
        return 301 https://$host$request_uri;
    }
    server {
        listen 443 ssl http2;
        listen 443 quic;
        server_name mcp.example.com;
        ssl_certificate cert.pem;
        ssl_certificate_key key.pem;
        ssl_protocols TLSv1 TLSv1.2 TLSv1.3;
        ssl_ciphers HIGH:!aNULL;
        ssl_early_data on;
        keepalive_timeout 5s;
        add_header Alt-Svc 'h3=":8443"; ma=86400';
        location /mcp/ {
            proxy_pass http://app;
            proxy_set_header X-Request-ID $request_id;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_next_upstream error timeout non_idempotent;
            proxy_read_timeout 10s;
            add_header Access-Control-Allow-Origin *;
        }
    }
}
"#;

/// A pass-through put where it does not belong.
const NAIVE_PASSTHROUGH: &str = r"
stream {
    server {
        listen 443;
        proxy_pass 127.0.0.1:443;
        proxy_timeout 10s;
    }
    server {
        listen 443 udp;
        proxy_pass 127.0.0.1:443;
        proxy_responses 1;
        proxy_protocol on;
        ssl_preread on;
    }
}
";
