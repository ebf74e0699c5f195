//! What a connection is doing, so that one that does nothing can be closed.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::time::Instant;

use super::flow::Next;

/// One connection's requests in flight, and since when there are none.
#[derive(Debug)]
pub(super) struct Activity {
    in_flight: AtomicUsize,
    begun: AtomicBool,
    flooded: AtomicBool,
    driver: AtomicWaker,
    quiet: Mutex<Quiet>,
    /// What one request that is given up costs.
    interval: Duration,
    /// Over HTTP/2.
    pub(super) next: Next,
}

/// A time without requests in flight.
#[derive(Debug, Clone, Copy)]
struct Quiet {
    since: Instant,
    /// When the first byte of the next request came.
    head_since: Option<Instant>,
    /// HTTP/2 talks between requests (settings, pings): its bytes do not begin a request.
    bytes_begin_a_head: bool,
    /// When the requests that were given up are paid for (the theoretical arrival time of ITU-T I.371).
    paid: Instant,
}

/// What is to be done with a connection at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deadline {
    /// A request is in flight: none.
    Never,
    /// Close it in peace then.
    Idle(Instant),
    /// Its request head will have taken too long then.
    Head(Instant),
    /// Close it now: its client gives requests up faster than anybody who wants answers.
    Flood,
}

impl Activity {
    /// Of a connection that has as many requests at a time as `streams`.
    pub(super) fn new(streams: u32) -> Arc<Self> {
        let now = Instant::now();
        Arc::new(Self {
            in_flight: AtomicUsize::new(0),
            begun: AtomicBool::new(false),
            flooded: AtomicBool::new(false),
            driver: AtomicWaker::new(),
            quiet: Mutex::new(Quiet {
                since: now,
                head_since: None,
                bytes_begin_a_head: true,
                paid: now,
            }),
            interval: Duration::from_secs(1) / streams.max(1),
            next: Next::default(),
        })
    }

    /// Notes bytes from the client.
    pub(super) fn bytes_came(&self) {
        if self.in_flight.load(Ordering::Acquire) == 0 {
            let mut quiet = self.state();
            if quiet.bytes_begin_a_head && quiet.head_since.is_none() {
                quiet.head_since = Some(Instant::now());
            }
        }
    }

    /// Notes a whole request head; the exchange is over when the guard is dropped.
    pub(super) fn begin(self: &Arc<Self>, multiplexed: bool) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::AcqRel);
        self.begun.store(true, Ordering::Release);
        let mut quiet = self.state();
        quiet.head_since = None;
        quiet.bytes_begin_a_head = !multiplexed;
        drop(quiet);
        InFlight {
            activity: Arc::clone(self),
            answered: AtomicBool::new(false),
        }
    }

    /// Whether there has been a request.
    pub(super) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Acquire)
    }

    /// Waits until no request is in flight.
    pub(super) async fn quiet(&self) {
        poll_fn(|cx| {
            self.driver.register(cx.waker());
            match self.in_flight.load(Ordering::Acquire) {
                0 => Poll::Ready(()),
                _ => Poll::Pending,
            }
        })
        .await;
    }

    /// Forgets who is to be woken: whoever asks for the next deadline anyway. A task that is woken while it runs is put at the end
    /// of a queue, and another thread is woken for it.
    pub(super) fn forget(&self) {
        self.driver.take();
    }

    /// What comes next if nothing happens; `waker` is called when the last request in flight ends.
    pub(super) fn deadline(&self, limits: Patience, waker: &Waker) -> Deadline {
        self.driver.register(waker);
        if self.flooded.load(Ordering::Acquire) {
            return Deadline::Flood;
        }
        if self.in_flight.load(Ordering::Acquire) > 0 {
            return Deadline::Never;
        }
        let quiet = *self.state();
        match quiet.head_since {
            Some(since) => Deadline::Head(since + limits.head),
            None => Deadline::Idle(quiet.since + limits.idle),
        }
    }

    fn end(&self, answered: bool) {
        let now = Instant::now();
        let mut quiet = self.state();
        quiet.since = now;
        if !answered {
            quiet.paid = quiet.paid.max(now) + self.interval;
        }
        let flooded = quiet.paid > now + CREDIT;
        drop(quiet);
        if flooded {
            self.flooded.store(true, Ordering::Release);
        }
        if self.in_flight.fetch_sub(1, Ordering::AcqRel) == 1 || flooded {
            self.driver.wake();
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, Quiet> {
        self.quiet.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a connection may be quiet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Without a request: `keep_alive_timeout`.
    pub(super) idle: Duration,
    /// With a request head that does not end: `read_timeout`.
    pub(super) head: Duration,
}

/// One request in flight.
#[derive(Debug)]
pub(super) struct InFlight {
    activity: Arc<Activity>,
    answered: AtomicBool,
}

impl InFlight {
    /// The answer is whole, or the end was the origin's doing: its client has not given it up.
    pub(super) fn answered(&self) {
        self.answered.store(true, Ordering::Relaxed);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.activity.end(*self.answered.get_mut());
    }
}

pin_project! {
    /// A response body that keeps its request in flight until it ends.
    pub(super) struct Tracked<B> {
        #[pin]
        inner: B,
        guard: Arc<InFlight>,
    }
}

impl<B> Tracked<B> {
    pub(super) fn new(inner: B, guard: Arc<InFlight>) -> Self
    where
        B: Body,
    {
        if inner.is_end_stream() {
            guard.answered();
        }
        Self { inner, guard }
    }
}

impl<B: Body> Body for Tracked<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let polled = this.inner.as_mut().poll_frame(cx);
        // Nobody asks again where there is no more.
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) || this.inner.is_end_stream() {
            this.guard.answered();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Seconds of giving up at the pace of one connection full of requests a second, all at once: with 100 streams 1,000 requests and
/// then 100 a second. A person who closes a page gives up what it was loading; nobody who wants answers does it all the time
/// (CVE-2023-44487, "rapid reset").
const CREDIT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        idle: Duration::from_secs(75),
        head: Duration::from_mins(1),
    };

    fn deadline(activity: &Activity) -> Deadline {
        activity.deadline(PATIENCE, Waker::noop())
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_from_the_end_of_its_last_request() {
        let activity = Activity::new(100);
        let (first, second) = (activity.begin(true), activity.begin(true));
        tokio::time::advance(Duration::from_secs(5)).await;
        drop(first);
        assert_eq!(deadline(&activity), Deadline::Never);
        drop(second);
        assert_eq!(
            deadline(&activity),
            Deadline::Idle(Instant::now() + PATIENCE.idle)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_has_its_time_from_its_first_byte() {
        let activity = Activity::new(100);
        let begun = Instant::now();
        activity.bytes_came();
        tokio::time::advance(Duration::from_secs(5)).await;
        activity.bytes_came();
        assert_eq!(deadline(&activity), Deadline::Head(begun + PATIENCE.head));
        drop(activity.begin(false));
        assert_eq!(
            deadline(&activity),
            Deadline::Idle(Instant::now() + PATIENCE.idle)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn pings_between_requests_begin_no_head() {
        let activity = Activity::new(100);
        drop(activity.begin(true));
        activity.bytes_came();
        assert!(matches!(deadline(&activity), Deadline::Idle(_)));
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_a_thousand_requests_at_once_is_a_flood_and_who_takes_his_time_is_none() {
        let flood = Activity::new(100);
        for _ in 0..1_000 {
            drop(flood.begin(true));
        }
        assert_ne!(deadline(&flood), Deadline::Flood);
        drop(flood.begin(true));
        assert_eq!(deadline(&flood), Deadline::Flood);
        let slow = Activity::new(100);
        for _ in 0..5_000 {
            drop(slow.begin(true));
            tokio::time::advance(Duration::from_millis(10)).await;
        }
        assert_ne!(deadline(&slow), Deadline::Flood);
    }

    #[tokio::test(start_paused = true)]
    async fn answers_are_no_flood_however_many() {
        let activity = Activity::new(1);
        for _ in 0..5_000 {
            activity.begin(true).answered();
        }
        assert_ne!(deadline(&activity), Deadline::Flood);
    }
}
