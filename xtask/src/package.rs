//! The Debian package: the two programs, their manual pages and completions, the runbook and examples.
//!
//! It is put together here and packed by `dpkg-deb`: docs/decisions/0013-debian-package.md.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::apt::{self, Brings, Package};
use crate::cache::Cache;
use crate::failure::Failure;
use crate::repository::Repository;
use crate::{files, process};

/// The package's name.
const NAME: &str = "mcp-edge-kit";
/// `packaging/debian`: control file, maintainer scripts, copyright.
const SOURCES: &str = "packaging/debian";
const PROGRAMS: [&str; 2] = ["origin", "opsctl"];
const TOOLS: &[Package] = &[
    Package {
        name: "binutils",
        brings: Brings::Program("strip"),
    },
    Package {
        name: "dpkg",
        brings: Brings::Program("dpkg-deb"),
    },
];

/// How the programs were built, and so how the package is packed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Build {
    /// For tests: packed quickly.
    Debug,
    /// To be given away: packed small.
    Release,
}

/// Packs the programs that `build` left in the target folder, and returns the package's path.
pub(crate) fn make(
    repository: &Repository,
    cache: &Cache,
    build: Build,
) -> Result<PathBuf, Failure> {
    apt::ensure(cache, TOOLS)?;
    let debug = repository.programs()?;
    let target = debug.parent().unwrap_or(&debug);
    let programs = match build {
        Build::Debug => debug.clone(),
        Build::Release => target.join("release"),
    };
    let folder = target.join("package");
    let tree = folder.join("tree");
    files::remove_tree(&tree)?;
    let staged = Staged {
        repository,
        tree: &tree,
    };
    staged.programs(&programs)?;
    staged.pages(&programs)?;
    staged.documents()?;
    // the folder of the specs, as the runbook has it
    files::create_folder(&tree.join("etc/opsctl"))?;
    staged.control()?;
    staged.modes()?;
    let architecture = architecture()?;
    let package = folder.join(format!("{NAME}_{}_{architecture}.deb", version()));
    let mut pack = Command::new("dpkg-deb");
    pack.arg("--root-owner-group");
    pack.args(match build {
        Build::Debug => ["-Zgzip", "-z1"],
        Build::Release => ["-Zxz", "-z6"],
    });
    // the same commit gives the same package
    pack.env("SOURCE_DATE_EPOCH", staged.commit("%ct")?);
    process::stdout(pack.arg("--build").args([&tree, &package]))?;
    Ok(package)
}

/// The version of the workspace.
fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

fn architecture() -> Result<String, Failure> {
    let mut ask = Command::new("dpkg");
    Ok(process::stdout(ask.arg("--print-architecture"))?
        .trim()
        .to_owned())
}

/// The tree that becomes the package.
struct Staged<'a> {
    repository: &'a Repository,
    tree: &'a Path,
}

impl Staged<'_> {
    fn programs(&self, from: &Path) -> Result<(), Failure> {
        let folder = self.tree.join("usr/bin");
        files::create_folder(&folder)?;
        for name in PROGRAMS {
            let mut strip = Command::new("strip");
            strip.arg("--strip-all").arg("-o").arg(folder.join(name));
            process::stdout(strip.arg(from.join(name)))?;
        }
        Ok(())
    }

    /// Manual pages and completions come from the programs themselves.
    fn pages(&self, programs: &Path) -> Result<(), Failure> {
        let folder = self.tree.join("usr/share/man/man1");
        for name in PROGRAMS {
            let mut man = Command::new(programs.join(name));
            process::stdout(man.args(["man", "--out"]).arg(&folder))?;
        }
        for page in files::entries(&folder)? {
            compress(&page)?;
        }
        for (shell, path) in [
            ("bash", "usr/share/bash-completion/completions/opsctl"),
            ("zsh", "usr/share/zsh/vendor-completions/_opsctl"),
            ("fish", "usr/share/fish/vendor_completions.d/opsctl.fish"),
        ] {
            let mut completions = Command::new(programs.join("opsctl"));
            let script = process::stdout(completions.args(["completions", shell]))?;
            files::replace(&self.tree.join(path), &script)?;
        }
        Ok(())
    }

    fn documents(&self) -> Result<(), Failure> {
        let folder = self.tree.join("usr/share/doc").join(NAME);
        let root = self.repository.root();
        for page in [
            "README.md",
            "RUNBOOK.md",
            "RUNBOOK-stream-passthrough.md",
            "CHANGELOG.md",
            "SECURITY.md",
        ] {
            compressed(&root.join(page), &folder.join(page))?;
        }
        // the pages that `opsctl runbook` names; why things are as they are stays in the repository
        for pages in ["docs", "docs/lint"] {
            for page in files::entries(&root.join(pages))? {
                if page.extension().is_some_and(|extension| extension == "md") {
                    let name = page.file_name().unwrap_or_default();
                    compressed(&page, &folder.join(pages).join(name))?;
                }
            }
        }
        for examples in ["specs", "hypercorn-equivalents"] {
            let from = root.join(examples);
            files::copy_tree(&from, &folder.join("examples").join(examples))?;
        }
        let copyright = files::read(&root.join(SOURCES).join("copyright"))?;
        let licence = files::read(&root.join("LICENSE-MIT"))?;
        files::replace(
            &folder.join("copyright"),
            &copyright.replace("@MIT@", &paragraphs(&licence)),
        )?;
        let changelog = format!(
            "{NAME} ({}) unstable; urgency=medium\n\n  * CHANGELOG.md beside this file says what is new.\n\n -- {}  {}\n",
            version(),
            field(
                &files::read(&root.join(SOURCES).join("control"))?,
                "Maintainer"
            ),
            self.commit("%cD")?
        );
        let path = folder.join("changelog");
        files::replace(&path, &changelog)?;
        compress(&path)
    }

    fn control(&self) -> Result<(), Failure> {
        let folder = self.tree.join("DEBIAN");
        let from = self.repository.root().join(SOURCES);
        let mut glibc = (0, 0);
        for name in PROGRAMS {
            let path = self.tree.join("usr/bin").join(name);
            let bytes = fs::read(&path).map_err(|error| Failure::at("read", &path, error))?;
            glibc = glibc.max(newest_glibc(&bytes));
        }
        let mut size = Command::new("du");
        let size = process::stdout(size.args(["-sk", "--apparent-size"]).arg(self.tree))?;
        let size = size.split_whitespace().next().unwrap_or_default();
        let control = files::read(&from.join("control"))?
            .replace("@VERSION@", version())
            .replace("@ARCHITECTURE@", &architecture()?)
            .replace("@SIZE@", size)
            .replace("@GLIBC@", &format!("{}.{}", glibc.0, glibc.1));
        files::replace(&folder.join("control"), &control)?;
        for script in ["postinst", "prerm"] {
            files::replace(&folder.join(script), &files::read(&from.join(script))?)?;
        }
        let mut sums = Command::new("sh");
        sums.args(["-c", "find usr -type f -print0 | sort -z | xargs -0 md5sum"]);
        let sums = process::stdout(sums.current_dir(self.tree))?;
        files::replace(&folder.join("md5sums"), &sums)
    }

    /// Everybody reads, root writes, and what is run can be run, whatever the umask is here.
    fn modes(&self) -> Result<(), Failure> {
        let mut all = Command::new("chmod");
        process::stdout(all.args(["-R", "u=rwX,go=rX"]).arg(self.tree))?;
        let programs = PROGRAMS.map(|name| format!("usr/bin/{name}"));
        let scripts = ["DEBIAN/postinst", "DEBIAN/prerm"].map(str::to_owned);
        for path in programs.into_iter().chain(scripts) {
            let path = self.tree.join(path);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
                .map_err(|error| Failure::at("change", &path, error))?;
        }
        Ok(())
    }

    /// A date of the commit that is packed, in a form of git's.
    fn commit(&self, form: &str) -> Result<String, Failure> {
        let mut log = Command::new("git");
        log.args(["log", "-1", &format!("--format={form}")]);
        let date = process::stdout(log.current_dir(self.repository.root()))?;
        Ok(date.trim().to_owned())
    }
}

/// A document, as the package has it.
fn compressed(from: &Path, to: &Path) -> Result<(), Failure> {
    files::replace(to, &files::read(from)?)?;
    compress(to)
}

/// As Debian policy 12.3 wants it: without a name or a time in it.
fn compress(path: &Path) -> Result<(), Failure> {
    let mut gzip = Command::new("gzip");
    process::stdout(gzip.args(["-9", "-n", "-f"]).arg(path)).map(drop)
}

/// The newest symbol version of the C library that a program asks for, as in `GLIBC_2.36`.
fn newest_glibc(program: &[u8]) -> (u32, u32) {
    const MARK: &[u8] = b"GLIBC_";
    let words = program.windows(MARK.len()).enumerate();
    words
        .filter(|(_, window)| *window == MARK)
        .filter_map(|(at, _)| {
            let rest = &program[at + MARK.len()..];
            let end = rest
                .iter()
                .position(|b| !b.is_ascii_digit() && *b != b'.')?;
            let (major, minor) = str::from_utf8(&rest[..end]).ok()?.split_once('.')?;
            let minor = minor.split('.').next()?;
            Some((major.parse().ok()?, minor.parse().ok()?))
        })
        .max()
        .unwrap_or_default()
}

/// A text as a field's value: each line set in by one space, an empty one a full stop.
fn paragraphs(text: &str) -> String {
    let line = |line: &str| match line.trim() {
        "" => " .".to_owned(),
        words => format!(" {words}"),
    };
    text.trim().lines().map(line).collect::<Vec<_>>().join("\n")
}

/// The value of a field of a control file.
fn field<'t>(control: &'t str, name: &str) -> &'t str {
    control
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_symbol_version_decides() {
        let program = b"\0GLIBC_2.2.5\0GLIBC_2.34\0GLIBC_2.9\0GLIBC_PRIVATE\0";
        assert_eq!(newest_glibc(program), (2, 34));
        assert_eq!(newest_glibc(b"static"), (0, 0));
    }

    #[test]
    fn a_licence_becomes_the_value_of_a_field() {
        assert_eq!(paragraphs("MIT\n\nDo what\n"), " MIT\n .\n Do what");
        assert_eq!(
            field("A: b\nMaintainer: M <m@x>\n", "Maintainer"),
            "M <m@x>"
        );
    }
}
