//! Files that are read again when they change.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Which file, and which state of it: a file that is replaced has another inode, one that is written to another time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    inode: u64,
    length: u64,
    modified: (i64, i64),
}

impl Stamp {
    /// The state of the file that `path` leads to, through links too; `None` when there is none.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let data = fs::metadata(path).ok()?;
        Some(Self {
            inode: data.ino(),
            length: data.len(),
            modified: (data.mtime(), data.mtime_nsec()),
        })
    }
}
