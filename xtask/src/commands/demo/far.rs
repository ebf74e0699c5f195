//! The demo's server that is reached by URL: FastMCP, in a process that is none of the origin's.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::failure::Failure;
use crate::files;

/// Where the program stands in the repository.
const PROGRAM: &str = "xtask/python/words.py";

/// Starts it and returns its URL. It ends with this process, whatever that becomes; what it says stands in `log`.
pub(super) fn start(root: &Path, python: &Path, log: &Path) -> Result<String, Failure> {
    if let Some(folder) = log.parent() {
        files::create_folder(folder)?;
    }
    let talk = File::create(log).map_err(|error| Failure::at("open", log, error))?;
    let not_there = || {
        Failure::new("the server that is reached by URL does not start")
            .or_try(format!("read {}", log.display()))
    };
    let mut child = Command::new(python)
        .arg(root.join(PROGRAM))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(talk)
        .spawn()
        .map_err(|error| not_there().because(error))?;
    let mut url = String::new();
    let stdout = child.stdout.take().ok_or_else(not_there)?;
    BufReader::new(stdout)
        .read_line(&mut url)
        .map_err(|error| not_there().because(error))?;
    match url.trim() {
        "" => Err(not_there()),
        url => Ok(url.to_owned()),
    }
}
