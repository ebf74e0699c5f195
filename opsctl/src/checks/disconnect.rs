//! `stream.disconnect`: when a client goes away, the origin ends its stream.

use std::time::{Duration, Instant};

use probe::{Ask, Target, Version};
use serde_json::Value;

use super::aim::Aim;
use super::ask::fetch;
use super::stream::{INTERVAL, open_stream};
use super::verdict::{Verdict, sentence};

/// What became of a stream that was given up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gone {
    /// Whether the origin named the stream while it was open.
    pub(crate) was_named: bool,
    /// How long after the reset it named it no more; nothing when it still did at the end.
    pub(crate) after: Option<Duration>,
}

/// Opens a stream under a known id, sees the origin name it, gives it up and waits until the origin names it no more.
pub(crate) async fn gather(
    aim: &Aim,
    admin: &Target,
    version: Version,
    id: &str,
) -> Result<Gone, String> {
    let path = format!(
        "{}/sse?interval_ms={}&count=200",
        aim.mcp_path,
        interval(version).as_millis()
    );
    let mut stream = open_stream(aim, version, &path, Some(id)).await?;
    stream.chunk().await.map_err(|error| sentence(&error))?;
    let was_named = is_named(admin, id).await?;
    stream.reset().await;
    let start = Instant::now();
    loop {
        if !is_named(admin, id).await? {
            let after = Some(start.elapsed());
            return Ok(Gone { was_named, after });
        }
        if start.elapsed() > limit(version) {
            return Ok(Gone {
                was_named,
                after: None,
            });
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn is_named(admin: &Target, id: &str) -> Result<bool, String> {
    let answer = fetch(admin, Version::Http1, Ask::get("/streams"))
        .await
        .map_err(|error| format!("the origin's list of streams: {}", sentence(&error)))?;
    let list: Value = serde_json::from_slice(&answer.body)
        .map_err(|error| format!("the origin's list of streams: {error}"))?;
    let streams = list["streams"]
        .as_array()
        .ok_or("the origin's list of streams has no `streams`")?;
    Ok(streams.iter().any(|stream| stream["request_id"] == id))
}

/// Passes when the origin saw the stream come and go.
pub(crate) fn judge(seen: &Result<Gone, String>, version: Version) -> Verdict {
    match seen {
        Err(error) => Verdict::fail(error.clone()),
        Ok(Gone {
            was_named: false, ..
        }) => Verdict::fail("the origin did not list the open stream under its request id"),
        Ok(Gone { after: None, .. }) => Verdict::fail(format!(
            "the origin still served the stream {:.1} s after the client had given it up",
            limit(version).as_secs_f64()
        )),
        Ok(Gone {
            after: Some(after), ..
        }) => Verdict::pass(format!("gone after {} ms", after.as_millis())),
    }
}

/// Over HTTP/1.1 and HTTP/2 the end of a stream that is silent has to be seen too: a next event would show it to an edge
/// that does not look at its clients.
fn interval(version: Version) -> Duration {
    match version {
        Version::Http1 | Version::Http2 => SILENT,
        Version::Http3 => INTERVAL,
    }
}

/// Over HTTP/3 NGINX notices a stopped stream only when it has the origin's next byte to send.
fn limit(version: Version) -> Duration {
    match version {
        Version::Http1 | Version::Http2 => GRACE,
        Version::Http3 => GRACE + INTERVAL,
    }
}

const GRACE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(25);
/// The longest interval that the smoke stream has.
const SILENT: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Status;

    fn status(was_named: bool, after: Option<u64>) -> Status {
        let after = after.map(Duration::from_millis);
        judge(&Ok(Gone { was_named, after }), Version::Http2).status
    }

    #[test]
    fn a_stream_has_to_come_and_go() {
        assert_eq!(status(true, Some(10)), Status::Pass);
        assert_eq!(status(true, None), Status::Fail);
        assert_eq!(status(false, Some(0)), Status::Fail);
    }
}
