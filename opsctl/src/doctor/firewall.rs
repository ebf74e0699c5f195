//! `firewall`: whether rules of this machine keep UDP from the port, which is how HTTP/3 fails without a word.

use findings::{Finding, Report};

use super::Check;

/// A program that shows rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    /// `nft list ruleset`
    Nft,
    /// `iptables-save`
    Iptables,
    /// `ufw status verbose`
    Ufw,
}

impl Tool {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Nft, Self::Iptables, Self::Ufw];

    /// The program and its arguments.
    pub(crate) const fn line(self) -> &'static [&'static str] {
        match self {
            Self::Nft => &["nft", "list", "ruleset"],
            Self::Iptables => &["iptables-save"],
            Self::Ufw => &["ufw", "status", "verbose"],
        }
    }

    /// The command that lets UDP in.
    fn opens(self, port: u16) -> String {
        match self {
            Self::Nft => format!(
                "`sudo nft add rule inet filter input udp dport {port} accept` (the names of your table and chain)"
            ),
            Self::Iptables => format!(
                "`sudo iptables -I INPUT -p udp --dport {port} -j ACCEPT`, and the same with ip6tables"
            ),
            Self::Ufw => format!("`sudo ufw allow {port}/udp`"),
        }
    }
}

/// What a tool said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Its rules.
    Rules(String),
    /// It is there and shows us nothing: why.
    Hidden(String),
    /// It is not there.
    Absent,
}

/// What rules do with UDP at one port.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Ruling {
    /// Nothing keeps it out.
    Open,
    /// This line turns it away.
    Dropped(String),
    /// Nothing lets it in, and what is not let in is dropped.
    NotLetIn,
}

/// Judges what the tools said for the UDP ports of the edge.
pub(crate) fn judge(seen: &[(Tool, Seen)], ports: &[u16]) -> Check {
    let mut findings = Report::new();
    let mut looked = Vec::new();
    let mut hidden = Vec::new();
    for (tool, seen) in seen {
        let name = tool.line()[0];
        match seen {
            Seen::Absent => {}
            Seen::Hidden(why) => hidden.push(format!("`{name}` shows nothing: {why}")),
            Seen::Rules(text) => {
                looked.push(format!("`{name}`"));
                for port in ports {
                    findings.append(finding(*tool, rule(*tool, text, *port), *port));
                }
            }
        }
    }
    if looked.is_empty() {
        let why = if hidden.is_empty() {
            "neither nft, iptables nor ufw is here: nothing was seen".to_owned()
        } else {
            format!(
                "could not see: {}; `sudo opsctl doctor` can",
                hidden.join(", ")
            )
        };
        return Check::unseen(ID, why);
    }
    let ports: Vec<_> = ports.iter().map(u16::to_string).collect();
    let found = findings.findings().first();
    let detail = match found {
        Some(finding) => finding.message.clone(),
        None => format!(
            "no rule of {} keeps UDP from port {}; a provider's own firewall is not seen from here",
            looked.join(", "),
            ports.join(", ")
        ),
    };
    Check::seen(ID, detail, findings)
}

fn finding(tool: Tool, ruling: Ruling, port: u16) -> Report {
    let mut report = Report::new();
    let name = tool.line()[0];
    let finding = match ruling {
        Ruling::Open => return report,
        Ruling::Dropped(line) => Finding::error(
            "firewall.udp",
            format!(
                "`{name}` turns UDP at port {port} away: `{}`",
                line.escape_debug()
            ),
        ),
        Ruling::NotLetIn => Finding::warn(
            "firewall.udp",
            format!(
                "`{name}` drops what no rule lets in, and none that names UDP port {port} was seen"
            ),
        ),
    };
    report.push(finding.hint(tool.opens(port)));
    report
}

fn rule(tool: Tool, text: &str, port: u16) -> Ruling {
    match tool {
        Tool::Nft => nft(text, port),
        Tool::Iptables => iptables(text, port),
        Tool::Ufw => ufw(text, port),
    }
}

/// The first rule about UDP at the port decides; else the policy of the chains at the `input` hook.
fn nft(text: &str, port: u16) -> Ruling {
    let lines = || text.lines().map(str::trim);
    let about = |line: &&str| line.contains("udp dport") || line.contains("th dport");
    for line in lines().filter(about).filter(|line| names_port(line, port)) {
        if line.contains(" drop") || line.contains(" reject") {
            return Ruling::Dropped(line.to_owned());
        }
        if ["accept", " jump ", " goto ", "redirect", "dnat"]
            .iter()
            .any(|word| line.contains(word))
        {
            return Ruling::Open;
        }
    }
    if lines().any(|line| line.contains("hook input") && line.contains("policy drop")) {
        return Ruling::NotLetIn;
    }
    Ruling::Open
}

/// As `nft`, in the words of iptables-save(8).
fn iptables(text: &str, port: u16) -> Ruling {
    let rules = text.lines().map(str::trim).filter(|line| {
        line.starts_with("-A ") && line.contains("-p udp") && line.contains("dport")
    });
    for line in rules.filter(|line| names_port(line, port)) {
        if line.contains("-j DROP") || line.contains("-j REJECT") {
            return Ruling::Dropped(line.to_owned());
        }
        if line.contains("-j ACCEPT") {
            return Ruling::Open;
        }
    }
    let drops = |line: &str| line.starts_with(":INPUT DROP");
    if text.lines().any(drops) {
        return Ruling::NotLetIn;
    }
    Ruling::Open
}

/// `443/udp ALLOW IN Anywhere`, or without `/udp` for both.
fn ufw(text: &str, port: u16) -> Ruling {
    if !text.lines().any(|line| line.trim() == "Status: active") {
        return Ruling::Open;
    }
    let wanted = [port.to_string(), format!("{port}/udp")];
    let rules = text.lines().map(str::trim).filter(|line| {
        let first = line.split_whitespace().next().unwrap_or_default();
        wanted.iter().any(|word| word == first)
    });
    for line in rules {
        if line.contains("DENY") || line.contains("REJECT") {
            return Ruling::Dropped(line.to_owned());
        }
        if line.contains("ALLOW") || line.contains("LIMIT") {
            return Ruling::Open;
        }
    }
    if text.contains("allow (incoming)") {
        return Ruling::Open;
    }
    Ruling::NotLetIn
}

/// Whether a rule's words name a port: alone, in a list, or within a range.
fn names_port(line: &str, port: u16) -> bool {
    let (_, rest) = line.split_once("dport").unwrap_or_default();
    // `dports` of iptables' multiport
    let words = rest.trim_start_matches('s').split([',', ' ', '{', '}']);
    words
        .take_while(|word| {
            word.is_empty() || word.starts_with(|c: char| c.is_ascii_digit()) || *word == "https"
        })
        .any(|word| match word.split_once(['-', ':']) {
            Some((low, high)) => {
                let range = low.parse::<u16>().ok().zip(high.parse::<u16>().ok());
                range.is_some_and(|(low, high)| (low..=high).contains(&port))
            }
            None => word.parse() == Ok(port) || (word == "https" && port == 443),
        })
}

const ID: &str = "firewall";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Status;

    fn status(tool: Tool, text: &str) -> Status {
        judge(&[(tool, Seen::Rules(text.to_owned()))], &[443]).status()
    }

    #[test]
    fn a_rule_of_nft_about_the_port_decides_and_else_the_policy() {
        let chain = |policy: &str, rule: &str| {
            format!(
                "table inet filter {{\n\tchain input {{\n\t\ttype filter hook input priority filter; policy {policy};\n\t\t{rule}\n\t}}\n}}\n"
            )
        };
        for (policy, rule, wanted) in [
            ("accept", "", Status::Pass),
            ("accept", "udp dport 443 drop", Status::Fail),
            (
                "accept",
                "udp dport { 53, 443 } counter packets 0 bytes 0 reject",
                Status::Fail,
            ),
            ("drop", "tcp dport 443 accept", Status::Warn),
            ("drop", "udp dport { 80, 443 } accept", Status::Pass),
            (
                "drop",
                "meta l4proto { tcp, udp } th dport 400-500 accept",
                Status::Pass,
            ),
            ("drop", "udp dport 4433 accept", Status::Warn),
            ("drop", "udp dport https accept", Status::Pass),
        ] {
            assert_eq!(
                status(Tool::Nft, &chain(policy, rule)),
                wanted,
                "{policy} {rule}"
            );
        }
    }

    #[test]
    fn iptables_and_ufw_are_read_in_their_words() {
        let iptables =
            |policy: &str, rule: &str| format!("*filter\n:INPUT {policy} [0:0]\n{rule}\nCOMMIT\n");
        for (policy, rule, wanted) in [
            (
                "ACCEPT",
                "-A INPUT -p udp -m udp --dport 443 -j DROP",
                Status::Fail,
            ),
            (
                "DROP",
                "-A INPUT -p udp -m multiport --dports 80,443 -j ACCEPT",
                Status::Pass,
            ),
            (
                "DROP",
                "-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT",
                Status::Warn,
            ),
        ] {
            assert_eq!(
                status(Tool::Iptables, &iptables(policy, rule)),
                wanted,
                "{rule}"
            );
        }
        let ufw = |rule: &str| {
            format!("Status: active\nDefault: deny (incoming), allow (outgoing)\n\n{rule}\n")
        };
        for (rule, wanted) in [
            (
                "443/tcp                    ALLOW IN    Anywhere",
                Status::Warn,
            ),
            (
                "443                        ALLOW IN    Anywhere",
                Status::Pass,
            ),
            (
                "443/udp                    DENY IN     Anywhere",
                Status::Fail,
            ),
        ] {
            assert_eq!(status(Tool::Ufw, &ufw(rule)), wanted, "{rule}");
        }
        assert_eq!(status(Tool::Ufw, "Status: inactive\n"), Status::Pass);
    }

    #[test]
    fn what_was_not_seen_is_said() {
        let hidden = Seen::Hidden("Operation not permitted".to_owned());
        let check = judge(&[(Tool::Nft, hidden), (Tool::Ufw, Seen::Absent)], &[443]);
        assert_eq!(check.status(), Status::Skip);
        assert!(check.detail.contains("could not see"), "{}", check.detail);
        let absent = judge(&[(Tool::Nft, Seen::Absent)], &[443]);
        assert!(absent.detail.contains("nothing was seen"));
    }
}
