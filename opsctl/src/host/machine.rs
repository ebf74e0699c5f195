//! What this machine says of itself: limits of the kernel, rules of firewalls, names.

use std::net::{IpAddr, UdpSocket};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::doctor::firewall::{Seen, Tool};
use crate::doctor::names::Resolved;
use crate::doctor::udp::Limits;

/// The limits for the buffers of sockets (socket(7), /proc interfaces).
pub(crate) fn buffers() -> Limits {
    let number = |name: &str| {
        let text = std::fs::read_to_string(format!("/proc/sys/net/core/{name}")).ok()?;
        text.trim().parse().ok()
    };
    Limits {
        receive: number("rmem_max"),
        send: number("wmem_max"),
    }
}

/// What every tool that shows firewall rules says.
pub(crate) async fn firewalls() -> Vec<(Tool, Seen)> {
    let mut all = Vec::new();
    for tool in Tool::ALL {
        all.push((tool, ask(tool.line()).await));
    }
    all
}

async fn ask(line: &[&str]) -> Seen {
    let Some((name, arguments)) = line.split_first() else {
        return Seen::Absent;
    };
    // root's folders are not on everybody's PATH, and what is there says at least that it is hidden
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(SYSTEM.map(Into::into));
    let Some(program) = folders
        .map(|folder| folder.join(name))
        .find(|program| super::is_program(program))
    else {
        return Seen::Absent;
    };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    match tokio::time::timeout(PATIENCE, command.output()).await {
        Ok(Ok(output)) if output.status.success() => {
            Seen::Rules(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        Ok(Ok(output)) => {
            let said = String::from_utf8_lossy(&output.stderr);
            let line = said.lines().find(|line| !line.trim().is_empty());
            Seen::Hidden(line.unwrap_or("it ended with a fault").trim().to_owned())
        }
        Ok(Err(error)) => Seen::Hidden(error.to_string()),
        Err(_) => Seen::Hidden("it does not answer".to_owned()),
    }
}

/// Looks a name up, as every program of this machine does.
pub(crate) async fn resolve(name: &str) -> Resolved {
    let found = tokio::time::timeout(PATIENCE, tokio::net::lookup_host((name, 443))).await;
    let addresses = match found {
        Ok(Ok(found)) => {
            let mut addresses: Vec<_> = found.map(|address| address.ip()).collect();
            addresses.sort_unstable();
            addresses.dedup();
            Ok(addresses)
        }
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no name server answers".to_owned()),
    };
    let own = addresses.iter().flatten().copied().filter(is_own).collect();
    Resolved {
        name: name.to_owned(),
        addresses,
        own,
    }
}

/// A socket can be bound to an address of the machine alone.
fn is_own(address: &IpAddr) -> bool {
    UdpSocket::bind((*address, 0)).is_ok()
}

/// A folder below the system's temporary one, for files that are gone when it is dropped; short, since sockets are in it.
pub(crate) fn scratch() -> Result<tempfile::TempDir, crate::error::HostError> {
    let above = std::env::temp_dir();
    tempfile::Builder::new()
        .prefix("opsctl-")
        .tempdir_in(&above)
        .map_err(crate::error::HostError::on(
            "make a folder in",
            Path::new(&above).display(),
        ))
}

const SYSTEM: [&str; 2] = ["/usr/sbin", "/sbin"];
const PATIENCE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn loopback_is_this_machine_and_a_documentation_address_is_not() {
        let local = resolve("127.0.0.1").await;
        assert_eq!(local.own, [IpAddr::from([127, 0, 0, 1])]);
        assert!(resolve("203.0.113.7").await.own.is_empty());
    }

    #[tokio::test]
    async fn a_tool_that_fails_hides_and_one_that_is_not_there_is_absent() {
        assert_eq!(ask(&["no-such-tool-here"]).await, Seen::Absent);
        let hidden = ask(&["sh", "-c", "echo not for you >&2; exit 1"]).await;
        assert_eq!(hidden, Seen::Hidden("not for you".to_owned()));
        assert_eq!(ask(&["echo", "x"]).await, Seen::Rules("x\n".to_owned()));
    }
}
