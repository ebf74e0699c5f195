//! What is said of an NGINX is what it is: the directives that it knows, the faults that it has.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use deploy::target::{DIRECTIVES, compare};
use e2e::{NginxBuild, Staged, Tools, Verdict};
use serde_json::Value;
use tempfile::TempDir;

use super::stage::{Stage, nginx, write};
use super::tls::{takes_a_forged_session, with_forger};

fn lint(tools: &Tools, program: &Path) -> Command {
    let mut command = Command::new(&tools.opsctl);
    command.args(["--format", "json", "lint", "--nginx"]);
    command.arg(program);
    command
}

/// The messages of the findings with this id, each behind its file.
fn told(json: &Value, id: &str) -> Vec<String> {
    let findings = json["findings"].as_array().expect("findings").iter();
    findings
        .filter(|finding| finding["id"] == id)
        .map(|finding| format!("{} {}", finding["file"], finding["message"]))
        .collect()
}

/// Every NGINX that there is here.
fn programs(tools: &Tools, folder: &Path) -> Vec<PathBuf> {
    let builds = NginxBuild::ALL.map(|build| tools.nginx(build, folder));
    std::iter::once(tools.nginx_own.clone())
        .chain(builds)
        .collect()
}

#[test]
fn a_directive_is_refused_where_nginx_refuses_it_and_nowhere_else() {
    let tools = Tools::from_environment();
    let folder = TempDir::with_prefix("e2e-lint-").expect("a folder");
    let tried = DIRECTIVES
        .iter()
        .filter_map(|row| Some((format!("{}.conf", row.name), row.trial()?)));
    let tried: Vec<_> = tried.collect();
    for (name, text) in &tried {
        write(folder.path(), name, text);
    }
    for program in programs(&tools, folder.path()) {
        let mut judge = lint(&tools, &program);
        let verdict =
            Verdict::of(judge.args(tried.iter().map(|(name, _)| folder.path().join(name))));
        let told = told(&verdict.json, "directive-version").join("\n");
        for (name, _) in &tried {
            let mut command = nginx(&program, folder.path(), name);
            let output = command.arg("-t").output().expect("nginx starts");
            let said = String::from_utf8_lossy(&output.stderr);
            let is_told = told.contains(&format!("/{name}\""));
            assert_eq!(
                is_told,
                !output.status.success(),
                "{} {name}: {said}",
                program.display()
            );
        }
    }
}

#[test]
fn a_directive_that_debian_added_to_an_old_nginx_is_known() {
    let tools = Tools::from_environment();
    let folder = TempDir::with_prefix("e2e-lint-").expect("a folder");
    let conf = write(folder.path(), "site.conf", "max_headers 200;\n");
    let debian = tools.nginx(NginxBuild::Debian13, folder.path());
    let of = |program: &Path| {
        let verdict = Verdict::of(lint(&tools, program).arg(&conf));
        told(&verdict.json, "directive-version").len()
    };
    // Debian has it in 1.26.3 since its revision 3+deb13u6, NGINX since 1.29.8
    assert_eq!(of(&debian), 0);
    assert_eq!(of(&tools.nginx_1_28), 1);
    assert_eq!(of(Path::new("1.26.3")), 1);
}

#[test]
fn an_nginx_is_asked_once() {
    let tools = Tools::from_environment();
    let folder = TempDir::with_prefix("e2e-lint-").expect("a folder");
    let conf = write(folder.path(), "site.conf", "gzip off;\n");
    let temporary = folder.path().join("temporary");
    std::fs::create_dir(&temporary).expect("our own folder");
    let (program, calls) = (folder.path().join("nginx"), folder.path().join("calls"));
    let script = format!(
        "#!/bin/sh\necho >> {}\nexec {} \"$@\"\n",
        calls.display(),
        tools.nginx_1_28.display()
    );
    write(folder.path(), "nginx", &script);
    let mut chmod = Command::new("chmod");
    assert!(
        chmod
            .arg("755")
            .arg(&program)
            .status()
            .expect("chmod starts")
            .success()
    );
    let asked = || {
        let mut command = lint(&tools, &program);
        command.env("XDG_CACHE_HOME", folder.path().join("cache"));
        // what lies in the temporary folder is not remembered, so this one is another
        command.env("TMPDIR", &temporary);
        let verdict = Verdict::of(command.arg(&conf));
        assert_eq!(verdict.code, 0, "{:#}", verdict.json);
        std::fs::read(&calls).expect("it was called").len()
    };
    let first = asked();
    assert!(first > 5, "{first}");
    assert_eq!(asked(), first + 1);
}

/// What lint says of the NGINX that is installed in a Debian root, asked there.
fn faults_of_the_package(tools: &Tools, root: &Path) -> String {
    let staged = Staged::new();
    staged.copy(&tools.opsctl, "/usr/bin/opsctl");
    let script = "echo 'gzip off;' > /tmp/site.conf\nopsctl --format json lint --nginx nginx /tmp/site.conf\n";
    let output = staged.run(root, script);
    assert!(output.status.success(), "{output:?}");
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    told(&json, "target-cve").join("\n")
}

async fn is_forgeable(build: NginxBuild) -> bool {
    let stage = Stage::start_on(build, &with_forger("on")).await;
    takes_a_forged_session(&stage).await
}

#[test]
fn a_fault_is_told_of_the_nginx_that_has_it() {
    let tools = Tools::from_environment();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for (build, told) in [
        (
            NginxBuild::Debian13,
            faults_of_the_package(&tools, &tools.root_trixie),
        ),
        (
            NginxBuild::DebianTesting,
            faults_of_the_package(&tools, &tools.root_forky),
        ),
        (NginxBuild::Source, {
            let folder = TempDir::with_prefix("e2e-lint-").expect("a folder");
            let conf = write(folder.path(), "site.conf", "gzip off;\n");
            let verdict = Verdict::of(lint(&tools, &tools.nginx_1_28).arg(conf));
            told(&verdict.json, "target-cve").join("\n")
        }),
    ] {
        let is_told = told.contains("CVE-2026-97629");
        let is_forgeable = runtime.block_on(is_forgeable(build));
        assert_eq!(is_told, is_forgeable, "{build:?}: {told}");
        // the package of Debian 13 has mended this one under its old number
        let has_package = build != NginxBuild::Source;
        assert_eq!(
            told.contains("CVE-2026-40460"),
            !has_package,
            "{build:?}: {told}"
        );
    }
}

/// Pieces of versions, put together in every way below.
const VERSIONS: [&str; 23] = [
    "1",
    "1.0",
    "1.00",
    "1.0-1",
    "1.0-1~bpo12+1",
    "1.0-1+deb13u9",
    "1.0-1+deb13u10",
    "1.0-1ubuntu7",
    "1.0-1ubuntu7.5",
    "1.0~rc1",
    "1.0~",
    "1.0~~",
    "1.0a",
    "1.0+",
    "1.0.",
    "1.10",
    "1.9",
    "01.9",
    "1:0.1",
    "0:1.9",
    "1.9-0",
    "2.0-1-2",
    "1.0+dfsg-1",
];

#[test]
fn dpkg_orders_versions_as_we_do() {
    let tools = Tools::from_environment();
    let all = || {
        VERSIONS
            .iter()
            .flat_map(|a| VERSIONS.iter().map(move |b| (a, b)))
    };
    let mut script = String::new();
    for (a, b) in all() {
        let _ = writeln!(
            script,
            "dpkg --compare-versions '{a}' lt '{b}' && echo less || echo no"
        );
    }
    let output = Command::new("chroot")
        .arg(&tools.root_trixie)
        .args(["/bin/sh", "-c", &script])
        .output()
        .expect("chroot starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said.lines().count(), all().count());
    for ((a, b), theirs) in all().zip(said.lines()) {
        assert_eq!(compare(a, b).is_lt(), theirs == "less", "{a} {b}");
    }
}
