//! Where what was said is kept: the journal, and log files with those that were turned away from them.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, SystemTime};

use super::services::run;
use crate::error::HostError;

/// The messages of units in the journal that hold a word, from a moment on; each with its unit. The word has no character
/// but those of a request id.
pub(crate) async fn messages(
    units: &[String],
    word: &str,
    since: i64,
) -> Result<Vec<(String, String)>, HostError> {
    let since = format!("--since=@{since}");
    // the journal's pattern is a regular expression, and a full stop is the one sign of an id that means something there
    let pattern = format!("--grep={}", word.replace('.', r"\."));
    let mut words = vec!["--quiet", "--no-pager", "--output=json", FIELDS, CASE];
    words.extend([since.as_str(), pattern.as_str()]);
    let units: Vec<_> = units.iter().map(|unit| format!("--unit={unit}")).collect();
    words.extend(units.iter().map(String::as_str));
    let words: Vec<_> = words.into_iter().map(str::to_owned).collect();
    let said = match run(Path::new("journalctl"), &words, PATIENCE).await {
        // with a pattern that nothing matches it ends with 1 and says nothing, as grep does
        Err(error) if error.source.to_string() == NO_MATCH => String::new(),
        said => said?,
    };
    Ok(said.lines().filter_map(message_of).collect())
}

fn message_of(line: &str) -> Option<(String, String)> {
    let entry: serde_json::Value = serde_json::from_str(line).ok()?;
    let text = |key: &str| entry[key].as_str().map(str::to_owned);
    // bytes that are no UTF-8 come as an array of numbers: not a line of ours
    Some((text("_SYSTEMD_UNIT")?, text("MESSAGE")?))
}

/// Hands standard output over to a program that shows logs until that ends.
pub(crate) fn show(program: &str, words: &[String]) -> Result<ExitStatus, HostError> {
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::null());
    command.status().map_err(HostError::on("run", program))
}

/// The lines of a log file that hold a word, and those of the files that logrotate(8) turned away from it (`.1`, `.2.gz`)
/// and that were still written after `since`, in seconds of the UNIX epoch. The oldest line comes first.
pub(crate) fn lines_of_log(path: &Path, word: &str, since: i64) -> Result<Vec<String>, HostError> {
    let since = Duration::from_secs(u64::try_from(since).unwrap_or_default());
    let mut files: Vec<_> = turned(path)
        .into_iter()
        .filter(|(written, _)| *written >= SystemTime::UNIX_EPOCH + since)
        .collect();
    files.sort();
    let mut lines = Vec::new();
    for (_, file) in files {
        let found = lines_with(&file, word).map_err(HostError::on("read", file.display()))?;
        lines.extend(found);
    }
    Ok(lines)
}

/// The file and those that were turned away from it, with when each was last written.
fn turned(path: &Path) -> Vec<(SystemTime, PathBuf)> {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    let folder = path
        .parent()
        .into_iter()
        .filter_map(|above| above.read_dir().ok());
    folder
        .flatten()
        .flatten()
        .filter(|entry| {
            let found = entry.file_name();
            let rest = found.as_encoded_bytes().strip_prefix(name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"."))
        })
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect()
}

fn lines_with(path: &Path, word: &str) -> io::Result<Vec<String>> {
    if path.extension() != Some(OsStr::new("gz")) {
        return search(File::open(path)?, word);
    }
    let mut gzip = Command::new("gzip");
    gzip.arg("-dc")
        .arg(path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut child = gzip.stderr(Stdio::null()).spawn()?;
    let found = child.stdout.take().map(|pipe| search(pipe, word));
    child.wait()?;
    found.unwrap_or_else(|| Ok(Vec::new()))
}

/// Line by line: a log may be larger than memory.
fn search(from: impl Read, word: &str) -> io::Result<Vec<String>> {
    let mut lines = BufReader::new(from);
    let mut line = Vec::new();
    let mut found = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        if line.windows(word.len()).any(|part| part == word.as_bytes()) {
            found.push(String::from_utf8_lossy(&line).trim_end().to_owned());
        }
        line.clear();
    }
    Ok(found)
}

const NO_MATCH: &str = "it ended with exit status: 1:\n";
/// A large journal on a slow disk; less than people wait without a word.
const PATIENCE: Duration = Duration::from_mins(2);
const FIELDS: &str = "--output-fields=MESSAGE,_SYSTEMD_UNIT";
/// Else a pattern in small letters finds large ones too.
const CASE: &str = "--case-sensitive=yes";

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_line_is_found_in_the_files_that_were_turned_away() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("x.access.log");
        for (name, text) in [
            ("x.access.log", "now id-1\nother\n"),
            ("x.access.log.1", "before id-1\n"),
            ("x.access.logs", "foreign id-1\n"),
            ("x.access.log.2", "long ago id-1\n"),
        ] {
            let mut file = File::create(folder.path().join(name)).expect("our own");
            file.write_all(text.as_bytes()).expect("our own");
        }
        let mut gzip = Command::new("gzip");
        let packed = gzip.arg(folder.path().join("x.access.log.2")).status();
        assert!(packed.expect("gzip starts").success());
        let mut found = lines_of_log(&log, "id-1", 0).expect("readable");
        found.sort();
        assert_eq!(found, ["before id-1", "long ago id-1", "now id-1"]);
        let later = i64::from(u32::MAX);
        assert_eq!(
            lines_of_log(&log, "id-1", later).expect("readable"),
            [""; 0]
        );
    }

    #[test]
    fn a_message_of_the_journal_has_its_unit() {
        let line = r#"{"_SYSTEMD_UNIT":"a-origin.service","MESSAGE":"{}","__CURSOR":"x"}"#;
        let found = message_of(line).expect("a message");
        assert_eq!(found, ("a-origin.service".into(), "{}".into()));
        assert_eq!(message_of(r#"{"_SYSTEMD_UNIT":"a","MESSAGE":[1,2]}"#), None);
    }
}
