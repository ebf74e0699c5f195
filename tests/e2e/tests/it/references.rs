//! The committed references are true: each real NGINX accepts the rendering for its version without a warning,
//! `origin check` reads the TOML, and `systemd-analyze verify` the units.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use e2e::{NginxBuild, Staged, Tools};
use tempfile::TempDir;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .expect("the root")
}

/// The tree that `opsctl render` writes for a spec of this repository and an NGINX.
fn rendered(tools: &Tools, spec: &str, nginx: &str) -> Staged {
    let staged = Staged::new();
    let mut command = Command::new(&tools.opsctl);
    command
        .arg("--spec")
        .arg(repository().join("specs").join(spec));
    command
        .args(["render", "--nginx", nginx, "--out"])
        .arg(staged.tree());
    let output = command.output().expect("opsctl starts");
    assert!(output.status.success(), "{spec} {nginx}: {}", said(&output));
    staged
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Makes the certificate files and the socket folders that the rendered confs name, then asks NGINX.
const NGINX_TEST: &str = r#"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=x \
    -keyout /tmp/ssl_certificate_key -out /tmp/ssl_certificate 2>/dev/null
grep -rhoE 'ssl_certificate(_key)? +[^;]+' /etc/nginx | sort -u | while read -r directive path; do
    mkdir -p "$(dirname "$path")"
    cp "/tmp/$directive" "$path"
done
# the units' tmpfiles.d makes these on a machine that runs systemd
grep -rhoE 'listen unix:[^; ]+' /etc/nginx/conf.d | while read -r _ socket; do
    mkdir -p "$(dirname "${socket#unix:}")"
done
# a root without it knows no host, and a name of an upstream is looked up here
echo 127.0.0.1 localhost >> /etc/hosts
nginx -t -e stderr -c /etc/nginx/nginx.conf
"#;

fn accepts(build: NginxBuild, version: &str, spec: &str) {
    let tools = Tools::from_environment();
    let staged = rendered(&tools, spec, version);
    let (root, preparation) = match build {
        NginxBuild::Debian13 => (&tools.root_trixie, ""),
        NginxBuild::DebianTesting => (&tools.root_forky, ""),
        NginxBuild::Source => {
            staged.copy(&tools.nginx_1_28, "/usr/sbin/nginx");
            // Debian's stream module is of another version than this binary, which has its own built in and looks for
            // its folder of temporary files where it was built
            let preparation = "rm -f /etc/nginx/modules-enabled/*stream*\n\
                mkdir -p \"$(nginx -V 2>&1 | grep -oE 'prefix=[^ ]+' | head -n 1 | cut -d= -f2)\"\n";
            (&tools.root_trixie, preparation)
        }
    };
    let output = staged.run(root, &format!("{preparation}{NGINX_TEST}"));
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("test is successful"), "{said}");
    assert!(!said.contains("[warn]"), "{said}");
}

#[test]
fn nginx_1_26_accepts_its_rendering_without_a_warning() {
    accepts(
        NginxBuild::Debian13,
        "1.26.3,stream=dynamic",
        "h3-termination.toml",
    );
    accepts(
        NginxBuild::Debian13,
        "1.26.3,stream=dynamic",
        "two-sites.toml",
    );
    accepts(
        NginxBuild::Debian13,
        "1.26.3,stream=dynamic",
        "stream-passthrough.toml",
    );
    accepts(
        NginxBuild::Debian13,
        "1.26.3,stream=dynamic",
        "shared-port.toml",
    );
}

#[test]
fn nginx_1_28_accepts_its_rendering_without_a_warning() {
    accepts(
        NginxBuild::Source,
        "1.28.3,stream=static",
        "h3-termination.toml",
    );
    accepts(
        NginxBuild::Source,
        "1.28.3,stream=static",
        "stream-passthrough.toml",
    );
    accepts(
        NginxBuild::Source,
        "1.28.3,stream=static",
        "shared-port.toml",
    );
}

#[test]
fn nginx_1_30_accepts_its_rendering_without_a_warning() {
    accepts(
        NginxBuild::DebianTesting,
        "1.30.6,stream=dynamic",
        "h3-termination.toml",
    );
    accepts(
        NginxBuild::DebianTesting,
        "1.30.6,stream=dynamic",
        "two-sites.toml",
    );
    accepts(
        NginxBuild::DebianTesting,
        "1.30.6,stream=dynamic",
        "stream-passthrough.toml",
    );
    accepts(
        NginxBuild::DebianTesting,
        "1.30.6,stream=dynamic",
        "shared-port.toml",
    );
}

#[test]
fn systemd_accepts_the_units_where_the_binaries_are() {
    let tools = Tools::from_environment();
    for (spec, units) in [
        ("h3-termination.toml", "*-origin*"),
        ("stream-passthrough.toml", "*-origin*"),
        // Its servers have units of their own.
        ("two-sites.toml", "*-origin* *-mcp_*"),
    ] {
        let staged = rendered(&tools, spec, "1.30.6,stream=dynamic");
        staged.copy(&tools.origin, "/usr/bin/origin");
        staged.copy(&tools.opsctl, "/usr/bin/opsctl");
        let script =
            format!("systemd-sysusers\ncd /etc/systemd/system\nsystemd-analyze verify {units}\n");
        let output = staged.run(&tools.root_trixie, &script);
        assert!(output.status.success(), "{spec}: {}", said(&output));
        assert!(
            !said(&output).contains("/etc/systemd/system/"),
            "a warning: {}",
            said(&output)
        );
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "files of the test's own folder")]
fn the_origin_reads_its_references_without_a_finding() {
    let tools = Tools::from_environment();
    let folder = TempDir::with_prefix("e2e-reference-").expect("a folder");
    let made = rcgen::generate_simple_self_signed(["mcp.example.com".to_owned()]);
    let made = made.expect("a certificate");
    let put = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("our own folder");
    };
    put("chain.pem", &made.cert.pem());
    put("key.pem", &made.signing_key.serialize_pem());
    for name in ["behind-nginx.toml", "behind-stream.toml"] {
        let file = repository().join("hypercorn-equivalents").join(name);
        let text = std::fs::read_to_string(file).expect("a reference");
        let own = folder.path().display().to_string();
        put(name, &text.replace("/etc/codeintel/tls", &own));
        let output = Command::new(&tools.origin)
            .arg("check")
            .arg("--config")
            .arg(folder.path().join(name))
            .output()
            .expect("origin starts");
        assert!(output.status.success(), "{}", said(&output));
        assert!(!said(&output).contains("warning"), "{}", said(&output));
    }
}
