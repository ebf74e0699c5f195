//! One MCP server on a connection that somebody accepted for it, as a systemd unit with `Accept=yes` does: it ends with its client.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, Signal, kill_process_group};

/// Why a server was not attended to its end.
#[derive(Debug, thiserror::Error)]
pub enum AttendError {
    /// There is no such program, or it may not be run.
    #[error("`{0}` cannot be started")]
    NotStarted(String, #[source] io::Error),
    /// The system does not tell of it.
    #[error("the server cannot be waited for")]
    NotSeen(#[source] io::Error),
}

/// What happened to a server.
enum News {
    /// Its client has nothing more to say.
    Left,
    /// It ended.
    Ended(io::Result<ExitStatus>),
}

/// Runs a command on this process's own standard input, output and error until it ends. When the other end of standard input
/// closes, the command has two seconds to end by itself, two more after SIGTERM, and is killed then with all that it
/// started. `None`: it ended only after its client had left.
///
/// # Errors
/// It did not start, or its end was not seen.
pub fn attend(command: &[String]) -> Result<Option<ExitStatus>, AttendError> {
    let (program, arguments) = command
        .split_first()
        .map_or(("", command), |(program, rest)| (program.as_str(), rest));
    let mut server = Command::new(program)
        .args(arguments)
        .stdin(Stdio::inherit())
        .stdout(Stdio::inherit())
        .process_group(0)
        .spawn()
        .map_err(|error| AttendError::NotStarted(program.to_owned(), error))?;
    let group = i32::try_from(server.id()).ok().and_then(Pid::from_raw);
    let signal = |signal| {
        if let Some(group) = group {
            // The one error that can come is that nobody is left, which is what was wanted.
            let _ = kill_process_group(group, signal);
        }
    };
    let (tell, news) = mpsc::channel();
    let left = tell.clone();
    thread::spawn(move || {
        wait_for_the_end_of_input();
        let _ = left.send(News::Left);
    });
    thread::spawn(move || tell.send(News::Ended(server.wait())));
    let ended = match news.recv() {
        Ok(News::Ended(status)) => Some(status.map_err(AttendError::NotSeen)?),
        Ok(News::Left) | Err(mpsc::RecvError) => {
            if !ends_within(&news, PATIENCE) {
                signal(Signal::TERM);
                ends_within(&news, PATIENCE);
            }
            None
        }
    };
    // What the server left behind, or the server itself.
    signal(Signal::KILL);
    Ok(ended)
}

fn ends_within(news: &mpsc::Receiver<News>, patience: Duration) -> bool {
    !matches!(news.recv_timeout(patience), Err(RecvTimeoutError::Timeout))
}

/// Returns when nothing more will come. The bytes are the server's: none is taken. Nor is the socket made non-blocking for it,
/// since the server has the same one.
fn wait_for_the_end_of_input() {
    let input = io::stdin();
    loop {
        let mut ends = [PollFd::new(&input, ENDS)];
        match poll(&mut ends, None) {
            Ok(_) | Err(rustix::io::Errno::INVAL) => return,
            Err(_) => {}
        }
    }
}

/// The other side has closed its end (poll(2)). A Mac says that with the flag for both ends.
#[cfg(target_os = "linux")]
const ENDS: PollFlags = PollFlags::RDHUP;
#[cfg(not(target_os = "linux"))]
const ENDS: PollFlags = PollFlags::HUP;

/// As a server of the origin's own has it after each step of its end.
const PATIENCE: Duration = Duration::from_secs(2);
