//! Configurations that nobody here wrote: those of Debian's packages.

use std::path::{Path, PathBuf};

use deploy::nginx_conf::parse;
use e2e::{Tools, Verdict};

/// The files of NGINX's packages in a root.
fn files(root: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    let mut folders = vec![root.join("etc/nginx"), root.join("usr/share/nginx")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let is_link = path.is_symlink();
            if path.is_dir() && !is_link {
                folders.push(path);
            } else if path.is_file()
                && !is_link
                && path.extension().is_none_or(|ending| ending == "conf")
            {
                out.push(path);
            }
        }
    }
    out
}

#[test]
fn debians_files_come_back_as_they_were_and_have_no_fault() {
    let tools = Tools::from_environment();
    for root in [&tools.root_trixie, &tools.root_forky] {
        let files = files(root);
        assert!(files.len() >= 10, "{files:?}");
        for path in files {
            let bytes = std::fs::read(&path).expect("a file");
            let document = parse(bytes.clone());
            assert_eq!(document.print(), bytes, "{}", path.display());
            assert_eq!(document.faults(), [], "{}", path.display());
        }
    }
}

#[test]
fn nothing_is_found_in_debians_own_configuration() {
    let tools = Tools::from_environment();
    for root in [&tools.root_trixie, &tools.root_forky] {
        let mut command = std::process::Command::new(&tools.opsctl);
        command
            .args(["--format", "json", "lint"])
            .arg(root.join("etc/nginx"));
        let verdict = Verdict::of(&mut command);
        let findings = verdict.json["findings"].as_array().expect("findings");
        let ids: Vec<_> = findings.iter().map(|finding| &finding["id"]).collect();
        // nothing is installed into these folders yet
        assert!(
            ids.iter().all(|id| *id == "include-empty"),
            "{:#}",
            verdict.json
        );
        assert_eq!(verdict.code, 0);
    }
}

#[test]
fn a_dump_is_judged_as_its_files_are() {
    let tools = Tools::from_environment();
    let mut nginx = std::process::Command::new("chroot");
    nginx
        .arg(&tools.root_trixie)
        .args(["nginx", "-T", "-e", "stderr"]);
    let dump = nginx.output().expect("chroot starts");
    assert!(
        dump.status.success(),
        "{}",
        String::from_utf8_lossy(&dump.stderr)
    );
    let folder = tempfile::TempDir::with_prefix("e2e-lint-").expect("a folder");
    let path = super::stage::write(
        folder.path(),
        "dump",
        &String::from_utf8_lossy(&dump.stdout),
    );
    let mut command = std::process::Command::new(&tools.opsctl);
    let verdict = Verdict::of(command.args(["--format", "json", "lint"]).arg(path));
    assert_eq!(verdict.code, 0, "{:#}", verdict.json);
    assert!(
        verdict.json["files"].as_u64() > Some(1),
        "{:#}",
        verdict.json
    );
}
