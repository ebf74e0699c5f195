//! Files: read, replace, copy a tree, remove a tree.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use crate::failure::Failure;

pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| Failure::at("read", path, error))
}

pub(crate) fn create_folder(path: &Path) -> Result<(), Failure> {
    fs::create_dir_all(path).map_err(|error| Failure::at("create", path, error))
}

/// Puts `text` at `path` by a rename in its own folder, so that no reader sees half a file.
pub(crate) fn replace(path: &Path, text: &str) -> Result<(), Failure> {
    let folder = path.parent().unwrap_or(Path::new("."));
    create_folder(folder)?;
    let mut staged = path.as_os_str().to_owned();
    staged.push(format!(".{}", std::process::id()));
    let staged = PathBuf::from(staged);
    let write = || -> std::io::Result<()> {
        let mut file = File::create(&staged)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&staged, path)
    };
    write().map_err(|error| {
        let _ = fs::remove_file(&staged);
        Failure::at("write", path, error)
    })
}

/// Removes a folder with all that is in it; one that is not there is fine.
pub(crate) fn remove_tree(path: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(Failure::at("remove", path, error))
        }
        _ => Ok(()),
    }
}

/// Copies the files and folders of `from` into the new folder `to`.
pub(crate) fn copy_tree(from: &Path, to: &Path) -> Result<(), Failure> {
    create_folder(to)?;
    for entry in entries(from)? {
        let target = to.join(entry.file_name().unwrap_or_default());
        if entry.is_dir() {
            copy_tree(&entry, &target)?;
        } else {
            fs::copy(&entry, &target).map_err(|error| Failure::at("copy", &entry, error))?;
        }
    }
    Ok(())
}

/// What is in a folder, sorted by name.
pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let fail = |error| Failure::at("list", folder, error);
    let mut found = fs::read_dir(folder)
        .map_err(fail)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(fail)?;
    found.sort();
    Ok(found)
}

/// A name for a cache entry that changes whenever one of `parts` does: FNV-1a, 64 bits, as 16 hex digits.
///
/// Not a defence against forged input; the standard library's hasher may change between releases and so
/// cannot name a folder.
pub(crate) fn fingerprint<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    // offset basis and prime of the 64-bit FNV hash (RFC 9923, section 5)
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(PRIME);
    let hash = parts.into_iter().fold(BASIS, |hash, part| {
        // the 0xff between parts is no byte of UTF-8, so ["ab", "c"] and ["a", "bc"] differ
        step(part.bytes().fold(hash, step), 0xff)
    });
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_depends_on_every_part_and_on_where_parts_end() {
        let one = fingerprint(["ab", "c"]);
        assert_eq!(one.len(), 16);
        assert_eq!(one, fingerprint(["ab", "c"]));
        assert_ne!(one, fingerprint(["a", "bc"]));
        assert_ne!(one, fingerprint(["ab"]));
    }
}
