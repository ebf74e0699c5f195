//! What the tests are given: Debians to boot, and what is installed on them.

use std::env;
use std::path::PathBuf;

/// Paths of all that is needed; `cargo xtask test machine` provides it and names it in the environment.
#[derive(Debug, Clone)]
pub struct Kit {
    /// A Debian 13 that boots, with NGINX 1.26.
    pub debian_13: PathBuf,
    /// A Debian testing that boots, with NGINX 1.30 or later.
    pub debian_testing: PathBuf,
    /// The Debian package of this checkout.
    pub package: PathBuf,
    /// The MCP server with everything that the protocol has.
    pub fixtures: PathBuf,
    /// Where the disks of machines are, and the layers that tests share: one run's own, since they have its package in them.
    pub folder: PathBuf,
}

impl Kit {
    /// Reads the environment.
    ///
    /// # Panics
    /// When a variable is missing: the message names the command that sets it.
    pub fn from_environment() -> Self {
        Self {
            debian_13: path("MACHINE_DEBIAN_13"),
            debian_testing: path("MACHINE_DEBIAN_TESTING"),
            package: path("MACHINE_PACKAGE"),
            fixtures: path("MACHINE_FIXTURES"),
            folder: folder(),
        }
    }
}

/// [`Kit::folder`].
pub(crate) fn folder() -> PathBuf {
    path("MACHINE_FOLDER")
}

fn path(variable: &str) -> PathBuf {
    let value = env::var_os(variable)
        .unwrap_or_else(|| panic!("`{variable}` is not set; run `cargo xtask test machine`"));
    let path = PathBuf::from(value);
    assert!(
        path.exists(),
        "`{variable}` names `{}`, which does not exist",
        path.display()
    );
    path
}
