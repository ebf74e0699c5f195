//! The operator's own headers for a remote server: from the configuration, from files and from the environment.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use origin_config::Remote;
use tokio::time::Instant;

/// Headers of which some may change while the origin runs.
#[derive(Debug)]
pub(super) struct Secrets {
    fixed: HeaderMap,
    files: Vec<File>,
}

/// A header whose value is in a file.
#[derive(Debug)]
struct File {
    header: HeaderName,
    /// What stands before the file's text.
    prefix: &'static str,
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    value: HeaderValue,
    stamp: Stamp,
    looked: Instant,
}

/// By which a change of a file is seen: when, and how long.
type Stamp = Option<(SystemTime, u64)>;

impl Secrets {
    /// Reads them all.
    ///
    /// # Errors
    /// What cannot be read, as a sentence for the operator without the secret in it.
    pub(super) fn read(
        remote: &Remote,
        environment: &[(OsString, OsString)],
    ) -> Result<Self, String> {
        let mut fixed = HeaderMap::new();
        for (name, text) in &remote.headers {
            fixed.insert(header(name)?, value(text, &format!("`headers.{name}`"))?);
        }
        for (name, variable) in &remote.header_environment {
            let found = environment
                .iter()
                .find(|(name, _)| name == variable.as_str());
            let text = found.and_then(|(_, text)| text.to_str());
            let text = text.ok_or_else(|| format!("the environment has no `{variable}`"))?;
            fixed.insert(header(name)?, value(text, &format!("`{variable}`"))?);
        }
        let token = remote.bearer_token_file.iter();
        let token = token.map(|path| Ok((AUTHORIZATION, "Bearer ", path)));
        let others = remote.header_files.iter();
        let others = others.map(|(name, path)| Ok((header(name)?, "", path)));
        let files = token.chain(others).map(|file: Result<_, String>| {
            let (header, prefix, path) = file?;
            File::open(header, prefix, path)
        });
        Ok(Self {
            fixed,
            files: files.collect::<Result<_, _>>()?,
        })
    }

    /// Puts the headers, as they are now, to a request's.
    pub(super) fn add_to(&self, headers: &mut HeaderMap) {
        headers.extend(self.fixed.clone());
        for file in &self.files {
            headers.insert(file.header.clone(), file.value(LOOK_EVERY).0);
        }
    }

    /// Looks at the files at once. `true` when one has changed.
    pub(super) fn look_again(&self) -> bool {
        // Every one, so that none is left for later.
        let changed = self.files.iter().map(|file| file.value(Duration::ZERO).1);
        changed.fold(false, |one, other| one | other)
    }
}

impl File {
    fn open(header: HeaderName, prefix: &'static str, path: &Path) -> Result<Self, String> {
        let (value, stamp) = load(path, prefix)?;
        Ok(Self {
            header,
            prefix,
            path: path.to_owned(),
            state: Mutex::new(State {
                value,
                stamp,
                looked: Instant::now(),
            }),
        })
    }

    /// The value, and whether it is another one than before. A file that cannot be read any more keeps its value: it may be on
    /// its way from one version to the next.
    fn value(&self, every: Duration) -> (HeaderValue, bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = false;
        if state.looked.elapsed() >= every {
            state.looked = Instant::now();
            if stamp(&self.path) != state.stamp {
                match load(&self.path, self.prefix) {
                    Ok((value, stamp)) => {
                        changed = value != state.value;
                        state.value = value;
                        state.stamp = stamp;
                    }
                    Err(reason) => tracing::warn!(reason, "a secret was not read again"),
                }
            }
        }
        (state.value.clone(), changed)
    }
}

fn load(path: &Path, prefix: &str) -> Result<(HeaderValue, Stamp), String> {
    // Before the text: a change between the two is seen the next time.
    let stamp = stamp(path);
    let name = path.display();
    let text =
        fs::read_to_string(path).map_err(|error| format!("`{name}` cannot be read: {error}"))?;
    let text = text.trim();
    if text.is_empty() {
        return Err(format!("`{name}` is empty"));
    }
    Ok((
        value(&format!("{prefix}{text}"), &format!("`{name}`"))?,
        stamp,
    ))
}

fn stamp(path: &Path) -> Stamp {
    let data = fs::metadata(path).ok()?;
    Some((data.modified().ok()?, data.len()))
}

fn header(name: &str) -> Result<HeaderName, String> {
    name.parse()
        .map_err(|_| format!("`{name}` is no name of a header"))
}

fn value(text: &str, whose: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| format!("{whose} holds what cannot stand in a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// How often a file is looked at: a look costs microseconds, and a token is given out well before the old one ends.
const LOOK_EVERY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(keys: &str) -> Remote {
        let text = format!("[[servers]]\nname = \"a\"\nurl = \"https://a.example\"\n{keys}\n");
        let mut report = findings::Report::new();
        let document = findings::Document::parse(&text, "x", &mut report);
        let (config, report) = origin_config::load(document);
        let mut config = config.unwrap_or_else(|| panic!("{report}"));
        config.servers.remove(0).remote.expect("it has a URL")
    }

    fn sent(secrets: &Secrets, name: &str) -> String {
        let mut headers = HeaderMap::new();
        secrets.add_to(&mut headers);
        headers[name].to_str().expect("text").to_owned()
    }

    fn put(path: &Path, text: &str) {
        let mut file = fs::File::create(path).expect("a file");
        std::io::Write::write_all(&mut file, text.as_bytes()).expect("written");
    }

    #[test]
    fn values_come_from_the_configuration_files_and_the_environment() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        put(&path, "from file\n");
        let remote = remote(&format!(
            "headers = {{ A = \"here\" }}\nheader_files = {{ B = \"{}\" }}\nheader_environment = {{ C = \"VAR\" }}",
            path.display()
        ));
        let environment = [("VAR".into(), "from environment".into())];
        let secrets = Secrets::read(&remote, &environment).expect("all readable");
        let all = ["a", "b", "c"].map(|name| sent(&secrets, name));
        assert_eq!(all, ["here", "from file", "from environment"]);
        assert!(!format!("{secrets:?}").contains("from"), "{secrets:?}");
        assert!(Secrets::read(&remote, &[]).unwrap_err().contains("VAR"));
    }

    #[test]
    fn a_token_that_changes_is_read_again_and_one_that_vanishes_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("token");
        put(&path, "one\n");
        let remote = remote(&format!("bearer_token_file = \"{}\"", path.display()));
        let secrets = Secrets::read(&remote, &[]).expect("readable");
        assert_eq!(sent(&secrets, "authorization"), "Bearer one");
        assert!(!secrets.look_again());
        put(&path, "another");
        assert!(secrets.look_again());
        fs::remove_file(&path).expect("removed");
        assert!(!secrets.look_again());
        assert_eq!(sent(&secrets, "authorization"), "Bearer another");
    }

    #[test]
    fn what_cannot_be_sent_is_said_without_the_secret() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("token");
        let remote = remote(&format!("bearer_token_file = \"{}\"", path.display()));
        for (text, why) in [
            (None, "cannot be read"),
            (Some(" \n"), "empty"),
            (Some("s\u{1}ecret"), "header"),
        ] {
            if let Some(text) = text {
                put(&path, text);
            }
            let reason = Secrets::read(&remote, &[]).expect_err(why);
            assert!(
                reason.contains(why) && !reason.contains("ecret"),
                "{reason}"
            );
        }
    }
}
