//! `GET /mcp/sse`: the smoke stream, by which an operator or a probe sees whether events come one by one.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use http::Response;
use http::request::Parts;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use super::query::number;
use crate::app::App;
use crate::body::Body;
use crate::clock::Clock;
use crate::middleware::request_id;
use crate::stream::{Framing, StreamBody};

/// `event: tick` with `{"seq":N,"sent_us":MICROSECONDS}`: the sequence number from 0 and the time of sending since the UNIX
/// epoch. The query has `interval_ms` (1000; 10 to 60,000), `count` (10; at most 3600: an hour of seconds) and `delay_ms`
/// (0), which holds the response head back so that the route's timeout can be seen.
pub(super) async fn serve(app: &App, head: &Parts) -> Response<Body> {
    let uri = &head.uri;
    let delay = number(uri, "delay_ms", 0, 0..=60_000);
    if delay > 0 {
        sleep(Duration::from_millis(delay)).await;
    }
    let interval = Duration::from_millis(number(uri, "interval_ms", 1_000, 10..=60_000));
    let ticks = Ticks {
        clock: app.clock,
        interval,
        next: 0,
        count: number(uri, "count", 10, 0..=3_600),
        sleep: sleep_until(Instant::now()),
    };
    let ticket = app.streams.open(request_id::of(&head.extensions), "sse");
    StreamBody::new(ticks, Framing::Sse, ticket).into_response()
}

pin_project! {
    /// The ticks, each made when it is asked for and not before its time.
    struct Ticks {
        clock: Clock,
        interval: Duration,
        next: u64,
        count: u64,
        #[pin]
        sleep: Sleep,
    }
}

impl Stream for Ticks {
    type Item = Bytes;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let mut this = self.project();
        if this.next == this.count {
            return Poll::Ready(None);
        }
        ready!(this.sleep.as_mut().poll(cx));
        let sent_us = this.clock.wall().as_microsecond();
        let json = format!(r#"{{"seq":{},"sent_us":{sent_us}}}"#, this.next);
        *this.next += 1;
        // From now, not from the last deadline: a reader that was slow gets no burst afterwards.
        this.sleep.reset(Instant::now() + *this.interval);
        Poll::Ready(Some(Framing::Sse.event("tick", &json)))
    }
}
