//! A control group for each machine: its systemd takes the whole of what it is given, so two machines may not share one.

use std::fs;
use std::path::{Path, PathBuf};

use crate::wait::until;

/// The groups of one machine, in the unified hierarchy and, where the host still has it, in systemd's old one.
#[derive(Debug)]
pub(crate) struct Groups {
    paths: Vec<PathBuf>,
}

impl Groups {
    /// Makes them below the host's roots.
    pub(crate) fn make(name: &str) -> Self {
        let mounts = fs::read_to_string("/proc/self/mounts").expect("proc is mounted");
        let paths: Vec<_> = mounts
            .lines()
            .filter_map(hierarchy)
            .map(|mount| mount.join(name))
            .collect();
        for path in &paths {
            fs::create_dir_all(path).expect("the host lets us make a control group");
        }
        Self { paths }
    }

    /// The shell commands that put the shell itself into them.
    pub(crate) fn enter(&self) -> String {
        let line = |path: &PathBuf| format!("echo $$ > '{}/cgroup.procs'\n", path.display());
        self.paths.iter().map(line).collect()
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        for path in &self.paths {
            // its processes have been killed and take a moment to be gone
            until(|| remove(path).then_some(()));
        }
    }
}

/// The mount point, when a line of proc_pid_mounts(5) is a hierarchy that systemd uses.
fn hierarchy(line: &str) -> Option<PathBuf> {
    let mut words = line.split(' ').skip(1);
    let (mount, kind, options) = (words.next()?, words.next()?, words.next()?);
    let named = kind == "cgroup" && options.split(',').any(|option| option == "name=systemd");
    (kind == "cgroup2" || named).then(|| PathBuf::from(mount))
}

/// Removes a group with the groups below it: only folders can be removed there, the files go with them.
fn remove(path: &Path) -> bool {
    let below = fs::read_dir(path).into_iter().flatten().flatten();
    let mut gone = true;
    for entry in below.filter(|entry| entry.path().is_dir()) {
        gone &= remove(&entry.path());
    }
    gone && (fs::remove_dir(path).is_ok() || !path.exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_hierarchies_of_systemd_count() {
        let found = |line| hierarchy(line).map(|path| path.display().to_string());
        let unified = "cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0";
        assert_eq!(found(unified).as_deref(), Some("/sys/fs/cgroup/unified"));
        let named = "cgroup /sys/fs/cgroup/systemd cgroup rw,name=systemd 0 0";
        assert_eq!(found(named).as_deref(), Some("/sys/fs/cgroup/systemd"));
        assert_eq!(found("cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0"), None);
    }
}
