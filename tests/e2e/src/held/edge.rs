//! An NGINX that reads its configuration again.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::{DEADLINE, Running};

/// Has NGINX reload, and waits until workers serve that did not before.
///
/// # Panics
/// When there is no NGINX, or none come.
pub async fn reload(running: &Running) {
    let master = master(&running.dir);
    let before = workers(master);
    let id = i32::try_from(master).ok().and_then(Pid::from_raw);
    kill_process(id.expect("a process"), Signal::HUP).expect("NGINX runs");
    let end = Instant::now() + DEADLINE;
    // as many new ones as there were at the start, whatever lives on of the old
    while workers(master).difference(&before).next().is_none() {
        assert!(Instant::now() < end, "no new worker comes");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The id in the file that NGINX writes it to.
fn master(dir: &Path) -> u32 {
    let file = ["run/nginx.pid", "nginx.pid"].map(|name| dir.join(name));
    let file = file.iter().find(|file| file.exists());
    let text = std::fs::read_to_string(file.expect("NGINX runs")).expect("a file");
    text.trim().parse().expect("a number")
}

fn workers(master: u32) -> BTreeSet<u32> {
    let path = format!("/proc/{master}/task/{master}/children");
    let text = std::fs::read_to_string(path).expect("NGINX runs");
    text.split_whitespace()
        .filter_map(|id| id.parse().ok())
        .collect()
}
