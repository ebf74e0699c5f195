//! Running programs: with their output shown, kept, or in a log that is shown when they fail.

use std::env;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;

use crate::failure::Failure;
use crate::{files, talk};

/// How many of a failed program's last lines are shown.
const TAIL: usize = 30;

/// A program on PATH by its name, as an absolute path.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|candidate| is_executable(candidate))
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Runs with the output on our own stdout and stderr.
pub(crate) fn status(command: &mut Command) -> Result<ExitStatus, Failure> {
    command
        .status()
        .map_err(|error| not_started(command, error))
}

/// Runs and gives stdout and stderr together, whatever the status.
pub(crate) fn output(command: &mut Command) -> Result<(ExitStatus, String), Failure> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| not_started(command, error))?;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    Ok((output.status, text))
}

/// Runs and gives stdout; a status other than 0 is a failure with the last lines of stderr.
pub(crate) fn stdout(command: &mut Command) -> Result<String, Failure> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| not_started(command, error))?;
    if !output.status.success() {
        let talk = String::from_utf8_lossy(&output.stderr);
        return Err(failed(command, output.status, &talk));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs with stdout and stderr appended to `log`; a status other than 0 is a failure with the log's tail.
pub(crate) fn logged(command: &mut Command, log: &Path) -> Result<(), Failure> {
    if let Some(folder) = log.parent() {
        files::create_folder(folder)?;
    }
    let open = || File::options().create(true).append(true).open(log);
    let (out, err) = open()
        .and_then(|out| open().map(|err| (out, err)))
        .map_err(|error| Failure::at("open", log, error))?;
    let status = command
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err)
        .status()
        .map_err(|error| not_started(command, error))?;
    if status.success() {
        return Ok(());
    }
    let text = fs::read(log).unwrap_or_default();
    Err(failed(command, status, &String::from_utf8_lossy(&text))
        .or_try(format!("read {}", log.display())))
}

/// Runs with every line of stdout and stderr shown on stderr as it comes, and gives them all.
pub(crate) fn watched(command: &mut Command) -> Result<(ExitStatus, String), Failure> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| not_started(command, error))?;
    let stderr = child.stderr.take();
    let reader = thread::spawn(move || stderr.map(show).unwrap_or_default());
    let mut text = child.stdout.take().map(show).unwrap_or_default();
    text.push_str(&reader.join().unwrap_or_default());
    let status = child
        .wait()
        .map_err(|error| Failure::new("cannot wait for a program").because(error))?;
    Ok((status, text))
}

fn show(pipe: impl Read) -> String {
    let mut text = String::new();
    let mut lines = BufReader::new(pipe);
    let mut line = Vec::new();
    while lines
        .read_until(b'\n', &mut line)
        .is_ok_and(|read| read > 0)
    {
        let shown = String::from_utf8_lossy(&line);
        talk::progress(shown.trim_end_matches('\n'));
        text.push_str(&shown);
        line.clear();
    }
    text
}

fn not_started(command: &Command, error: std::io::Error) -> Failure {
    Failure::new(format!("cannot start `{}`", shown(command))).because(error)
}

fn failed(command: &Command, status: ExitStatus, text: &str) -> Failure {
    let lines: Vec<&str> = text.lines().collect();
    let tail = lines[lines.len().saturating_sub(TAIL)..].join("\n    ");
    Failure::new(format!(
        "`{}` ended with {status}:\n    {tail}",
        shown(command)
    ))
}

fn shown(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy()];
    words.extend(command.get_args().map(|word| word.to_string_lossy()));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_program_is_reported_with_its_last_words() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo the reason >&2; exit 3"]);
        let failure = stdout(&mut command).expect_err("exit 3 is a failure");
        assert!(failure.to_string().contains("the reason"), "{failure}");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let failure = status(&mut Command::new("no-such-program-here")).expect_err("not there");
        assert!(failure.to_string().contains("no-such-program-here"));
    }

    #[test]
    fn what_is_watched_is_kept_from_both_pipes() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; echo two >&2"]);
        let (status, text) = watched(&mut command).expect("sh runs");
        assert!(status.success());
        assert_eq!(text, "one\ntwo\n");
    }
}
