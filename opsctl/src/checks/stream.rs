//! `stream.first-event`, `stream.cadence`, `stream.keepalive`: events arrive when they are sent, and silence is kept alive.
//!
//! Every event carries the time at which it was sent. The lag, arrival less sending, has an unknown constant in it where
//! the two clocks differ; its spread has not. An edge that holds events back lets the first ones arrive late and the last
//! ones on time: the spread is what it held them for.

use std::time::{Duration, Instant};

use http::StatusCode;
use probe::sse::{Item, Reader};
use probe::{Ask, MAX_BODY, Stream, Version};
use serde_json::Value;

use super::aim::Aim;
use super::ask::open;
use super::verdict::{Verdict, sentence};

/// A stream of events as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Arrivals {
    /// The status and content type of the head.
    pub(crate) status: StatusCode,
    /// The content type of the head.
    pub(crate) content_type: String,
    /// Of each event: its number, when it was sent (the origin's clock) and when it was here (since the request).
    pub(crate) events: Vec<Arrival>,
}

/// One event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// `seq`.
    pub(crate) number: u64,
    /// `sent_us`: µs since the UNIX epoch by the origin's clock.
    pub(crate) sent_us: i64,
    /// µs from the request to the arrival by our clock.
    pub(crate) arrived_us: i64,
}

/// Reads the smoke stream to its end.
pub(crate) async fn gather(aim: &Aim, version: Version) -> Result<Arrivals, String> {
    let path = format!(
        "{}/sse?interval_ms={}&count={COUNT}",
        aim.mcp_path,
        INTERVAL.as_millis()
    );
    let start = Instant::now();
    let mut stream = open_stream(aim, version, &path, None).await?;
    let mut arrivals = Arrivals {
        status: stream.head().status,
        content_type: stream
            .head()
            .header("content-type")
            .unwrap_or_default()
            .to_owned(),
        events: Vec::new(),
    };
    let mut reader = Reader::new(MAX_BODY);
    while let Some((at, piece)) = stream.chunk().await.map_err(|error| sentence(&error))? {
        for item in reader.feed(&piece).map_err(|error| sentence(&error))? {
            if let Item::Event(event) = item {
                let data: Value = serde_json::from_str(&event.data).unwrap_or_default();
                if let (Some(number), Some(sent_us)) =
                    (data["seq"].as_u64(), data["sent_us"].as_i64())
                {
                    arrivals.events.push(Arrival {
                        number,
                        sent_us,
                        arrived_us: micros(at.saturating_duration_since(start)),
                    });
                }
            }
        }
    }
    Ok(arrivals)
}

/// Opens a smoke stream; with an id where one is given.
pub(super) async fn open_stream(
    aim: &Aim,
    version: Version,
    path: &str,
    id: Option<&str>,
) -> Result<Stream, String> {
    let ask = Ask::get(path).with_header("accept", "text/event-stream");
    let ask = match id {
        Some(id) => ask.and_then(|ask| ask.with_header("x-request-id", id)),
        None => ask,
    };
    let ask = ask.map_err(|error| sentence(&error))?;
    open(&aim.edge, version, ask)
        .await
        .map_err(|error| sentence(&error))
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// Passes when the first event was no later, against the best event of the stream, than the next one was due.
pub(crate) fn judge_first(seen: &Result<Arrivals, String>) -> Verdict {
    let arrivals = match checked(seen) {
        Ok(arrivals) => arrivals,
        Err(verdict) => return verdict,
    };
    let Some(first) = arrivals.events.first() else {
        return Verdict::fail("no event arrived");
    };
    let late = lag(first) - arrivals.events.iter().map(lag).min().unwrap_or_default();
    let after = milliseconds(first.arrived_us);
    if late > micros(INTERVAL) {
        return Verdict::fail(format!(
            "the first event arrived after {after} ms, held back for {} ms",
            milliseconds(late)
        ));
    }
    Verdict::pass(format!("after {after} ms"))
}

/// Passes when all events arrived, in order, and none was held back for longer than the time between two.
pub(crate) fn judge_cadence(seen: &Result<Arrivals, String>) -> Verdict {
    let arrivals = match checked(seen) {
        Ok(arrivals) => arrivals,
        Err(verdict) => return verdict,
    };
    let numbers: Vec<_> = arrivals.events.iter().map(|event| event.number).collect();
    if !numbers.iter().copied().eq(0..COUNT) {
        return Verdict::fail(format!(
            "{} of {COUNT} events arrived{}",
            numbers.len(),
            if numbers.is_sorted() {
                ""
            } else {
                ", out of order"
            }
        ));
    }
    let (least, most) = arrivals
        .events
        .iter()
        .map(lag)
        .fold((i64::MAX, i64::MIN), |(least, most), lag| {
            (least.min(lag), most.max(lag))
        });
    let spread = milliseconds(most.saturating_sub(least));
    if most.saturating_sub(least) > micros(INTERVAL) {
        return Verdict::fail(format!(
            "events are held back: sent every {} ms, they arrived up to {spread} ms late",
            INTERVAL.as_millis()
        ));
    }
    Verdict::pass(format!(
        "{COUNT} events, the latest {spread} ms behind the earliest"
    ))
}

fn checked(seen: &Result<Arrivals, String>) -> Result<&Arrivals, Verdict> {
    let arrivals = seen
        .as_ref()
        .map_err(|error| Verdict::fail(error.clone()))?;
    if arrivals.status != StatusCode::OK {
        let status = arrivals.status.as_u16();
        return Err(Verdict::fail(format!("the smoke stream answered {status}")));
    }
    if !arrivals.content_type.starts_with("text/event-stream") {
        return Err(Verdict::fail(format!(
            "the smoke stream is `{}`, not `text/event-stream`",
            arrivals.content_type
        )));
    }
    Ok(arrivals)
}

fn lag(event: &Arrival) -> i64 {
    event.arrived_us.saturating_sub(event.sent_us)
}

fn milliseconds(micros: i64) -> i64 {
    micros / 1_000
}

/// Waits on an idle stream for its first comment: how long it took, nothing when none came in time.
pub(crate) async fn gather_silence(
    aim: &Aim,
    version: Version,
) -> Result<Option<Duration>, String> {
    let path = format!("{}/sse?interval_ms=60000&count=2", aim.mcp_path);
    let mut stream = open_stream(aim, version, &path, None).await?;
    if stream.head().status != StatusCode::OK {
        return Err(format!(
            "the smoke stream answered {}",
            stream.head().status.as_u16()
        ));
    }
    let mut reader = Reader::new(MAX_BODY);
    let mut silent_since = Instant::now();
    let limit = aim.keep_alive + GRACE;
    stream.set_idle_timeout(limit);
    loop {
        let (at, piece) = match stream.chunk().await {
            Ok(Some(arrived)) => arrived,
            Ok(None) => return Err("the stream ended".to_owned()),
            Err(error) if error.is_timeout() => return Ok(None),
            Err(error) => return Err(sentence(&error)),
        };
        for item in reader.feed(&piece).map_err(|error| sentence(&error))? {
            match item {
                Item::Comment(_) => {
                    return Ok(Some(at.saturating_duration_since(silent_since)));
                }
                Item::Event(_) => silent_since = at,
            }
        }
    }
}

/// Passes when a comment came within the interval and a little.
pub(crate) fn judge_silence(
    seen: &Result<Option<Duration>, String>,
    keep_alive: Duration,
) -> Verdict {
    let seconds = |duration: Duration| format!("{:.1} s", duration.as_secs_f64());
    match seen {
        Err(error) => Verdict::fail(error.clone()),
        Ok(Some(after)) if *after <= keep_alive + GRACE => {
            Verdict::pass(format!("a comment after {}", seconds(*after)))
        }
        Ok(Some(after)) => Verdict::fail(format!(
            "a comment only after {}, and {} is the interval",
            seconds(*after),
            seconds(keep_alive)
        )),
        Ok(None) => Verdict::fail(format!("no comment within {}", seconds(keep_alive + GRACE))),
    }
}

/// Long enough that a busy machine does not look like a buffer (NGINX holds events until 4 or 8 KiB are full, which at
/// this pace takes the whole stream), short enough that eight of them are soon over.
pub(super) const INTERVAL: Duration = Duration::from_millis(300);
const COUNT: u64 = 8;
/// How much later than due a comment may be: one turn of the wheel and a busy machine.
const GRACE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Status;

    /// A stream whose events are held until the given µs after its start (by our clock); the clocks differ by a year.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "the judges take what gathering returns"
    )]
    fn held_until(until: i64) -> Result<Arrivals, String> {
        let year = 31_536_000_000_000;
        let events = (0..COUNT).map(|number| {
            let sent = i64::try_from(number).expect("small") * micros(INTERVAL);
            Arrival {
                number,
                sent_us: year + sent,
                arrived_us: 2_000 + sent.max(until),
            }
        });
        Ok(Arrivals {
            status: StatusCode::OK,
            content_type: "text/event-stream".into(),
            events: events.collect(),
        })
    }

    #[test]
    fn events_that_arrive_as_they_are_sent_pass() {
        assert_eq!(judge_first(&held_until(0)).status, Status::Pass);
        assert_eq!(judge_cadence(&held_until(0)).status, Status::Pass);
    }

    #[test]
    fn events_that_arrive_together_at_the_end_fail_and_say_by_how_much() {
        let verdict = judge_cadence(&held_until(2_100_000));
        assert_eq!(verdict.status, Status::Fail);
        assert!(
            verdict.detail.contains("up to 2100 ms late"),
            "{}",
            verdict.detail
        );
        assert_eq!(judge_first(&held_until(2_100_000)).status, Status::Fail);
    }

    #[test]
    fn a_lost_or_swapped_event_fails() {
        let mut lost = held_until(0).expect("made up");
        lost.events.remove(3);
        assert_eq!(judge_cadence(&Ok(lost)).status, Status::Fail);
        let mut swapped = held_until(0).expect("made up");
        swapped.events.swap(2, 3);
        assert!(judge_cadence(&Ok(swapped)).detail.ends_with("out of order"));
    }

    #[test]
    fn a_head_that_is_no_stream_fails() {
        let mut other = held_until(0).expect("made up");
        other.content_type = "text/html".into();
        assert_eq!(judge_first(&Ok(other.clone())).status, Status::Fail);
        other.status = StatusCode::BAD_GATEWAY;
        assert!(judge_cadence(&Ok(other)).detail.contains("502"));
    }

    #[test]
    fn a_comment_in_time_keeps_a_stream_alive() {
        let keep_alive = Duration::from_secs(15);
        let status = |seen| judge_silence(&Ok(seen), keep_alive).status;
        assert_eq!(status(Some(Duration::from_secs(16))), Status::Pass);
        assert_eq!(status(Some(Duration::from_secs(18))), Status::Fail);
        assert_eq!(status(None), Status::Fail);
    }
}
