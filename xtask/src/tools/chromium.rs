//! Debian's Chromium, which runs without a display, and letters for it to draw.

use std::path::PathBuf;

use crate::apt::{self, Brings, Package};
use crate::cache::Cache;
use crate::failure::Failure;
use crate::process;

const PACKAGES: &[Package] = &[
    Package {
        name: "chromium",
        brings: Brings::Program("chromium"),
    },
    // it brings no font along, and draws boxes without one
    Package {
        name: "fonts-liberation",
        brings: Brings::File("/usr/share/fonts/truetype/liberation/LiberationSans-Regular.ttf"),
    },
];

/// The program.
pub(crate) fn ensure(cache: &Cache) -> Result<PathBuf, Failure> {
    apt::ensure(cache, PACKAGES)?;
    process::on_path("chromium").ok_or_else(|| Failure::new("`chromium` is not on PATH"))
}
