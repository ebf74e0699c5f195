//! Users and groups by name.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// The numbers of a user and a group of the machine below `root`; nothing for a name that is not there.
pub(crate) fn numbers(root: &Path, user: &str, group: &str) -> (Option<u32>, Option<u32>) {
    let read = |file: &str| std::fs::read_to_string(root.join(file)).unwrap_or_default();
    (
        number_of(&read("etc/passwd"), user),
        number_of(&read("etc/group"), group),
    )
}

/// The first name of these that is a group of this machine.
pub(crate) fn first_group<'n>(names: &[&'n str]) -> Option<(&'n str, u32)> {
    names
        .iter()
        .find_map(|name| Some((*name, numbers(Path::new("/"), "", name).1?)))
}

/// Whether a user may go through a folder: the first of owner, group and others that the user is decides (path_resolution(7)).
pub(crate) fn may_enter(folder: &Metadata, user: &str, group: &str) -> bool {
    let (user, group) = numbers(Path::new("/"), user, group);
    let bit = if user == Some(folder.uid()) {
        0o100
    } else if group == Some(folder.gid()) {
        0o010
    } else {
        0o001
    };
    folder.mode() & bit != 0
}

/// The third field of the line that begins with the name: passwd(5) and group(5) agree on it.
fn number_of(table: &str, name: &str) -> Option<u32> {
    table.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1)?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_its_number() {
        let table = "root:x:0:0:root:/root:/bin/bash\nwww-data:x:33:33::/:/bin/false\n";
        assert_eq!(number_of(table, "www-data"), Some(33));
        assert_eq!(number_of(table, "www"), None);
        assert_eq!(number_of("broken:x", "broken"), None);
    }
}
