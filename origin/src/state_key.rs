//! The key that states of servers are sealed with, and the file that keeps it from one start to the next.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use findings::{Finding, Report};
use mcp::Seal;

type Key = [u8; 32];

/// What is wrong with a file of keys before the start. One that is not there is made then.
pub(crate) fn check(path: &Path) -> Report {
    let mut report = Report::new();
    let name = path.display();
    match read(path) {
        Ok(None) => {}
        Ok(Some(_)) => {
            let mode = fs::metadata(path).map_or(0, |data| data.permissions().mode());
            if mode & 0o077 != 0 {
                let message = format!("`{name}` can be read by others than its owner");
                let finding = Finding::warn("state-key.mode", message).at("state_key_file");
                report.push(finding.hint(format!("chmod 600 {name}")));
            }
        }
        Err(error) => {
            let message = format!("cannot read `{name}`: {error}");
            let finding = Finding::error("state-key.unreadable", message).at("state_key_file");
            let hint = "a line of it is a key of 64 hex digits; without the file the next start makes one, and clients in the \
                        middle of a request of several rounds begin it anew";
            report.push(finding.hint(hint));
        }
    }
    report
}

/// The seal with the keys of a file, which is made where it is missing; without a file one of this start.
///
/// An origin that cannot keep its key serves all the same: what is lost at its end are the states of requests that are under way.
pub(crate) fn open(path: Option<&Path>) -> Seal {
    let kept = path.map(|path| match read(path) {
        Ok(Some(keys)) => Ok(keys),
        Ok(None) => make(path),
        Err(error) => Err(error),
    });
    let keys = match kept {
        None => vec![random()],
        Some(Ok(keys)) => keys,
        Some(Err(error)) => {
            let file = path.map(|path| path.display().to_string());
            tracing::error!(file, %error, "the key of request states is of this start only");
            vec![random()]
        }
    };
    let mut keys = keys.into_iter();
    let seal = Seal::new(keys.next().unwrap_or_else(random));
    keys.fold(seal, Seal::opening)
}

/// The keys of a file, at least one; `None` when there is no file.
fn read(path: &Path) -> io::Result<Option<Vec<Key>>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let wrong = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    let lines = text.lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.trim().is_empty());
    let keys = lines.map(|(number, line)| {
        key(line.trim()).ok_or_else(|| wrong(format!("line {} is not a key", number + 1)))
    });
    let keys = keys.collect::<io::Result<Vec<Key>>>()?;
    if keys.is_empty() {
        return Err(wrong("there is no key in it".to_owned()));
    }
    Ok(Some(keys))
}

fn key(line: &str) -> Option<Key> {
    let mut key = [0; 32];
    if line.len() != 2 * key.len() || !line.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, digits) in key.iter_mut().zip(line.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(key)
}

/// Makes the file with a first key: whole, or not at all. Of two that do so at once the first one's key counts.
fn make(path: &Path) -> io::Result<Vec<Key>> {
    let key = random();
    let beside = beside(path);
    let made = write(&beside, &key).and_then(|()| fs::hard_link(&beside, path));
    let _ = fs::remove_file(&beside);
    match made {
        Ok(()) => {
            if let Some(folder) = path.parent() {
                File::open(folder)?.sync_all()?;
            }
            Ok(vec![key])
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            read(path)?.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
        }
        Err(error) => Err(error),
    }
}

fn write(path: &Path, key: &Key) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    for byte in key {
        write!(file, "{byte:02x}")?;
    }
    writeln!(file)?;
    file.sync_all()
}

/// A name in the same folder that nobody else writes to.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{:016x}", u64::from_be_bytes(part(&random()))));
    name.into()
}

fn part(key: &Key) -> [u8; 8] {
    let mut part = [0; 8];
    part.copy_from_slice(&key[..8]);
    part
}

fn random() -> Key {
    let mut key = [0; 32];
    getrandom::fill(&mut key).expect("a system that runs this has randomness");
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(path: &Path, text: &str) {
        let mut file = File::create(path).expect("a file");
        file.write_all(text.as_bytes()).expect("written");
    }

    #[test]
    fn a_key_is_made_once_for_its_owner_alone_and_read_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state.key");
        let made = make(&path).expect("made");
        assert_eq!(read(&path).expect("read"), Some(made.clone()));
        assert_eq!(make(&path).expect("the first one's"), made);
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
        assert!(!check(&path).has_errors());
    }

    #[test]
    fn the_first_line_seals_and_what_is_no_key_is_named_by_its_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state.key");
        let (new, old) = ("01".repeat(32), "02".repeat(32));
        put(&path, &format!("{new}\n\n{old}\n"));
        assert_eq!(read(&path).expect("read"), Some(vec![[1; 32], [2; 32]]));
        for (text, why) in [("", "no key"), ("\n0x", "line 2"), (&new[1..], "line 1")] {
            put(&path, text);
            let report = check(&path).to_string();
            assert!(report.contains(why), "{why}: {report}");
        }
    }

    #[test]
    fn an_origin_that_cannot_keep_its_key_has_one_all_the_same() {
        let nowhere = Path::new("/nonexistent/state.key");
        assert!(!check(nowhere).has_errors());
        let _seal = open(Some(nowhere));
    }
}
