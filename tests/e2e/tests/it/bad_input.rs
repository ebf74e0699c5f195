//! Every kind of bad input gets its finding and exit code, and leaves nothing behind.

use std::net::TcpListener;

use e2e::{Deployment, Tools, Verdict, children_of, opsctl, up_once};

/// A valid spec in which one text is replaced.
fn changed(find: &str, replace: &str) -> Deployment {
    Deployment::from_text(|https, http| {
        let text = format!(
            "name = \"demo\"\ntopology = \"h3-termination\"\nserver_names = [\"localhost\"]\n\
             [edge]\nlisten = [\"127.0.0.1\"]\nhttps_port = {https}\nhttp_port = {http}\n\
             [tls]\nself_signed = true\n[[servers]]\nname = \"cat\"\ncommand = [\"cat\"]\n"
        );
        assert!(text.contains(find), "{find}");
        text.replace(find, replace)
    })
}

/// Runs `up` with a temporary folder of its own and looks at what is left in it.
fn refused(deployment: &Deployment, code: i32) -> Verdict {
    let tools = Tools::from_environment();
    let temporary = deployment.folder.path().join("tmp");
    std::fs::create_dir_all(&temporary).expect("our own folder");
    let mut command = opsctl(&tools, deployment);
    let verdict = Verdict::of(command.args(["up", "--once"]).env("TMPDIR", &temporary));
    assert_eq!(verdict.code, code, "{:#}\n{}", verdict.json, verdict.talk);
    assert_eq!(children_of(deployment.folder.path()), Vec::<String>::new());
    let left: Vec<_> = std::fs::read_dir(&temporary)
        .expect("it is there")
        .flatten()
        .collect();
    assert!(left.is_empty(), "{left:?}");
    verdict
}

fn said(verdict: &Verdict) -> String {
    format!("{}{}", verdict.talk, verdict.json)
}

#[test]
fn a_faulty_spec_is_refused_with_the_place() {
    for (find, replace, expected) in [
        ("[tls]", "[tls", "deploy.toml"),
        ("listen =", "lisen =", "listen"),
        (
            "self_signed = true",
            "self_signed = \"yes\"",
            "tls.self_signed",
        ),
        (
            "command = [\"cat\"]",
            "command = [\"cat\"]\n[[servers]]\nname = \"cat\"\ncommand = [\"cat\"]",
            "cat",
        ),
        ("\"localhost\"", "\"local;host\"", "server_names"),
        ("\"localhost\"", "\"local{host\"", "server_names"),
        ("\"localhost\"", "\"local\\nhost\"", "server_names"),
        ("\"localhost\"", "\"local host\"", "server_names"),
        (
            "self_signed = true",
            "certificate = \"/nowhere/chain.pem\"\nprivate_key = \"/nowhere/key.pem\"",
            "/nowhere/",
        ),
        ("\"h3-termination\"", "\"stream\"", "stream-passthrough"),
    ] {
        let verdict = refused(&changed(find, replace), 10);
        assert!(
            said(&verdict).contains(expected),
            "{replace}: {}",
            said(&verdict)
        );
    }
}

#[test]
fn a_port_in_use_is_named() {
    let deployment = changed("cat", "cat");
    let _held = TcpListener::bind(("127.0.0.1", deployment.https_port)).expect("it was free");
    let verdict = refused(&deployment, 17);
    assert!(
        said(&verdict).contains(&deployment.https_port.to_string()),
        "{}",
        said(&verdict)
    );
}

#[test]
fn a_server_command_that_does_not_exist_is_named() {
    let verdict = refused(
        &changed("command = [\"cat\"]", "command = [\"no-such-mcp-server\"]"),
        17,
    );
    assert!(
        said(&verdict).contains("no-such-mcp-server"),
        "{}",
        said(&verdict)
    );
}

#[test]
fn an_nginx_without_http3_is_refused() {
    let tools = Tools::from_environment();
    let deployment = changed("cat", "cat");
    let old = deployment.write("nginx", "#!/bin/sh\necho 'nginx version: nginx/1.22.1' >&2\necho 'configure arguments: --with-http_ssl_module' >&2\n");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&old, mode).expect("our own file");
    let verdict = Verdict::of(
        opsctl(&tools, &deployment)
            .args(["up", "--once", "--nginx"])
            .arg(&old),
    );
    assert_eq!(verdict.code, 17, "{}", said(&verdict));
    assert!(
        said(&verdict).contains("HTTP/3") || said(&verdict).contains("http_v3"),
        "{}",
        said(&verdict)
    );
}

#[test]
fn a_template_that_nginx_rejects_is_reported_with_its_line() {
    let tools = Tools::from_environment();
    let deployment = Deployment::with_time(&tools);
    let templates = deployment.broken_templates("proxy_buffering off;", "proxy_bufering off;");
    let verdict = up_once(
        &tools,
        &deployment,
        &["--templates", &templates.display().to_string()],
    );
    assert_eq!(verdict.code, 11, "{}", said(&verdict));
    assert!(
        said(&verdict).contains("proxy_bufering"),
        "{}",
        said(&verdict)
    );
}
