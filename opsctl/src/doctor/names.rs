//! `names`: what DNS says of the server names.

use std::net::IpAddr;

use findings::{Finding, Report};

use super::Check;

/// A server name, its addresses, and which of them are this machine's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resolved {
    /// The name.
    pub(crate) name: String,
    /// Its addresses, or why there are none.
    pub(crate) addresses: Result<Vec<IpAddr>, String>,
    /// Those that this machine has itself.
    pub(crate) own: Vec<IpAddr>,
}

/// A name that leads nowhere is a warning, and so is one that leads elsewhere only: from outside it may be different, or a load
/// balancer stands there.
pub(crate) fn judge(names: &[Resolved]) -> Check {
    if names.is_empty() {
        return Check::unseen(ID, "every server name is a wildcard: none can be looked up");
    }
    let mut findings = Report::new();
    let mut seen = Vec::new();
    for resolved in names {
        let name = &resolved.name;
        let finding = match &resolved.addresses {
            Err(why) => Finding::warn(
                "names.unresolved",
                format!("`{name}` leads nowhere from here: {}", why.escape_debug()),
            )
            .hint(format!("give it A and AAAA records that lead to this machine; `getent ahosts {name}` asks again")),
            Ok(addresses) => {
                let list: Vec<_> = addresses.iter().map(IpAddr::to_string).collect();
                let list = list.join(", ");
                if !resolved.own.is_empty() {
                    seen.push(format!("`{name}` is {list}"));
                    continue;
                }
                Finding::warn(
                    "names.elsewhere",
                    format!("`{name}` is {list}, which this machine does not have itself"),
                )
                .hint("right behind a load balancer or NAT that passes TCP and UDP on; else change the records: `ip address` lists this machine's own")
            }
        };
        findings.push(finding);
    }
    let told = findings
        .findings()
        .iter()
        .map(|finding| finding.message.clone());
    let detail = told.chain(seen).collect::<Vec<_>>().join("; ");
    Check::seen(ID, detail, findings)
}

const ID: &str = "names";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Status;

    fn resolved(addresses: Result<&[&str], &str>, own: &[&str]) -> Resolved {
        let parse = |list: &[&str]| -> Vec<IpAddr> {
            list.iter()
                .map(|text| text.parse().expect("an address"))
                .collect()
        };
        Resolved {
            name: "a.example".to_owned(),
            addresses: addresses.map(parse).map_err(str::to_owned),
            own: parse(own),
        }
    }

    #[test]
    fn a_name_is_to_lead_here() {
        let here = resolved(Ok(&["192.0.2.1", "2001:db8::1"]), &["192.0.2.1"]);
        assert_eq!(judge(std::slice::from_ref(&here)).status(), Status::Pass);
        let elsewhere = resolved(Ok(&["192.0.2.9"]), &[]);
        let nowhere = resolved(Err("no such name"), &[]);
        let check = judge(&[here, elsewhere, nowhere]);
        let ids: Vec<_> = check
            .findings
            .findings()
            .iter()
            .map(|finding| finding.id.as_str())
            .collect();
        assert_eq!(ids, ["names.elsewhere", "names.unresolved"]);
        assert_eq!(check.status(), Status::Warn);
        assert_eq!(judge(&[]).status(), Status::Skip);
    }
}
