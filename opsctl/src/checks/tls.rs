//! `tls.chain` and `tls.expiry`: the certificate is trusted for its name, and will be for a while.

use std::error::Error as _;
use std::time::Duration;

use probe::{Ask, CertificateDer, ProbeError, Version, certificate};

use super::aim::Aim;
use super::ask::fetch;
use super::verdict::{Verdict, sentence};

/// What one version showed.
#[derive(Debug)]
pub(crate) enum Shown {
    /// The chain was believed.
    Trusted(Vec<CertificateDer<'static>>),
    /// The chain was seen and not believed, and why.
    Untrusted(Vec<CertificateDer<'static>>, String),
    /// No chain was seen, and why.
    Nothing(String),
}

impl Shown {
    fn leaf(&self) -> Option<&CertificateDer<'static>> {
        match self {
            Self::Trusted(chain) | Self::Untrusted(chain, _) => chain.first(),
            Self::Nothing(_) => None,
        }
    }
}

/// Asks over one version with the trust of the aim.
pub(crate) async fn gather(aim: &Aim, version: Version) -> Shown {
    match fetch(&aim.edge, version, Ask::get("/healthz")).await {
        Ok(answer) => Shown::Trusted(answer.tls.map(|tls| tls.chain).unwrap_or_default()),
        Err(ProbeError::Certificate { chain, source, .. }) => {
            Shown::Untrusted(chain, sentence(&source))
        }
        Err(error) => Shown::Nothing(match error.source() {
            Some(_) => sentence(&error),
            None => error.to_string(),
        }),
    }
}

/// Passes when every version that showed a chain showed one that is believed; a version that showed none is another check's.
pub(crate) fn judge_chain(shown: &[(Version, Shown)], name: &str) -> Verdict {
    let parts: Vec<_> = shown
        .iter()
        .filter_map(|(version, shown)| match shown {
            Shown::Trusted(_) => Some((*version, Verdict::pass(format!("trusted for `{name}`")))),
            Shown::Untrusted(_, why) => Some((
                *version,
                Verdict::fail(format!("not trusted for `{name}`: {why}")),
            )),
            Shown::Nothing(_) => None,
        })
        .collect();
    if parts.is_empty() {
        let why = shown.iter().find_map(|(_, shown)| match shown {
            Shown::Nothing(why) => Some(why.clone()),
            _ => None,
        });
        return Verdict::fail(why.unwrap_or_else(|| "no certificate was seen".to_owned()));
    }
    Verdict::over_versions(&parts)
}

/// Fails from the end of the validity on, warns in the three weeks before. `now` counts from the UNIX epoch.
pub(crate) fn judge_expiry(shown: &[(Version, Shown)], now: Duration) -> Verdict {
    let Some(leaf) = shown.iter().find_map(|(_, shown)| shown.leaf()) else {
        return Verdict::skip("no certificate was seen");
    };
    match certificate::facts(leaf) {
        Err(error) => Verdict::fail(sentence(&error)),
        Ok(facts) => judge_validity(facts.not_before, facts.not_after, now),
    }
}

fn judge_validity(not_before: i64, not_after: i64, now: Duration) -> Verdict {
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let days = (not_after - now).div_euclid(86_400);
    if now < not_before {
        Verdict::fail("the certificate is not valid yet")
    } else if now > not_after {
        Verdict::fail(format!("the certificate expired {} days ago", -days))
    } else if days < FEW_DAYS {
        Verdict::warn(format!("the certificate expires in {days} days"))
    } else {
        Verdict::pass(format!("valid for {days} more days"))
    }
}

/// Three weeks: certbot renews a 90-day certificate 30 days before its end, so that one with fewer than 21 has missed
/// more than a week of daily tries.
const FEW_DAYS: i64 = 21;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Status;

    const DAY: u64 = 86_400;

    fn status(now_days: u64) -> Status {
        judge_validity(
            100 * 86_400,
            190 * 86_400,
            Duration::from_secs(now_days * DAY + 1),
        )
        .status
    }

    #[test]
    fn the_end_comes_with_a_warning_of_three_weeks() {
        assert_eq!(status(100), Status::Pass);
        assert_eq!(status(168), Status::Pass);
        assert_eq!(status(169), Status::Warn);
        assert_eq!(status(190), Status::Fail);
        assert_eq!(status(99), Status::Fail);
    }

    #[test]
    fn one_untrusted_version_fails_the_chain() {
        let shown = [
            (Version::Http1, Shown::Trusted(Vec::new())),
            (
                Version::Http3,
                Shown::Untrusted(Vec::new(), "unknown issuer".into()),
            ),
        ];
        let verdict = judge_chain(&shown, "a.example");
        assert_eq!(verdict.status, Status::Fail);
        assert!(
            verdict
                .detail
                .contains("HTTP/3: not trusted for `a.example`: unknown issuer"),
            "{}",
            verdict.detail
        );
    }

    #[test]
    fn a_version_without_an_answer_is_not_a_fault_of_the_chain() {
        let nothing = || Shown::Nothing("refused".into());
        let shown = [
            (Version::Http1, Shown::Trusted(Vec::new())),
            (Version::Http3, nothing()),
        ];
        assert_eq!(judge_chain(&shown, "a.example").status, Status::Pass);
        assert_eq!(
            judge_chain(&[(Version::Http3, nothing())], "a.example").status,
            Status::Fail
        );
        assert_eq!(
            judge_expiry(&[(Version::Http3, nothing())], Duration::ZERO).status,
            Status::Skip
        );
    }
}
