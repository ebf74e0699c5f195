//! The committed references are the rendering of the committed specs, byte for byte, and nothing else lies beside them.
//!
//! `UPDATE_GOLDENS=1 cargo test -p deploy` writes them anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use deploy::{
    Component, Deployment, Facts, Layout, Os, PrivateLayout, Rendered, RenderedFile, Spec, Target,
    Templates, parse, render, resolve, runbook,
};

/// Renders one of `specs/`.
fn rendered(name: &str, nginx: &str, layout: Layout) -> Rendered {
    settled(&spec(name), nginx, layout)
}

fn spec(name: &str) -> Spec {
    let file = format!("{name}.toml");
    let text =
        fs::read_to_string(repository().join("specs").join(&file)).expect("a committed spec");
    let (spec, report) = parse(&text, &file);
    assert!(report.is_empty(), "{report}");
    spec.unwrap_or_else(|| panic!("{report}"))
}

fn settled(spec: &Spec, nginx: &str, layout: Layout) -> Rendered {
    let deployment = resolved(spec, nginx, layout);
    render(&deployment, &Templates::embedded()).unwrap_or_else(|error| panic!("{error}: {error:?}"))
}

fn resolved(spec: &Spec, nginx: &str, layout: Layout) -> Deployment {
    let nginx = Target::named(nginx).expect("a target");
    let (deployment, report) = resolve(spec, &Facts { nginx, layout });
    deployment.unwrap_or_else(|| panic!("{report}"))
}

/// A target path of a reference deployment as the path in this repository: `nginx`, `systemd` and `origin` are where its files
/// are.
fn reference(nginx: &str, systemd: &str, origin: &str) -> impl Fn(&str) -> String {
    move |path| match path {
        "/etc/codeintel/origin.toml" => format!("hypercorn-equivalents/{origin}"),
        _ => path
            .replace("/etc/nginx/", &format!("{nginx}/"))
            .replace("/etc/systemd/system/", &format!("{systemd}/"))
            .replace("/etc/sysusers.d/", &format!("{systemd}/sysusers.d/"))
            .replace("/etc/tmpfiles.d/", &format!("{systemd}/tmpfiles.d/")),
    }
}

fn golden(name: &str) -> impl Fn(&str) -> String {
    move |path| format!("crates/deploy/tests/goldens/{name}{path}")
}

/// Compares a rendering with the files that stand for it, and finds files below `folders` that stand for nothing.
fn compare(rendered: &Rendered, place: impl Fn(&str) -> String, folders: &[&str]) {
    let wanted: BTreeMap<String, &str> = rendered
        .files
        .iter()
        .map(|file| (place(&file.path), file.contents.as_str()))
        .collect();
    compare_texts(&wanted, folders);
}

fn compare_texts(wanted: &BTreeMap<String, &str>, folders: &[&str]) {
    let mut present = Vec::new();
    for folder in folders {
        list(&repository().join(folder), &mut present);
    }
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        update(wanted, &present);
        return;
    }
    for (path, contents) in wanted {
        let golden = fs::read_to_string(repository().join(path)).unwrap_or_default();
        assert_eq!(&golden, contents, "{path} is stale: {UPDATE}");
    }
    for path in &present {
        assert!(
            wanted.contains_key(path),
            "{path} is no part of the rendering: {UPDATE}"
        );
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "goldens are written only when a person asks for it"
)]
fn update(wanted: &BTreeMap<String, &str>, present: &[String]) {
    for path in present.iter().filter(|path| !wanted.contains_key(*path)) {
        fs::remove_file(repository().join(path)).expect("a golden of our own");
    }
    for (path, contents) in wanted {
        let path = repository().join(path);
        fs::create_dir_all(path.parent().expect("a file in a folder")).expect("our own folder");
        fs::write(path, contents).expect("a golden of our own");
    }
}

fn list(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let relative = path
            .strip_prefix(repository())
            .expect("below the repository");
        let other = OTHERS.iter().any(|other| relative == Path::new(other));
        if path.is_dir() && !other {
            list(&path, found);
        } else if path.is_file() {
            found.push(relative.to_string_lossy().into_owned());
        }
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .expect("the repository")
}

#[test]
fn the_references_are_the_rendering_of_the_production_spec() {
    let rendered = rendered(
        "h3-termination",
        "1.30.6,stream=dynamic,openssl=3.6.5",
        Layout::Debian,
    );
    compare(
        &rendered,
        reference("nginx/h3-termination", "systemd", "behind-nginx.toml"),
        &["nginx/h3-termination", "systemd"],
    );
}

#[test]
fn so_are_those_of_the_other_topology() {
    let rendered = rendered(
        "stream-passthrough",
        "1.30.6,stream=dynamic,openssl=3.6.5",
        Layout::Debian,
    );
    let (nginx, systemd) = ("nginx/stream-passthrough", "systemd/stream-passthrough");
    let place = reference(nginx, systemd, "behind-stream.toml");
    compare(&rendered, place, &[nginx, systemd]);
}

#[test]
fn an_edge_that_passes_connections_on_is_rendered_for_each_version() {
    for (target, name) in [
        ("1.26.3,stream=dynamic", "passthrough-1.26.3"),
        ("1.28.3", "passthrough-1.28.3"),
        ("1.31.4", "passthrough-1.31.4"),
    ] {
        let rendered = rendered("stream-passthrough", target, Layout::Debian);
        let folder = format!("crates/deploy/tests/goldens/{name}");
        let nginx: Vec<_> = rendered.files.into_iter().filter(of_nginx).collect();
        let rendered = Rendered {
            files: nginx,
            ..Rendered::default()
        };
        compare(&rendered, golden(name), &[&folder]);
    }
}

#[test]
fn other_sites_share_the_port_by_their_names() {
    for (target, name) in [
        ("1.26.3,stream=dynamic", "shared-port-1.26.3"),
        ("1.31.4", "shared-port-1.31.4"),
    ] {
        let mut rendered = rendered("shared-port", target, Layout::Debian);
        let kept = ["95-codeintel.conf", "50-codeintel.conf"];
        let is_kept = |file: &RenderedFile| kept.iter().any(|name| file.path.ends_with(name));
        rendered.files.retain(is_kept);
        let folder = format!("crates/deploy/tests/goldens/{name}");
        compare(&rendered, golden(name), &[&folder]);
    }
}

fn of_nginx(file: &RenderedFile) -> bool {
    file.component == Component::Edge
}

#[test]
fn a_private_edge_that_passes_connections_on_loads_its_module_itself() {
    let rendered = rendered("stream-passthrough", "1.26.3,stream=dynamic", private());
    compare(
        &rendered,
        golden("private-passthrough-1.26.3"),
        &["crates/deploy/tests/goldens/private-passthrough-1.26.3"],
    );
}

#[test]
fn the_runbooks_are_those_of_the_production_specs() {
    let nginx = "1.30.6,stream=dynamic,openssl=3.6.5";
    let page = |name| {
        let page = runbook(&resolved(&spec(name), nginx, Layout::Debian));
        page.unwrap_or_else(|error| panic!("{error}: {error:?}"))
    };
    let (terminated, passed) = (page("h3-termination"), page("stream-passthrough"));
    let wanted = BTreeMap::from([
        ("RUNBOOK.md".to_owned(), terminated.as_str()),
        ("RUNBOOK-stream-passthrough.md".to_owned(), passed.as_str()),
    ]);
    compare_texts(&wanted, &[]);
}

#[test]
fn every_spec_of_the_repository_has_a_runbook() {
    for name in ["minimal", "two-sites", "stream-passthrough"] {
        let deployment = resolved(&spec(name), "1.28.3,openssl=3.0.2", Layout::Debian);
        let page = runbook(&deployment).unwrap_or_else(|error| panic!("{error:?}"));
        for site in &deployment.sites {
            assert!(
                page.contains(&format!("{}-origin.service", site.name)),
                "{page}"
            );
        }
        let unfilled = ["{%", "{#", "-%}"];
        assert!(!unfilled.iter().any(|mark| page.contains(mark)), "{page}");
    }
}

#[test]
fn debian_13_gets_its_own_rendering() {
    let rendered = rendered(
        "h3-termination",
        "1.26.3,stream=dynamic,openssl=3.5.7",
        Layout::Debian,
    );
    compare(
        &rendered,
        golden("debian-1.26.3"),
        &["crates/deploy/tests/goldens/debian-1.26.3"],
    );
}

#[test]
fn two_sites_share_one_edge() {
    let rendered = rendered("two-sites", "1.28.3,openssl=3.0.2", Layout::Debian);
    compare(
        &rendered,
        golden("two-sites-1.28.3"),
        &["crates/deploy/tests/goldens/two-sites-1.28.3"],
    );
}

#[test]
fn a_mac_gets_its_services_as_daemons() {
    let mut services = on_a_mac(&spec("h3-termination"));
    let is_launchds = |path: &str| reference_on_a_mac(path) != path;
    services.files.retain(|file| is_launchds(&file.path));
    compare(&services, reference_on_a_mac, &["launchd"]);
}

#[test]
fn a_mac_gets_its_services_as_agents() {
    let place = golden("macos-1.30.6");
    let folder = "crates/deploy/tests/goldens/macos-1.30.6";
    compare(&on_a_mac(&spec("macos")), place, &[folder]);
}

/// What launchd reads of the reference deployment; the other files keep their paths.
fn reference_on_a_mac(path: &str) -> String {
    path.replace("/Library/LaunchDaemons/", "launchd/")
        .replace("/opt/homebrew/etc/codeintel/start", "launchd/start")
        .replace("/etc/newsyslog.d/", "launchd/newsyslog.d/")
}

fn on_a_mac(spec: &Spec) -> Rendered {
    settled(spec, "1.30.6,openssl=3.6.5", Layout::of(Os::MacOs, spec))
}

#[test]
fn a_private_deployment_stays_below_its_folder() {
    let rendered = rendered("minimal", "1.28.3,openssl=3.0.2", private());
    let outside = |path: &String| !path.starts_with("/tmp/golden/");
    assert!(!rendered.files.iter().any(|file| outside(&file.path)));
    assert!(
        !rendered
            .directories
            .iter()
            .any(|folder| outside(&folder.path))
    );
    compare(
        &rendered,
        golden("private-1.28.3"),
        &["crates/deploy/tests/goldens/private-1.28.3"],
    );
}

fn private() -> Layout {
    Layout::Private(PrivateLayout {
        root: "/tmp/golden".parse().expect("a path"),
        worker_user: None,
        origin_executable: "/usr/bin/origin".parse().expect("a path"),
    })
}

/// What of `systemd` is not the rendering of the first spec.
const OTHERS: [&str; 3] = [
    "launchd/templates",
    "systemd/templates",
    "systemd/stream-passthrough",
];
const UPDATE: &str = "look at the difference, then run `UPDATE_GOLDENS=1 cargo test -p deploy`";
