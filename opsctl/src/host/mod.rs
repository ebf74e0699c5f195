//! The one seam to the machine: clock, randomness, files, ports, processes. Everything else in this package decides.

pub(crate) mod accounts;
pub(crate) mod certbot;
pub(crate) mod content;
pub(crate) mod disk;
pub(crate) mod files;
pub(crate) mod folder;
pub(crate) mod journal;
pub(crate) mod launchctl;
pub(crate) mod machine;
pub(crate) mod ports;
pub(crate) mod process;
pub(crate) mod rehearsal;
pub(crate) mod services;
pub(crate) mod signals;
pub(crate) mod tree;
pub(crate) mod units;

use std::ffi::OsStr;
use std::net::{IpAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The time now.
#[expect(clippy::disallowed_methods, reason = "this is the clock of the seam")]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

/// The time since the UNIX epoch.
pub(crate) fn since_epoch() -> Duration {
    now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}

/// A name that nobody else has: `prefix-` and 16 hex digits.
pub(crate) fn random_name(prefix: &str) -> String {
    // without randomness from the system the clock has to do: the name only has to be new
    let number = getrandom::u64()
        .unwrap_or_else(|_| u64::try_from(since_epoch().as_nanos()).unwrap_or_default());
    format!("{prefix}-{number:016x}")
}

/// The person who started us: the one behind `sudo`, else the login name, else the number.
pub(crate) fn person() -> String {
    let named = |variable| std::env::var(variable).ok().filter(|name| !name.is_empty());
    named("SUDO_USER")
        .or_else(|| named("LOGNAME"))
        .or_else(|| named("USER"))
        .unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()))
}

/// Whether we are root.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The address that others see of this machine, if it has one besides loopback.
pub(crate) fn outside_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // connecting a UDP socket sends nothing; 192.0.2.0/24 belongs to documentation (RFC 5737) and is routed like any other
    socket.connect("192.0.2.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

/// Whether an address is one of this machine for sure: it can be bound, and the kernel does not bind those of others
/// (`ip_nonlocal_bind`).
pub(crate) fn is_own_address(address: IpAddr) -> bool {
    let family = if address.is_ipv4() { "ipv4" } else { "ipv6" };
    let switch = format!("/proc/sys/net/{family}/ip_nonlocal_bind");
    let binds_others = std::fs::read_to_string(switch).is_ok_and(|text| text.trim() != "0");
    !binds_others && UdpSocket::bind((address, 0)).is_ok()
}

/// Finds a program as a shell does: a name with a slash is a path, any other is looked for in the folders of `path`.
pub(crate) fn find_program(name: &str, path: Option<&OsStr>) -> Option<PathBuf> {
    if name.contains('/') {
        return is_program(Path::new(name)).then(|| PathBuf::from(name));
    }
    std::env::split_paths(path?)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|candidate| is_program(candidate))
}

/// Whether this is a file that may be run.
pub(crate) fn is_program(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_as_a_shell_finds_it() {
        let path = std::env::join_paths(["/nowhere", "/usr/bin", "/bin"]).expect("valid");
        assert!(find_program("sh", Some(&path)).is_some_and(|found| found.ends_with("sh")));
        assert_eq!(find_program("no-such-program", Some(&path)), None);
        assert_eq!(find_program("/bin/sh", None), Some("/bin/sh".into()));
        assert_eq!(find_program("sh", None), None);
        assert_eq!(find_program("/etc/passwd", None), None);
    }

    #[test]
    fn two_random_names_differ() {
        assert_ne!(random_name("x"), random_name("x"));
        assert!(random_name("verify").len() < 128);
    }
}
