//! A private link between the host and one machine.

use std::net::Ipv4Addr;
use std::process::Command;

/// Both ends of the link: four addresses of 198.18.0.0/15, which RFC 2544 keeps for tests of networks, so that no real
/// network is hidden by them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Network {
    /// The host's end.
    pub(crate) host: Ipv4Addr,
    /// The machine's end.
    pub(crate) machine: Ipv4Addr,
}

impl Network {
    /// The first link from the `number`th on that nobody on this host uses.
    pub(crate) fn free(number: u32) -> Self {
        (0..LINKS)
            .map(|step| Self::numbered(number.wrapping_add(step) % LINKS))
            .find(|link| link.is_free())
            .expect("one link of 198.18.0.0/15 is free")
    }

    fn numbered(number: u32) -> Self {
        let base = u32::from(Ipv4Addr::new(198, 18, 0, 0)) + number * 4;
        Self {
            host: Ipv4Addr::from(base + 1),
            machine: Ipv4Addr::from(base + 2),
        }
    }

    fn is_free(self) -> bool {
        let mut command = Command::new("ip");
        command.args(["-4", "-o", "address", "show", "to"]);
        let output = command.arg(format!("{}/30", self.host)).output();
        output.expect("ip starts").stdout.is_empty()
    }

    /// The shell commands that give the host's end its address.
    pub(crate) fn outside(self, interface: &str) -> String {
        format!(
            "ip address replace {}/30 dev {interface} && ip link set {interface} up",
            self.host
        )
    }

    /// The shell commands that do the same on the machine, with a way to everywhere.
    pub(crate) fn inside(self) -> String {
        format!(
            "ip address replace {}/30 dev host0 && ip link set host0 up && ip route replace default via {}",
            self.machine, self.host
        )
    }
}

/// The links of four addresses in a /15.
const LINKS: u32 = 1 << 15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_do_not_overlap() {
        let (first, second) = (Network::numbered(0), Network::numbered(1));
        assert_eq!(first.machine, Ipv4Addr::new(198, 18, 0, 2));
        assert_eq!(second.host, Ipv4Addr::new(198, 18, 0, 5));
        let last = Network::numbered(LINKS - 1);
        assert_eq!(last.machine, Ipv4Addr::new(198, 19, 255, 254));
    }
}
