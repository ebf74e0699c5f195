//! The folder for what is built once and kept: outside `target/`, so that `cargo clean` spares it.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::{files, talk};

/// The folder's name in the user's cache; `opsctl` looks for NGINX below the same one.
const FOLDER: &str = "mcp-edge-kit";
/// Says that an entry made in place is whole.
const COMPLETE: &str = ".complete";

/// `${XDG_CACHE_HOME:-~/.cache}/mcp-edge-kit`.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
}

impl Cache {
    pub(crate) fn open() -> Result<Self, Failure> {
        let absolute = |name| {
            env::var_os(name)
                .map(PathBuf::from)
                .filter(|p| p.is_absolute())
        };
        let base = absolute("XDG_CACHE_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
            .ok_or_else(|| {
                Failure::new("neither `XDG_CACHE_HOME` nor `HOME` names a folder")
                    .or_try("export HOME")
            })?;
        Self::at(base.join(FOLDER))
    }

    pub(crate) fn at(folder: PathBuf) -> Result<Self, Failure> {
        files::create_folder(&folder)?;
        Ok(Self { folder })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The log of what made `key`.
    pub(crate) fn log(&self, key: &str) -> PathBuf {
        self.folder.join("logs").join(format!("{}.log", flat(key)))
    }

    /// The entry `key`, made by `build` in a folder beside it and renamed when whole.
    ///
    /// `build` gets the folder to fill; the folder does not exist yet. Of two that want the same entry at
    /// once, one builds and the other waits.
    pub(crate) fn provide(
        &self,
        key: &str,
        build: impl FnOnce(&Path) -> Result<(), Failure>,
    ) -> Result<PathBuf, Failure> {
        let entry = self.folder.join(key);
        if entry.exists() {
            return Ok(entry);
        }
        let _lock = self.lock(key)?;
        if entry.exists() {
            return Ok(entry);
        }
        talk::progress(format_args!("providing {key} (once)"));
        let staged = self.folder.join("tmp").join(flat(key));
        files::remove_tree(&staged)?;
        for folder in [&staged, &entry]
            .map(|path| path.parent())
            .into_iter()
            .flatten()
        {
            files::create_folder(folder)?;
        }
        let built = build(&staged).and_then(|()| {
            fs::rename(&staged, &entry).map_err(|error| Failure::at("rename", &staged, error))
        });
        if let Err(failure) = built {
            files::remove_tree(&staged)?;
            return Err(failure);
        }
        Ok(entry)
    }

    /// As `provide`, for what cannot be moved after it is made; a mark inside says that it is whole.
    pub(crate) fn provide_in_place(
        &self,
        key: &str,
        build: impl FnOnce(&Path) -> Result<(), Failure>,
    ) -> Result<PathBuf, Failure> {
        let entry = self.folder.join(key);
        let mark = entry.join(COMPLETE);
        if mark.exists() {
            return Ok(entry);
        }
        let _lock = self.lock(key)?;
        if mark.exists() {
            return Ok(entry);
        }
        talk::progress(format_args!("providing {key} (once)"));
        files::remove_tree(&entry)?;
        if let Some(folder) = entry.parent() {
            files::create_folder(folder)?;
        }
        build(&entry)?;
        files::replace(&mark, "")?;
        Ok(entry)
    }

    /// Held until dropped; the file stays, so that no two processes ever lock different files of one name.
    fn lock(&self, key: &str) -> Result<File, Failure> {
        let path = self.folder.join("locks").join(flat(key));
        if let Some(folder) = path.parent() {
            files::create_folder(folder)?;
        }
        let file = File::create(&path).map_err(|error| Failure::at("open", &path, error))?;
        file.lock()
            .map_err(|error| Failure::at("lock", &path, error))?;
        Ok(file)
    }
}

fn flat(key: &str) -> String {
    key.replace('/', "-")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::thread;

    use super::*;

    fn scratch(name: &str) -> Cache {
        let folder = env::temp_dir().join(format!("xtask-cache-{name}-{}", std::process::id()));
        files::remove_tree(&folder).expect("a scratch folder can be emptied");
        Cache::at(folder).expect("a scratch folder can be made")
    }

    #[test]
    fn an_entry_is_built_once() {
        let cache = scratch("once");
        let build = |folder: &Path| files::replace(&folder.join("tool"), "made");
        let first = cache.provide("tools/x-1", build).expect("builds");
        let second = cache
            .provide("tools/x-1", |_| Err(Failure::new("built again")))
            .expect("kept");
        assert_eq!(first, second);
        assert_eq!(files::read(&first.join("tool")).expect("is there"), "made");
        files::remove_tree(cache.folder()).expect("cleans up");
    }

    #[test]
    fn a_build_that_fails_leaves_no_entry_behind() {
        let cache = scratch("fails");
        let half = |folder: &Path| {
            files::replace(&folder.join("half"), "")?;
            Err(Failure::new("no"))
        };
        assert!(cache.provide("x", half).is_err());
        assert!(!cache.folder().join("x").exists());
        assert!(!cache.folder().join("tmp/x").exists());
        files::remove_tree(cache.folder()).expect("cleans up");
    }

    #[test]
    fn an_entry_in_place_that_is_not_whole_is_made_anew() {
        let cache = scratch("place");
        files::replace(&cache.folder().join("venv/stale"), "").expect("writes");
        let entry = cache
            .provide_in_place("venv", files::create_folder)
            .expect("builds");
        assert!(!entry.join("stale").exists());
        assert!(entry.join(COMPLETE).exists());
        files::remove_tree(cache.folder()).expect("cleans up");
    }

    #[test]
    fn of_two_that_want_an_entry_at_once_one_builds_and_both_get_it() {
        let cache = scratch("both");
        let builds = AtomicU32::new(0);
        let want = || {
            cache.provide("tool", |folder| {
                builds.fetch_add(1, Ordering::SeqCst);
                files::create_folder(folder)
            })
        };
        thread::scope(|scope| {
            let other = scope.spawn(want);
            want().expect("one gets it");
            other.join().expect("no panic").expect("the other too");
        });
        assert_eq!(builds.into_inner(), 1);
        files::remove_tree(cache.folder()).expect("cleans up");
    }
}
