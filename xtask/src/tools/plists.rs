//! Other readers of property lists than Python's, as Debian has them.

use crate::apt::{self, Brings, Package};
use crate::cache::Cache;
use crate::failure::Failure;

/// `xmllint`, which knows DTDs, and `plistutil`, which is to libplist what `plutil` is on a Mac.
pub(crate) fn ensure(cache: &Cache) -> Result<(), Failure> {
    apt::ensure(cache, PACKAGES)
}

const PACKAGES: &[Package] = &[
    Package {
        name: "libxml2-utils",
        brings: Brings::Program("xmllint"),
    },
    Package {
        name: "libplist-utils",
        brings: Brings::Program("plistutil"),
    },
];
