//! Where the repository is, and its cargo.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::process;

/// The checkout that this command runs for.
#[derive(Clone, Debug)]
pub(crate) struct Repository {
    root: PathBuf,
}

impl Repository {
    /// The checkout from cargo's `CARGO_MANIFEST_DIR`, or the nearest folder above this one with an `xtask`.
    pub(crate) fn find() -> Result<Self, Failure> {
        let start = match env::var_os("CARGO_MANIFEST_DIR") {
            Some(folder) => PathBuf::from(folder),
            None => env::current_dir()
                .map_err(|error| Failure::new("no current folder").because(error))?,
        };
        start
            .ancestors()
            .find(|folder| folder.join("xtask/Cargo.toml").is_file())
            .map(|root| Self {
                root: root.to_owned(),
            })
            .ok_or_else(|| {
                Failure::new(format!(
                    "`{}` is not in this project's checkout",
                    start.display()
                ))
                .or_try("cd into the checkout and run `cargo xtask` there")
            })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// cargo, started in the root of the checkout.
    pub(crate) fn cargo(&self) -> Command {
        let program = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let mut command = Command::new(program);
        self.enter(&mut command);
        command
    }

    /// Starts `command` in the root, without what cargo told this process about the package `xtask`.
    ///
    /// Those variables are part of a build script's fingerprint in some crates: left in place they would
    /// make cargo build the same dependency again from here and from a shell.
    pub(crate) fn enter(&self, command: &mut Command) {
        command.current_dir(&self.root);
        for (name, _) in env::vars_os() {
            let told = name.to_str().is_some_and(|name| {
                name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
            });
            if told {
                command.env_remove(&name);
            }
        }
    }

    /// The folder of the programs of a debug build.
    pub(crate) fn programs(&self) -> Result<PathBuf, Failure> {
        let text =
            process::stdout(
                self.cargo()
                    .args(["metadata", "--no-deps", "--format-version=1"]),
            )?;
        let metadata: serde_json::Value = serde_json::from_str(&text)
            .map_err(|error| Failure::new("cargo's metadata is not JSON").because(error))?;
        metadata["target_directory"]
            .as_str()
            .map(|target| Path::new(target).join("debug"))
            .ok_or_else(|| Failure::new("cargo's metadata names no target directory"))
    }
}
