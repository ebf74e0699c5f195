//! `timeouts`: a call that runs out of time is answered.

use std::time::Duration;

use http::StatusCode;
use probe::{Ask, Version};
use serde_json::Value;

use super::aim::Aim;
use super::ask::fetch;
use super::verdict::{Verdict, sentence};

/// The answer to a call that takes longer than its route allows.
#[derive(Debug, Clone)]
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    /// `code` of the envelope.
    pub(crate) code: Option<String>,
    pub(crate) after: Duration,
}

/// Asks for a response head that would come far too late.
pub(crate) async fn gather(aim: &Aim, version: Version) -> Result<Answered, String> {
    let target = aim.edge.clone().with_timeout(LIMIT);
    let path = format!("{}/sse?delay_ms=30000", aim.mcp_path);
    let answer = fetch(&target, version, Ask::get(path))
        .await
        .map_err(|error| sentence(&error))?;
    let envelope: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    Ok(Answered {
        status: answer.head.status,
        code: envelope["code"].as_str().map(str::to_owned),
        after: answer.timing.total,
    })
}

/// Passes for 504 with the code TIMEOUT.
pub(crate) fn judge(seen: &Result<Answered, String>) -> Verdict {
    match seen {
        Err(error) => Verdict::fail(error.clone()),
        Ok(answered) if answered.status != StatusCode::GATEWAY_TIMEOUT => Verdict::fail(format!(
            "answered {} after {:.1} s, not 504",
            answered.status.as_u16(),
            answered.after.as_secs_f64()
        )),
        Ok(answered) if answered.code.as_deref() != Some("TIMEOUT") => Verdict::fail(format!(
            "answered 504 with the code `{}`, not `TIMEOUT`",
            answered.code.as_deref().unwrap_or_default()
        )),
        Ok(answered) => Verdict::pass(format!("504 after {:.1} s", answered.after.as_secs_f64())),
    }
}

/// Half of the delay that is asked for: whoever waits this long waits for the delay, not for a timeout.
const LIMIT: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Status;

    fn status(status: u16, code: Option<&str>) -> Status {
        judge(&Ok(Answered {
            status: StatusCode::from_u16(status).expect("valid"),
            code: code.map(str::to_owned),
            after: Duration::from_secs(2),
        }))
        .status
    }

    #[test]
    fn only_a_timeout_that_says_so_passes() {
        assert_eq!(status(504, Some("TIMEOUT")), Status::Pass);
        assert_eq!(status(504, None), Status::Fail);
        assert_eq!(status(504, Some("INTERNAL_ERROR")), Status::Fail);
        assert_eq!(status(200, None), Status::Fail);
        assert_eq!(judge(&Err("no answer".into())).status, Status::Fail);
    }
}
