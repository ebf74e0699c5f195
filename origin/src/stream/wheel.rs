//! One timer for the keep-alives of all streams, and one for the patience of all calls.
//!
//! A wheel of [`SPOKES`] buckets turns once per keep-alive interval. A stream lies in exactly one bucket; when the bucket
//! comes up, a stream that was silent for a whole turn is woken, and one that spoke moves to the bucket of its deadline.
//! Speaking costs one relaxed store; an idle stream costs one wake-up per interval; without streams nothing turns.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;

/// What the wheel and the shutdown know of one stream.
#[derive(Debug, Default)]
pub(super) struct Slot {
    waker: AtomicWaker,
    due: AtomicBool,
    ended: AtomicBool,
    last_spoke: AtomicU64,
}

impl Slot {
    /// Leaves the waker that [`Slot::end`] and the wheel use.
    pub(super) fn register(&self, waker: &std::task::Waker) {
        self.waker.register(waker);
    }

    /// True once after a whole silent turn.
    pub(super) fn take_due(&self) -> bool {
        self.due.swap(false, Ordering::AcqRel)
    }

    /// True when the stream has to end now.
    pub(super) fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Asks the stream to end.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
        self.waker.wake();
    }

    fn fall_due(&self) {
        self.due.store(true, Ordering::Release);
        self.waker.wake();
    }
}

/// Ends after a turn of its wheel, or up to a spoke before that. Most are dropped long before: a timer of tokio's would wake a
/// thread whenever it is the next to end.
#[derive(Debug)]
pub(crate) struct Turn(Arc<Slot>);

impl Future for Turn {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.register(cx.waker());
        if self.0.take_due() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

/// The wheel.
#[derive(Debug)]
pub(crate) struct Wheel {
    turn: Duration,
    now: AtomicU64,
    buckets: Mutex<Vec<Vec<Weak<Slot>>>>,
    occupied: Notify,
}

impl Wheel {
    /// A wheel that turns once in `turn`, and in 16 ms at the shortest: its spokes must not be finer than tokio's timers.
    pub(crate) fn new(turn: Duration) -> Self {
        Self {
            turn: turn.max(SHORTEST_TURN),
            now: AtomicU64::new(0),
            buckets: Mutex::new(vec![Vec::new(); SPOKES]),
            occupied: Notify::new(),
        }
    }

    /// Waits for one turn.
    pub(crate) fn turn(&self) -> Turn {
        let slot = Arc::new(Slot::default());
        self.insert(&slot);
        Turn(slot)
    }

    /// Puts a new stream on the wheel.
    pub(super) fn insert(&self, slot: &Arc<Slot>) {
        self.spoke(slot);
        self.place(slot, self.now.load(Ordering::Relaxed) + SPOKES_U64);
        self.occupied.notify_one();
    }

    /// Notes that a stream has just sent something.
    pub(super) fn spoke(&self, slot: &Slot) {
        slot.last_spoke
            .store(self.now.load(Ordering::Relaxed), Ordering::Relaxed);
        slot.due.store(false, Ordering::Relaxed);
    }

    /// Turns the wheel for ever; sleeps without a timer while there is no stream.
    pub(crate) async fn drive(&self) {
        loop {
            self.occupied.notified().await;
            let mut tick = tokio::time::interval(self.turn / SPOKES_U32);
            // Late ticks are made up for: time on the wheel must not run slower than outside.
            tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
            tick.tick().await;
            while self.is_occupied() {
                tick.tick().await;
                self.advance();
            }
        }
    }

    /// One spoke further: wakes the streams that were silent for a turn.
    fn advance(&self) {
        let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
        let up = std::mem::take(&mut self.lock()[spoke_of(now)]);
        for slot in up.iter().filter_map(Weak::upgrade) {
            let deadline = slot.last_spoke.load(Ordering::Relaxed) + SPOKES_U64;
            if deadline <= now {
                slot.fall_due();
                self.place(&slot, now + SPOKES_U64);
            } else {
                self.place(&slot, deadline);
            }
        }
    }

    fn place(&self, slot: &Arc<Slot>, at: u64) {
        self.lock()[spoke_of(at)].push(Arc::downgrade(slot));
    }

    fn is_occupied(&self) -> bool {
        self.lock().iter().any(|bucket| !bucket.is_empty())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Vec<Weak<Slot>>>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn spoke_of(tick: u64) -> usize {
    usize::try_from(tick % SPOKES_U64).unwrap_or(0)
}

/// A keep-alive comes up to one spoke early (6 % of the interval) and never late: proxies cut at a time, not after it.
const SPOKES: usize = 16;
const SPOKES_U32: u32 = 16;
const SPOKES_U64: u64 = 16;

/// A spoke of a millisecond, the resolution of tokio's timers.
const SHORTEST_TURN: Duration = Duration::from_millis(16);

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(wheel: &Wheel, spokes: usize) {
        for _ in 0..spokes {
            wheel.advance();
        }
    }

    #[test]
    fn a_silent_stream_falls_due_once_a_turn() {
        let wheel = Wheel::new(Duration::from_secs(16));
        let slot = Arc::new(Slot::default());
        wheel.insert(&slot);
        turn(&wheel, SPOKES - 1);
        assert!(!slot.take_due());
        turn(&wheel, 1);
        assert!(slot.take_due());
        wheel.spoke(&slot);
        turn(&wheel, SPOKES - 1);
        assert!(!slot.take_due());
        turn(&wheel, 1);
        assert!(slot.take_due());
    }

    #[test]
    fn a_stream_that_speaks_is_left_alone() {
        let wheel = Wheel::new(Duration::from_secs(16));
        let slot = Arc::new(Slot::default());
        wheel.insert(&slot);
        for _ in 0..10 {
            turn(&wheel, SPOKES - 1);
            assert!(!slot.take_due());
            wheel.spoke(&slot);
        }
    }

    #[test]
    fn a_stream_that_spoke_half_way_falls_due_a_turn_after_that() {
        let wheel = Wheel::new(Duration::from_secs(16));
        let slot = Arc::new(Slot::default());
        wheel.insert(&slot);
        turn(&wheel, 5);
        wheel.spoke(&slot);
        turn(&wheel, SPOKES - 1);
        assert!(!slot.take_due());
        turn(&wheel, 1);
        assert!(slot.take_due());
    }

    #[test]
    fn who_waits_for_a_turn_waits_that_long() {
        let wheel = Wheel::new(Duration::from_secs(16));
        let mut waited = std::pin::pin!(wheel.turn());
        let mut cx = Context::from_waker(std::task::Waker::noop());
        turn(&wheel, SPOKES - 1);
        assert!(waited.as_mut().poll(&mut cx).is_pending());
        turn(&wheel, 1);
        assert!(waited.as_mut().poll(&mut cx).is_ready());
    }

    #[test]
    fn a_stream_that_is_gone_leaves_the_wheel_within_a_turn() {
        let wheel = Wheel::new(Duration::from_secs(16));
        let slot = Arc::new(Slot::default());
        wheel.insert(&slot);
        drop(slot);
        assert!(wheel.is_occupied());
        turn(&wheel, SPOKES);
        assert!(!wheel.is_occupied());
    }
}
