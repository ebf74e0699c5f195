//! `udp.buffers`: one socket takes the datagrams of all HTTP/3 clients.

use findings::Finding;

use super::Check;

/// The kernel's limits for the buffers of a socket, in bytes; nothing where the system has no such limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// `net.core.rmem_max`
    pub(crate) receive: Option<u64>,
    /// `net.core.wmem_max`
    pub(crate) send: Option<u64>,
}

/// Warns where a socket gets less than the origin asks for.
pub(crate) fn judge(limits: Limits) -> Check {
    let (Some(receive), Some(send)) = (limits.receive, limits.send) else {
        return Check::unseen(ID, "this system does not say what a UDP socket may hold");
    };
    let detail = format!("net.core.rmem_max is {receive}, net.core.wmem_max is {send}");
    if receive >= WANTED && send >= WANTED {
        return Check::well(ID, detail);
    }
    let message = format!("{detail}: a burst of HTTP/3 clients loses packets");
    let hint = format!(
        "`sudo sysctl -w net.core.rmem_max={WANTED} net.core.wmem_max={WANTED}`, and the same two lines in /etc/sysctl.d/60-quic.conf for the next boot"
    );
    Check::found(ID, Finding::warn(ID, message).hint(hint))
}

const ID: &str = "udp.buffers";
/// What the origin asks of the system for its UDP sockets (`listen/udp.rs`).
const WANTED: u64 = 2 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Status;

    #[test]
    fn less_than_the_origin_asks_for_is_a_warning_with_the_command() {
        let of = |receive, send| judge(Limits { receive, send });
        assert_eq!(of(Some(4 << 20), Some(2 << 20)).status(), Status::Pass);
        assert_eq!(of(None, Some(1)).status(), Status::Skip);
        // Debian's default
        let check = of(Some(212_992), Some(4 << 20));
        assert_eq!(check.status(), Status::Warn);
        let hint = check.findings.findings()[0].hint.as_deref();
        assert!(hint.is_some_and(|hint| hint.contains("sysctl -w net.core.rmem_max=2097152")));
    }
}
