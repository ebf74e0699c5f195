//! A Debian root with a rendered tree laid over it, in a mount namespace of its own: the root itself stays untouched.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A tree of files that will be laid over a root.
#[derive(Debug)]
pub struct Staged {
    folder: TempDir,
}

impl Staged {
    /// An empty tree.
    pub fn new() -> Self {
        let folder = TempDir::with_prefix("e2e-staged-").expect("a temporary folder");
        for name in ["tree", "work", "merged"] {
            std::fs::create_dir(folder.path().join(name)).expect("our own folder");
        }
        Self { folder }
    }

    /// The tree: what stands in it stands in the root while a script runs.
    pub fn tree(&self) -> PathBuf {
        self.folder.path().join("tree")
    }

    /// Puts a file into the tree at an absolute path of the root.
    pub fn copy(&self, from: &Path, to: &str) {
        let target = self.tree().join(to.trim_start_matches('/'));
        std::fs::create_dir_all(target.parent().expect("an absolute path"))
            .expect("our own folder");
        std::fs::copy(from, &target).expect("a file to copy");
    }

    /// Runs a shell script as root of the root with the tree laid over it.
    pub fn run(&self, root: &Path, script: &str) -> Output {
        let (root, folder) = (root.display(), self.folder.path().display());
        let mount = format!(
            "set -e\nmount -t overlay overlay -o lowerdir={root},upperdir={folder}/tree,workdir={folder}/work \
             {folder}/merged\nmount -t proc proc {folder}/merged/proc\n\
             exec chroot {folder}/merged /bin/sh -ec \"$1\"\n"
        );
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "sh", "-c", &mount, "sh", script])
            .env("PATH", ROOT_PATH);
        command.output().expect("unshare starts")
    }
}

impl Default for Staged {
    fn default() -> Self {
        Self::new()
    }
}

const ROOT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
