//! quinn's runtime on tokio, with timers that stay where they are.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::UdpSocket;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use quinn::{AsyncTimer, AsyncUdpSocket, TokioRuntime};
use tokio::time::{Sleep, sleep_until};

use super::super::stall::poll_until;

/// What a connection runs on.
#[derive(Debug)]
pub(super) struct Runtime;

impl quinn::Runtime for Runtime {
    fn new_timer(&self, at: Instant) -> Pin<Box<dyn AsyncTimer>> {
        Box::pin(Timer::new(at))
    }

    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        TokioRuntime.spawn(future);
    }

    fn wrap_udp_socket(&self, socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        TokioRuntime.wrap_udp_socket(socket)
    }

    fn now(&self) -> Instant {
        TokioRuntime.now()
    }
}

/// The one timer of a connection. Its next deadline, that of an acknowledgement or of a loss, moves with every datagram that
/// comes or goes, nearly always away from now: to move a timer of the runtime as often costs more than to be woken by an old
/// one for nothing.
struct Timer {
    sleep: Pin<Box<Sleep>>,
    at: Instant,
}

impl Timer {
    fn new(at: Instant) -> Self {
        let sleep = Box::pin(sleep_until(at.into()));
        Self { sleep, at }
    }
}

impl AsyncTimer for Timer {
    fn reset(mut self: Pin<&mut Self>, at: Instant) {
        self.at = at;
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context) -> Poll<()> {
        let at = self.at.into();
        poll_until(self.sleep.as_mut(), at, cx)
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_timer_ends_at_the_deadline_that_it_was_given_last() {
        let begun = tokio::time::Instant::now();
        let after = |seconds| begun.into_std() + Duration::from_secs(seconds);
        let mut timer = Box::pin(Timer::new(after(1)));
        for (deadlines, end) in [(&[5][..], 5), (&[9, 7], 7)] {
            for seconds in deadlines {
                AsyncTimer::reset(timer.as_mut(), after(*seconds));
            }
            poll_fn(|cx| AsyncTimer::poll(timer.as_mut(), cx)).await;
            assert_eq!(begun.elapsed().as_secs(), end);
        }
    }
}
