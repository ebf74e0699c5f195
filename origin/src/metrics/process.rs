//! The origin's own process, under the names that Prometheus' client libraries have for it.

use std::fs;

use rustix::process::{Resource, getrlimit};

use super::page::Page;
use crate::app::App;

/// What the system tells of this process: on Linux all of it, elsewhere less.
pub(super) fn write(page: &mut Page, app: &App) {
    let uptime = i64::try_from(app.uptime().as_secs()).unwrap_or_default();
    let started = app.clock.wall().as_second() - uptime;
    page.sample("process_start_time_seconds", &[], started);
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    for (name, field) in [
        ("process_resident_memory_bytes", "VmRSS:"),
        ("process_virtual_memory_bytes", "VmSize:"),
    ] {
        if let Some(kibibytes) = field_of(&status, field) {
            page.sample(name, &[], kibibytes << 10);
        }
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        page.sample("process_open_fds", &[], open.count());
    }
    if let Some(most) = getrlimit(Resource::Nofile).current {
        page.sample("process_max_fds", &[], most);
    }
}

/// Memory of the origin itself in RAM, in bytes; `None` where the system does not tell.
pub fn resident_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    field_of(&status, "VmRSS:").map(|kibibytes| kibibytes << 10)
}

/// A field of proc_pid_status(5) in its unit, kB.
fn field_of(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}
