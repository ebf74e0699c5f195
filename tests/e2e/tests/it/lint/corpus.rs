//! Configurations that nobody here wrote: those of Debian's packages.

use std::path::{Path, PathBuf};
use std::process::Command;

use deploy::nginx_conf::{Document, End, Node, parse};
use e2e::{Tools, Verdict};
use serde_json::Value;

/// The files of NGINX's packages in a root.
fn files(root: &Path) -> Vec<PathBuf> {
    conf_files(vec![root.join("etc/nginx"), root.join("usr/share/nginx")])
}

/// Every `*.conf` below these folders, and files without an ending, such as those of `sites-available`.
fn conf_files(mut folders: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut out = Vec::new();
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
        let mut command = Command::new(&tools.opsctl);
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
    let mut nginx = Command::new("chroot");
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
    let mut command = Command::new(&tools.opsctl);
    let verdict = Verdict::of(command.args(["--format", "json", "lint"]).arg(path));
    assert_eq!(verdict.code, 0, "{:#}", verdict.json);
    assert!(
        verdict.json["files"].as_u64() > Some(1),
        "{:#}",
        verdict.json
    );
}

/// The directives of a file with their lines, as our reader has them. The words of an `if` are left out: crossplane takes
/// its parentheses away.
fn our_words(bytes: &[u8]) -> Vec<Vec<String>> {
    fn walk(document: &Document, nodes: &[Node], out: &mut Vec<Vec<String>>) {
        for node in nodes {
            let Node::Directive(directive) = node else {
                continue;
            };
            let mut row: Vec<String> = directive.words().map(|word| word.text.clone()).collect();
            if row.first().is_some_and(|name| name == "if") {
                row.truncate(1);
            }
            let first = directive.words().next().expect("a name");
            row.insert(0, document.line(first.span.start).to_string());
            out.push(row);
            if let End::Block { nodes, .. } = &directive.end {
                walk(document, nodes, out);
            }
        }
    }
    let document = parse(bytes);
    let mut out = Vec::new();
    walk(&document, document.nodes(), &mut out);
    out
}

/// The same from crossplane.
fn their_words(tools: &Tools, paths: &[PathBuf]) -> Vec<Vec<Vec<String>>> {
    let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients");
    let folder = tempfile::TempDir::with_prefix("e2e-crossplane-").expect("a folder");
    let mut pip = Command::new(&tools.clients_python);
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
        "--no-deps",
    ]);
    pip.args(["--require-hashes", "--target"])
        .arg(folder.path());
    let installed = pip
        .arg("-r")
        .arg(clients.join("crossplane.txt"))
        .output()
        .expect("pip starts");
    assert!(
        installed.status.success(),
        "{}",
        String::from_utf8_lossy(&installed.stderr)
    );
    let mut python = Command::new(&tools.clients_python);
    python
        .arg(clients.join("crossplane_words.py"))
        .args(paths)
        .env("PYTHONPATH", folder.path());
    let output = python.output().expect("python starts");
    let files: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let files = files
        .as_array()
        .expect("one entry a file")
        .iter()
        .zip(paths);
    files
        .map(|(file, path)| {
            assert_eq!(file["errors"], serde_json::json!([]), "{}", path.display());
            file["words"]
                .as_array()
                .expect("directives")
                .iter()
                .map(row)
                .collect()
        })
        .collect()
}

fn row(row: &Value) -> Vec<String> {
    let row = row.as_array().expect("a directive");
    // crossplane leaves the escapes of control characters as they are; NGINX resolves them, as another test asks it
    let resolved = |text: &str| {
        text.replace("\\n", "\n")
            .replace("\\t", "\t")
            .replace("\\r", "\r")
    };
    let text = |word: &Value| word.as_str().map_or_else(|| word.to_string(), resolved);
    let mut words: Vec<String> = row.iter().map(text).collect();
    if words[1] == "if" {
        words.truncate(2);
    }
    words
}

#[test]
fn crossplane_reads_the_same_words() {
    let tools = Tools::from_environment();
    let mut paths = files(&tools.root_trixie);
    paths.extend(files(&tools.root_forky));
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    paths.extend(conf_files(vec![repository.join("nginx/h3-termination")]));
    let theirs = their_words(&tools, &paths);
    let mut compared = 0;
    for (path, theirs) in paths.iter().zip(theirs) {
        let ours = our_words(&std::fs::read(path).expect("a file"));
        compared += ours.len();
        for (own, their) in ours.iter().zip(&theirs) {
            assert_eq!(own, their, "{}", path.display());
        }
        assert_eq!(ours.len(), theirs.len(), "{}", path.display());
    }
    assert!(compared > 300, "{compared}");
}
