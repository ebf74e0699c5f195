//! Resource limits of a server's process.

use std::io;

use origin_config::Limits;
use rustix::process::Pid;

/// Sets the limits of a process that has just been started. What it has used by then counts, and what it has started by then
/// has the origin's own limits: a process cannot be given them before without code that runs between fork and exec.
///
/// # Errors
/// Above what the origin may have itself, or on a system without prlimit(2).
#[cfg(target_os = "linux")]
pub(super) fn set(process: Pid, limits: &Limits) -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, prlimit};

    for (resource, limit) in [
        (Resource::Nofile, limits.open_files),
        (Resource::As, limits.address_space),
        (Resource::Cpu, limits.cpu_time.map(|time| time.as_secs())),
        (Resource::Nproc, limits.processes),
    ] {
        if limit.is_some() {
            let both = Rlimit {
                current: limit,
                maximum: limit,
            };
            prlimit(Some(process), resource, both)?;
        }
    }
    Ok(())
}

/// See above.
#[cfg(not(target_os = "linux"))]
pub(super) fn set(_: Pid, limits: &Limits) -> io::Result<()> {
    if *limits == Limits::default() {
        Ok(())
    } else {
        Err(io::ErrorKind::Unsupported.into())
    }
}
