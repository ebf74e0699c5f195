//! The stream on which a server of the older revisions says what belongs to no request.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use tokio::time::{Instant, sleep};

use super::client::Fault;
use super::errand::Place;
use super::room::{Refusal, Report, Room};

/// Listens for as long as the session lasts and the server has such a stream. When the server is not there any more that is
/// reported: on a connection without requests nothing else would show it.
pub(super) async fn listen(room: Arc<Room>, headers: HeaderMap) {
    let mut place = Place::default();
    let mut failures = 0;
    loop {
        let asked = Instant::now();
        match room.stream(&headers, place.last.as_deref()).await {
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
            Err(Refusal::Gone) => return room.report(Report::Gone { id: None }).await,
            Err(Refusal::Never(reason)) => {
                tracing::debug!(reason, "the server has no stream of its own");
                return;
            }
            Err(Refusal::Fault(Fault::Unsent(reason)))
                if failures >= GIVEN_UP && !room.is_busy() =>
            {
                return room.report(Report::Over(reason)).await;
            }
            Err(Refusal::Fault(fault)) => tracing::debug!(reason = fault.reason(), "no stream"),
            Err(Refusal::Passing(reason)) => tracing::debug!(reason, "no stream for now"),
        }
        sleep(place.pause.saturating_mul(1 << failures).min(LONGEST_PAUSE)).await;
        failures = (failures + 1).min(MOST_DOUBLINGS);
    }
}

/// After so many streams in a row that could not be asked for, the server counts as gone.
const GIVEN_UP: u32 = 2;

/// Enough to come from the shortest pause to the longest.
const MOST_DOUBLINGS: u32 = 9;

/// A server that is back is listened to after this long at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
