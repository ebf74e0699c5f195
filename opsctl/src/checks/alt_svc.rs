//! `alt-svc`: the header that tells clients of HTTP/3 names the public port, and what it names is there.

use http::header::ALT_SVC;
use probe::alt_svc::{AltSvc, Entry, parse};
use probe::{Ask, Connect, Version};

use super::aim::Aim;
use super::ask::fetch;
use super::verdict::{Verdict, sentence};

/// What one answer said.
#[derive(Debug)]
pub(crate) struct Said {
    /// The fields of the head, joined as a list; nothing where there are none, or why there is no answer.
    pub(crate) field: Result<Option<String>, String>,
}

/// Whether HTTP/3 answers at a port.
#[derive(Debug)]
pub(crate) enum Tried {
    /// It cannot be asked from here, and why.
    No(&'static str),
    /// The port that was asked, and the answer.
    Yes(u16, Result<(), String>),
}

/// Asks over the versions that learn of HTTP/3 by this header.
pub(crate) async fn gather(aim: &Aim, versions: &[Version]) -> (Vec<(Version, Said)>, Tried) {
    let mut said = Vec::new();
    for version in versions
        .iter()
        .copied()
        .filter(|version| *version != Version::Http3)
    {
        let answer = fetch(&aim.edge, version, Ask::get("/healthz")).await;
        let field = answer
            .map(|answer| {
                let values: Vec<_> = answer
                    .head
                    .headers
                    .get_all(ALT_SVC)
                    .iter()
                    .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
                    .collect();
                (!values.is_empty()).then(|| values.join(", "))
            })
            .map_err(|error| sentence(&error));
        said.push((version, Said { field }));
    }
    let port = said
        .iter()
        .find_map(|(_, said)| named_port(said.field.as_ref().ok()?.as_deref()?));
    let tried = match port {
        _ if aim.mapped => Tried::No("the public port is mapped"),
        None => Tried::No("no port is named"),
        Some(port) if port == aim.edge.port && !versions.contains(&Version::Http3) => {
            Tried::No("HTTP/3 does not answer there, see `http3`")
        }
        Some(port) => Tried::Yes(port, try_port(aim, port).await),
    };
    (said, tried)
}

async fn try_port(aim: &Aim, port: u16) -> Result<(), String> {
    let mut target = aim.edge.clone();
    if let Connect::Address(address) = &mut target.connect {
        address.set_port(port);
    }
    // the authority stays: an alternative service speaks for the same origin (RFC 7838, section 2)
    if target.connect == Connect::Resolve && port != target.port {
        target.port = port;
    }
    let answer = fetch(&target, Version::Http3, Ask::get("/healthz")).await;
    answer.map(|_| ()).map_err(|error| sentence(&error))
}

/// The first entry that offers `h3` for the same host.
fn offer(field: &str) -> Option<Entry> {
    let AltSvc::Entries(entries) = parse(field).ok()? else {
        return None;
    };
    entries
        .into_iter()
        .find(|entry| entry.protocol == "h3" && entry.host.is_none())
}

/// The port where a field offers HTTP/3 for the same host.
pub(super) fn named_port(field: &str) -> Option<u16> {
    offer(field).map(|entry| entry.port)
}

/// Passes when every answer offers `h3` at the public port, and that port answers over HTTP/3 where it can be asked.
pub(crate) fn judge(said: &[(Version, Said)], tried: &Tried, public_port: u16) -> Verdict {
    let parts: Vec<_> = said
        .iter()
        .map(|(version, said)| (*version, judge_one(said, public_port)))
        .collect();
    if parts.is_empty() {
        return Verdict::skip("neither HTTP/1.1 nor HTTP/2 gets through");
    }
    let mut verdict = Verdict::over_versions(&parts);
    verdict.detail = verdict.detail.replace("; not asked over HTTP/3", "");
    match tried {
        Tried::Yes(port, Err(error)) => {
            verdict.status = super::Status::Fail;
            verdict.detail = format!(
                "{}; port {port} does not answer over HTTP/3: {error}",
                verdict.detail
            );
        }
        Tried::Yes(port, Ok(())) => {
            verdict.detail = format!("{}; port {port} answers over HTTP/3", verdict.detail);
        }
        Tried::No(reason) => verdict.detail = format!("{}; not tried: {reason}", verdict.detail),
    }
    verdict
}

fn judge_one(said: &Said, public_port: u16) -> Verdict {
    let field = match &said.field {
        Err(error) => return Verdict::fail(error.clone()),
        Ok(None) => return Verdict::fail("no `Alt-Svc`: clients never learn of HTTP/3"),
        Ok(Some(field)) => field,
    };
    match parse(field) {
        Err(error) => Verdict::fail(format!("`Alt-Svc: {field}` cannot be read: {error}")),
        Ok(_) => match offer(field) {
            Some(entry) if entry.port != public_port => Verdict::fail(format!(
                "names port {}, and the public port is {public_port}",
                entry.port
            )),
            // RFC 7838, section 3.1: a client takes it for stale once it is as old as `ma` says
            Some(entry) if entry.max_age.is_zero() => {
                Verdict::fail(format!("`Alt-Svc: {field}` is stale at once"))
            }
            Some(_) => Verdict::pass(format!("`{field}`")),
            None => Verdict::fail(format!("`Alt-Svc: {field}` offers no `h3` for this host")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Status;

    fn verdict(fields: [Option<&str>; 2], tried: &Tried) -> Verdict {
        let said = |field: Option<&str>| Said {
            field: Ok(field.map(str::to_owned)),
        };
        let said = [
            (Version::Http1, said(fields[0])),
            (Version::Http2, said(fields[1])),
        ];
        judge(&said, tried, 8443)
    }

    #[test]
    fn the_public_port_has_to_be_named_on_both_versions() {
        let good = Some("h3=\":8443\"; ma=86400");
        let answered = Tried::Yes(8443, Ok(()));
        assert_eq!(verdict([good, good], &answered).status, Status::Pass);
        for wrong in [
            None,
            Some("h3=\":443\""),
            Some("h2=\":8443\""),
            Some("h3=8443"),
            Some("clear"),
            Some("h3=\":8443\"; ma=0"),
        ] {
            assert_eq!(
                verdict([good, wrong], &answered).status,
                Status::Fail,
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn what_is_named_has_to_answer() {
        let good = Some("h3=\":8443\"");
        let verdict = verdict([good, good], &Tried::Yes(8443, Err("silence".into())));
        assert_eq!(verdict.status, Status::Fail);
        assert!(
            verdict
                .detail
                .ends_with("does not answer over HTTP/3: silence"),
            "{}",
            verdict.detail
        );
    }

    #[test]
    fn what_cannot_be_tried_is_said() {
        let good = Some("h3=\":8443\"");
        let verdict = verdict([good, good], &Tried::No("the public port is mapped"));
        assert_eq!(verdict.status, Status::Pass);
        assert!(
            verdict
                .detail
                .ends_with("not tried: the public port is mapped"),
            "{}",
            verdict.detail
        );
    }
}
