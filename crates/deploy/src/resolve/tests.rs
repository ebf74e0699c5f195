use std::time::Duration;

use super::*;
use origin_config::Exposed;

use crate::deployment::{CertificateKind, UpstreamAddress};
use crate::layout::PrivateLayout;
use crate::spec::parse;

const GOOD: &str =
    "name = \"demo\"\nserver_names = [\"localhost\"]\ntls = { self_signed = true }\n";

fn facts(root: Option<&str>) -> Facts {
    Facts {
        nginx: Target::named("1.30.7").expect("a version"),
        layout: root.map_or(Layout::Debian, |root| {
            Layout::Private(PrivateLayout {
                root: root.parse().expect("a path"),
                worker_user: None,
                origin_executable: "/opt/origin".parse().expect("a path"),
            })
        }),
    }
}

fn resolved(text: &str, root: Option<&str>) -> (Option<Deployment>, Report) {
    let (spec, report) = parse(text, "deploy.toml");
    let spec = spec.unwrap_or_else(|| panic!("{report}"));
    resolve(&spec, &facts(root))
}

fn deployment(text: &str, root: Option<&str>) -> Deployment {
    let (deployment, report) = resolved(text, root);
    deployment.unwrap_or_else(|| panic!("{report}"))
}

/// The addition to the good spec makes this finding.
fn check(addition: &str, id: &str, path: &str) {
    let (_, report) = resolved(&format!("{GOOD}{addition}"), None);
    let found = report.findings().iter().any(|finding| {
        finding.id == id && finding.path.as_deref() == Some(path) && finding.hint.is_some()
    });
    assert!(found, "{id} at {path} is not in:\n{report}");
}

#[test]
fn every_default_is_settled_for_debian() {
    let deployment = deployment(GOOD, None);
    let (edge, site) = (&deployment.edge, &deployment.sites[0]);
    assert_eq!(
        edge.https
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        ["0.0.0.0:443", "[::]:443"]
    );
    assert_eq!(edge.http[0].port(), 80);
    assert_eq!(edge.public_https_port.number(), 443);
    assert_eq!(edge.expose, [Exposed::Healthz]);
    assert_eq!(edge.socket.as_str(), "/run/demo/edge.sock");
    assert_eq!(
        site.origin.bind[0].to_string(),
        "unix:/run/demo/origin.sock"
    );
    assert_eq!(
        site.origin.admin_bind[0].to_string(),
        "unix:/run/demo/admin.sock"
    );
    assert_eq!(site.origin.trusted_peers[0].to_string(), "unix:");
    assert_eq!(site.origin.generation.len(), 16);
    assert_eq!(site.certificate.kind, CertificateKind::SelfSigned);
    assert_eq!(site.certificate.key_path.as_str(), "/etc/demo/tls/key.pem");
}

#[test]
fn an_origin_answers_for_its_own_names_and_pages_and_for_those_that_the_spec_adds() {
    let names = |text: &str| {
        let origin = deployment(text, None).sites.remove(0).origin;
        let texts = |list: Vec<String>| list.join(" ");
        (
            texts(
                origin
                    .allowed_hosts
                    .iter()
                    .map(ToString::to_string)
                    .collect(),
            ),
            texts(
                origin
                    .allowed_origins
                    .iter()
                    .map(ToString::to_string)
                    .collect(),
            ),
        )
    };
    let text = "name = \"demo\"\nserver_names = [\"a.example\", \"*.b.example\"]\ntls = { self_signed = true }\n";
    let (hosts, origins) = names(text);
    assert_eq!(hosts, "a.example *.b.example");
    assert_eq!(origins, "https://a.example https://*.b.example");
    let (hosts, origins) = names(&format!(
        "{text}[edge]\nhttps_port = 8443\n[origin]\nallowed_hosts = [\"a.example\", \"c\"]\nallowed_origins = [\"http://c:1\"]\n"
    ));
    assert_eq!(hosts, "a.example *.b.example c");
    assert_eq!(
        origins,
        "https://a.example:8443 https://*.b.example:8443 http://c:1"
    );
}

#[test]
fn a_private_deployment_moves_unix_sockets_below_its_folder_and_opens_them() {
    let text = format!("{GOOD}[origin]\nbind = [\"unix:/run/demo/o.sock\", \"127.0.0.1:9000\"]\n");
    let deployment = deployment(&text, Some("/tmp/d"));
    let site = &deployment.sites[0];
    let binds: Vec<_> = site.origin.bind.iter().map(ToString::to_string).collect();
    assert_eq!(binds, ["unix:/tmp/d/run/demo.sock", "127.0.0.1:9000"]);
    assert_eq!(site.origin.umask, 0);
    assert_eq!(site.origin_executable.as_str(), "/opt/origin");
}

#[test]
fn the_generation_follows_what_is_deployed_and_nothing_else() {
    let generation = |text: &str| deployment(text, None).generation;
    let first = generation(GOOD);
    assert_eq!(
        first,
        generation(&format!("# a comment\n{GOOD}[edge]\nhttps_port = 443\n"))
    );
    let check = "[[servers]]\nname = \"a\"\ncommand = [\"b\"]\n";
    let server = generation(&format!("{GOOD}{check}"));
    assert_eq!(
        server,
        generation(&format!("{GOOD}{check}check_tool = \"t\"\n"))
    );
    assert_ne!(first, server);
    assert_ne!(first, generation(&format!("{GOOD}[edge]\nexpose = []\n")));
    assert_ne!(first, deployment(GOOD, Some("/tmp/d")).generation);
}

/// What NGINX reads, but for the names of generations, and what the origin reads.
fn parts(text: &str) -> (Deployment, Vec<String>, String) {
    let deployment = deployment(text, None);
    let rendered = crate::render(&deployment, &crate::Templates::embedded()).expect("it renders");
    let bare = |text: &str| text.replace(deployment.generation.as_str(), "");
    let edge = rendered.files.iter().filter(|file| {
        file.component == crate::Component::Edge && !file.path.ends_with("/generation.conf")
    });
    let edge = edge.map(|file| bare(&file.contents)).collect();
    let toml = rendered
        .files
        .iter()
        .find(|file| file.path.ends_with("/origin.toml"));
    let own = &deployment.sites[0].origin.generation;
    let toml = bare(&toml.expect("rendered").contents).replace(own, "");
    (deployment, edge, toml)
}

#[test]
fn a_part_has_another_name_exactly_when_it_reads_something_else() {
    let (first, edge, toml) = parts(GOOD);
    for change in [
        "[edge]\nhttps_port = 444\n",
        "[edge]\nhttp_port = 0\n",
        "[edge]\nexpose = []\n",
        "[edge]\nworker_shutdown_timeout = \"2h\"\n",
        "[origin]\nmax_body_size = \"5MiB\"\n",
        "[origin]\nallowed_origins = [\"*\"]\n",
        "[origin]\nkeep_alive_timeout = \"9s\"\n",
        "[origin]\nh11_max_incomplete_size = \"64KiB\"\n",
        "[origin]\nbind = [\"127.0.0.1:9000\"]\n",
        "[origin]\ngraceful_timeout = \"9s\"\n",
        "[origin]\nloglevel = \"debug\"\n",
        "[origin.timeouts]\nmcp = \"10m\"\n",
        "[[servers]]\nname = \"a\"\ncommand = [\"b\"]\n",
    ] {
        let (now, edge_now, toml_now) = parts(&format!("{GOOD}{change}"));
        assert_ne!(first.generation, now.generation, "{change}");
        let named = first.edge.generation != now.edge.generation;
        assert_eq!(named, edge != edge_now, "edge: {change}");
        let named = first.sites[0].origin.generation != now.sites[0].origin.generation;
        assert_eq!(named, toml != toml_now, "origin: {change}");
    }
}

#[test]
fn the_edge_gives_up_after_the_origin_and_closes_before_it() {
    let text = format!(
        "{GOOD}[origin]\nkeep_alive_timeout = \"5s\"\nstream_keep_alive = \"30s\"\n[origin.timeouts]\nmcp = \"10m\"\n"
    );
    let deployment = deployment(&text, None);
    let upstream = &deployment.sites[0].upstream;
    assert_eq!(upstream.keepalive_timeout, Duration::from_millis(2_500));
    assert_eq!(upstream.read_timeout, Duration::from_secs(630));
    assert_eq!(deployment.edge.keepalive_timeout, Duration::from_mins(2));
}

#[test]
fn an_origin_on_tcp_believes_its_loopback_and_a_public_one_is_a_warning() {
    let text = format!("{GOOD}[origin]\nbind = [\"0.0.0.0:9000\"]\n");
    let (deployment, report) = resolved(&text, None);
    let deployment = deployment.unwrap_or_else(|| panic!("{report}"));
    let site = &deployment.sites[0];
    assert_eq!(
        site.upstream.address,
        UpstreamAddress::Tcp("127.0.0.1:9000".parse().expect("an address"))
    );
    assert_eq!(site.origin.trusted_peers[0].to_string(), "127.0.0.1/32");
    check(
        "[origin]\nbind = [\"0.0.0.0:9000\"]\n",
        "origin.bind",
        "origin.bind",
    );
}

#[test]
fn listeners_that_clash_are_found() {
    check("[edge]\nhttp_port = 443\n", "edge.ports", "edge.http_port");
    check(
        "[edge]\nhttps_port = 9000\n[origin]\nbind = [\"127.0.0.1:9000\"]\n",
        "origin.bind",
        "origin.bind",
    );
    check(
        "[edge]\nhttp_port = 9000\n[origin]\nadmin_bind = [\"127.0.0.1:9000\"]\n",
        "origin.bind",
        "origin.admin_bind",
    );
    let site = |name: &str| {
        format!(
            "[[sites]]\nname = \"{name}\"\nserver_names = [\"{name}.example\"]\ntls = {{ self_signed = true }}\n[sites.origin]\nbind = [\"127.0.0.1:9000\"]\n"
        )
    };
    let (_, report) = resolved(
        &format!("name = \"fleet\"\n{}{}", site("one"), site("two")),
        None,
    );
    assert!(
        report
            .to_string()
            .contains("sites[1].origin.bind: `127.0.0.1:9000` is taken"),
        "{report}"
    );
}

#[test]
fn limits_that_switch_a_protection_off_are_refused() {
    check(
        "[origin]\nmax_body_size = \"0B\"\n",
        "origin.limit",
        "origin.max_body_size",
    );
    check(
        "[origin]\nkeep_alive_timeout = \"1s\"\n",
        "origin.limit",
        "origin.keep_alive_timeout",
    );
    check(
        "[origin]\nstream_keep_alive = \"0s\"\n",
        "origin.limit",
        "origin.stream_keep_alive",
    );
    check(
        "[origin]\nbind = [\"127.0.0.1:0\"]\n",
        "origin.bind",
        "origin.bind",
    );
    check(
        "[origin]\nbind = [\"unix:/run/a;b.sock\"]\n",
        "origin.socket-path",
        "origin.bind",
    );
    check(
        "[origin]\ntrusted_peers = [\"10.0.0.1\"]\n",
        "origin.trusted-peers",
        "origin.trusted_peers",
    );
}

#[test]
fn a_socket_path_that_the_system_would_cut_off_is_found() {
    let root = format!("/tmp/{}", "x".repeat(90));
    let (deployment, report) = resolved(GOOD, Some(&root));
    assert!(deployment.is_none());
    assert!(
        report.to_string().contains("origin.socket-path"),
        "{report}"
    );
}

#[test]
fn a_target_without_http3_ends_the_resolution_with_a_finding() {
    let (spec, _) = parse(GOOD, "deploy.toml");
    let mut facts = facts(None);
    facts.nginx = Target::named("1.30.7,http_v3=no").expect("a version");
    let (deployment, report) = resolve(&spec.expect("a good spec"), &facts);
    assert!(deployment.is_none());
    assert_eq!(report.findings()[0].id, "target.http-v3");
}

#[test]
fn a_certificate_from_an_acme_server_needs_port_80_and_no_wildcard() {
    let text = |edge: &str, name: &str| {
        format!(
            "name = \"demo\"\nserver_names = [\"{name}\"]\n[tls.acme]\nterms_agreed = true\n{edge}{SERVERS}"
        )
    };
    let ids = |text: &str| {
        let (_, report) = resolved(text, None);
        let findings = report.findings().iter();
        findings
            .map(|finding| finding.id.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&text("", "a.example")), Vec::<String>::new());
    assert_eq!(ids(&text("", "*.a.example")), ["tls.wildcard"]);
    let edge = |port| format!("[edge]\nhttp_port = {port}\n");
    assert_eq!(ids(&text(&edge(0), "a.example")), ["tls.challenge"]);
    assert_eq!(ids(&text(&edge(8080), "a.example")), ["tls.challenge"]);
}

#[test]
fn how_a_certificate_is_got_is_no_reason_for_nginx_to_reload() {
    let of = |more: &str| {
        let text = format!(
            "name = \"demo\"\nserver_names = [\"a.example\"]\n[tls.acme]\nterms_agreed = true\n{more}{SERVERS}"
        );
        deployment(&text, None)
    };
    let (one, other) = (of(""), of("email = \"ops@a.example\"\n"));
    assert_eq!(one.edge.generation, other.edge.generation);
    assert_ne!(one.generation, other.generation);
    let path = one.sites[0].certificate.chain_path.as_str();
    assert_eq!(path, "/etc/demo/tls/chain.pem");
}

const SERVERS: &str = "[[servers]]\nname = \"time\"\ncommand = [\"mcp-server-time\"]\n";
