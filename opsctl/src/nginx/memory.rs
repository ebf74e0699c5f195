//! What was asked of an NGINX, remembered until the program changes: asking again at every command would take a fifth of
//! a second.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use deploy::target::{Package, Target};
use serde::{Deserialize, Serialize};

use crate::host::files::{NewFile, make_folder, read_text, replace};

/// What is kept in a file of its own for each program.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    of: Stamp,
    backports: Vec<String>,
    package: Option<KeptPackage>,
}

/// While it is the same, so is what the program would answer.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    length: u64,
    modified: (i64, i64),
    /// What was asked: another opsctl may ask for more.
    asked: Vec<String>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct KeptPackage {
    name: String,
    version: String,
    mended: Vec<String>,
}

/// A place for what is known of one program.
#[derive(Debug)]
pub(super) struct Memory {
    path: PathBuf,
    stamp: Stamp,
}

impl Memory {
    /// The place for a program below the user's cache folder; none where there is no such folder, or it is another user's, as
    /// that of whoever called `sudo`.
    pub(super) fn of(program: &Path, target: &Target, cache: Option<&Path>) -> Option<Self> {
        let cache = cache?;
        let is_own = |path: &Path| {
            let data = path.metadata().ok();
            data.is_some_and(|data| data.uid() == rustix::process::geteuid().as_raw())
        };
        // made where its parent is ours
        if !(is_own(cache) || cache.parent().is_some_and(is_own) && !cache.exists()) {
            return None;
        }
        let data = program.metadata().ok()?;
        let name = program.canonicalize().ok()?.display().to_string();
        let name = name.trim_start_matches('/').replace('/', "%");
        Some(Self {
            path: cache
                .join("mcp-edge-kit/asked")
                .join(format!("{name}.json")),
            stamp: Stamp {
                length: data.len(),
                modified: (data.mtime(), data.mtime_nsec()),
                asked: target.missing().map(|row| row.name.to_owned()).collect(),
            },
        })
    }

    /// Puts what is known into a target. False where nothing is.
    pub(super) fn recall(&self, target: &mut Target) -> bool {
        let kept = read_text(&self.path)
            .ok()
            .and_then(|text| serde_json::from_str::<Kept>(&text).ok())
            .filter(|kept| kept.of == self.stamp);
        let Some(kept) = kept else { return false };
        target.backports = kept.backports;
        target.package = kept.package.map(|package| Package {
            name: package.name,
            version: package.version,
            mended: package.mended.into_iter().collect(),
        });
        true
    }

    /// Keeps what is known. Where that fails, it is asked again.
    pub(super) fn keep(self, target: &Target) {
        let package = target.package.as_ref().map(|package| KeptPackage {
            name: package.name.clone(),
            version: package.version.clone(),
            mended: package.mended.iter().cloned().collect(),
        });
        let kept = Kept {
            of: self.stamp,
            backports: target.backports.clone(),
            package,
        };
        let Ok(contents) = serde_json::to_vec(&kept) else {
            return;
        };
        let file = NewFile {
            path: &self.path,
            contents: &contents,
            mode: 0o600,
            owner: (None, None),
        };
        let folder = self.path.parent().unwrap_or(&self.path);
        let written = make_folder(folder, 0o700, (None, None)).and_then(|()| replace(file));
        if let Err(error) = written {
            tracing::debug!(path = %self.path.display(), %error, "not remembered");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_is_recalled_until_the_program_changes() {
        let folder = tempfile::tempdir().expect("a folder");
        let program = folder.path().join("nginx");
        let write = |contents: &[u8]| {
            let (path, mode, owner) = (program.as_path(), 0o755, (None, None));
            replace(NewFile {
                path,
                contents,
                mode,
                owner,
            })
            .expect("written");
        };
        write(b"one");
        let mut known = Target::named("1.26.3").expect("a version");
        let memory = |target: &Target| {
            let memory = Memory::of(&program, target, Some(&folder.path().join("cache")));
            memory.expect("our own folder")
        };
        assert!(!memory(&known).recall(&mut known.clone()));
        known.backports.push("max_headers".to_owned());
        known.package = Some(Package::new("nginx", "1.26.3-3+deb13u7", "CVE-2026-40460"));
        memory(&known).keep(&known);
        let mut again = Target::named("1.26.3").expect("a version");
        assert!(memory(&again).recall(&mut again));
        assert_eq!(again, known);
        write(b"another");
        assert!(!memory(&again).recall(&mut again));
    }
}
