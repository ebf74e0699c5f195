//! `http1`, `http2`, `http3`: the version is really spoken, and over HTTP/3 every time.

use http::StatusCode;
use probe::{Ask, ProbeError, Timing, Version};

use super::aim::Aim;
use super::ask::{fetch, fetch_once, handshakes};
use super::verdict::{Verdict, sentence};

/// What one version answered.
#[derive(Debug)]
pub(crate) struct Reached {
    /// The status of `/healthz`, or why there is none.
    pub(crate) status: Result<StatusCode, String>,
    /// What became of the fresh connections: how many were tried, and why some failed.
    pub(crate) tried: usize,
    /// The failures.
    pub(crate) failed: Vec<String>,
    /// The slowest handshake that came off, in milliseconds.
    pub(crate) slowest_ms: u128,
}

/// Asks for `/healthz`, and over HTTP/3 makes the fresh connections too: after a reload with stale sockets about half of
/// them fail while a single one may well succeed.
pub(crate) async fn gather(aim: &Aim, version: Version) -> Reached {
    let ask = Ask::get("/healthz");
    let answer = if aim.settling {
        fetch(&aim.edge, version, ask).await
    } else {
        fetch_once(&aim.edge, version, ask).await
    };
    let status = answer
        .map(|answer| answer.head.status)
        .map_err(|error| sentence(&error));
    let count = if version == Version::Http3 && status.is_ok() {
        aim.handshakes
    } else {
        0
    };
    let seen: Vec<Result<Timing, ProbeError>> = handshakes(&aim.edge, version, count).await;
    Reached {
        status,
        tried: seen.len(),
        slowest_ms: seen
            .iter()
            .filter_map(|result| result.as_ref().ok())
            .map(|timing| timing.handshake.as_millis())
            .max()
            .unwrap_or_default(),
        failed: seen
            .iter()
            .filter_map(|result| result.as_ref().err())
            .map(|error| sentence(error))
            .collect(),
    }
}

/// Passes when `/healthz` says 200 and every fresh connection came off. While NGINX settles half of them are enough for a
/// warning: workers of the configuration before hold their clients' streams, and NGINX gives them packets of new
/// connections too (measured on 1.26 and 1.30: about a third are lost until the last of them ends).
pub(crate) fn judge(seen: &Reached, settling: bool) -> Verdict {
    match &seen.status {
        Err(error) => Verdict::fail(error.clone()),
        Ok(status) if *status != StatusCode::OK => {
            Verdict::fail(format!("`/healthz` answered {}", status.as_u16()))
        }
        Ok(_) if settling && !seen.failed.is_empty() && seen.failed.len() * 2 <= seen.tried => {
            Verdict::warn(format!(
                "{} of {} fresh connections failed while workers of the configuration before live on: {}",
                seen.failed.len(),
                seen.tried,
                seen.failed[0]
            ))
        }
        Ok(_) if !seen.failed.is_empty() => Verdict::fail(format!(
            "{} of {} fresh connections failed: {}",
            seen.failed.len(),
            seen.tried,
            seen.failed[0]
        )),
        Ok(_) if seen.tried > 0 => Verdict::pass(format!(
            "`/healthz` answered 200, {} of {} fresh connections, the slowest in {} ms",
            seen.tried, seen.tried, seen.slowest_ms
        )),
        Ok(_) => Verdict::pass("`/healthz` answered 200"),
    }
}

/// Whether the other checks can ask over this version: something answered, whatever it said.
pub(crate) fn is_usable(seen: &Reached) -> bool {
    seen.status.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Status;

    fn reached(status: Result<StatusCode, String>, failed: &[&str]) -> Reached {
        Reached {
            status,
            tried: 20,
            failed: failed.iter().map(ToString::to_string).collect(),
            slowest_ms: 4,
        }
    }

    #[test]
    fn all_connections_have_to_come_off() {
        assert_eq!(
            judge(&reached(Ok(StatusCode::OK), &[]), false).status,
            Status::Pass
        );
        let verdict = judge(&reached(Ok(StatusCode::OK), &["no answer"]), false);
        assert_eq!(verdict.status, Status::Fail);
        assert_eq!(
            verdict.detail,
            "1 of 20 fresh connections failed: no answer"
        );
    }

    #[test]
    fn while_nginx_settles_half_of_them_are_enough_for_a_warning() {
        let status = |failed: &[&str]| judge(&reached(Ok(StatusCode::OK), failed), true).status;
        assert_eq!(status(&[]), Status::Pass);
        assert_eq!(status(&["no answer"; 10]), Status::Warn);
        assert_eq!(status(&["no answer"; 11]), Status::Fail);
    }

    #[test]
    fn an_answer_that_is_not_200_fails_and_is_still_an_answer() {
        let seen = reached(Ok(StatusCode::BAD_GATEWAY), &[]);
        assert_eq!(judge(&seen, false).status, Status::Fail);
        assert!(is_usable(&seen));
        assert!(!is_usable(&reached(Err("refused".into()), &[])));
    }
}
