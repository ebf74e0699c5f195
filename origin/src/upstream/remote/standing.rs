//! What keeps a session of the older revisions: the stream on which the server says what belongs to no request, and pings.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use tokio::time::{Instant, sleep};

use super::client::Fault;
use super::errand::Place;
use super::room::{Life, Refusal, Report, Room};

/// Listens and watches for as long as the session lasts. When it is over, or the server is not there any more, that is reported:
/// on a connection without requests nothing else would show it.
pub(super) async fn keep(room: Arc<Room>, headers: HeaderMap) {
    let report = tokio::select! {
        report = listen(&room, &headers) => report,
        report = watch(&room, &headers) => report,
    };
    room.report(report).await;
}

/// Asks at the start, and then now and then, whether the session lives. A session that is asked does not grow old, either.
async fn watch(room: &Room, headers: &HeaderMap) -> Report {
    let mut failures = 0;
    loop {
        match room.life(headers).await {
            Life::Lives => failures = 0,
            Life::Gone => return Report::Gone { id: None },
            Life::Unreachable(reason) if failures >= GIVEN_UP && !room.is_busy() => {
                return Report::Over(reason);
            }
            Life::Unreachable(_) => failures += 1,
        }
        sleep(PING_EVERY.min(room.client.patience / 2)).await;
    }
}

/// Reads the server's own stream for as long as it has one.
async fn listen(room: &Room, headers: &HeaderMap) -> Report {
    let mut place = Place::default();
    let mut failures = 0;
    loop {
        let asked = Instant::now();
        match room.stream(headers, place.last.as_deref()).await {
            Ok(mut feed) => {
                while let Ok(Some(event)) = feed.next().await {
                    failures = 0;
                    place.note(&event);
                    if !event.data.is_empty() {
                        let message = event.data;
                        room.report(Report::Message {
                            message,
                            ends: None,
                        })
                        .await;
                    }
                }
                // One that ends each stream at once is asked less and less often.
                if asked.elapsed() > place.pause {
                    failures = 0;
                }
            }
            Err(Refusal::Gone) => return Report::Gone { id: None },
            Err(Refusal::Never(reason)) => {
                tracing::debug!(reason, "the server has no stream of its own");
                // It may have had one before it forgot the session.
                if matches!(room.life(headers).await, Life::Gone) {
                    return Report::Gone { id: None };
                }
                return pending().await;
            }
            Err(Refusal::Fault(Fault::Unsent(reason)))
                if failures >= GIVEN_UP && !room.is_busy() =>
            {
                return Report::Over(reason);
            }
            Err(Refusal::Fault(fault)) => tracing::debug!(reason = fault.reason(), "no stream"),
            Err(Refusal::Passing(reason)) => tracing::debug!(reason, "no stream for now"),
        }
        sleep(place.pause.saturating_mul(1 << failures).min(LONGEST_PAUSE)).await;
        failures = (failures + 1).min(MOST_DOUBLINGS);
    }
}

/// How often a session is asked whether it lives: as often as a server that is back is looked for.
const PING_EVERY: Duration = LONGEST_PAUSE;

/// After so many streams, or pings, in a row that could not be sent for, the server counts as gone.
const GIVEN_UP: u32 = 2;

/// Enough to come from the shortest pause to the longest.
const MOST_DOUBLINGS: u32 = 9;

/// A server that is back is listened to after this long at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
