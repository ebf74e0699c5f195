//! Keeps one server running: starts it, hands it the calls, starts it again with growing pauses.

use std::sync::Arc;
use std::time::Duration;

use mcp::upstream::{Eras, Event, Upstream};
use origin_config::Server;
use tokio::sync::broadcast;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::Options;
use super::Update;
use super::board::{Board, Seat};
use super::conversation::{Conversation, first_line};
use super::exchange::{Inbox, Order};
use super::link::Route;
use super::pool::Load;
use super::watched::Watched;
use crate::snapshot::ServerState;

/// The task of one process of a `[[servers]]` entry.
#[derive(Debug)]
pub(super) struct Supervisor {
    /// Its place on the board.
    pub(super) seat: Seat,
    pub(super) server: Server,
    pub(super) route: Route,
    pub(super) options: Options,
    pub(super) board: Arc<Board>,
    pub(super) inbox: Inbox,
    pub(super) load: Arc<Load>,
    /// The resources whose changes the server is to tell of.
    pub(super) watched: Arc<Watched>,
    pub(super) updates: broadcast::Sender<Arc<Update>>,
    /// What is known of its era.
    pub(super) eras: Eras,
    /// How long calls wait for its first start; zero where nobody could know of it yet.
    pub(super) patience: Duration,
    pub(super) stop: CancellationToken,
}

/// How one life of the server went.
enum Life {
    /// The origin wants it to end.
    Stopped,
    /// It ended or was ended.
    Over { reason: String, was_ready: bool },
    /// It would not be met as it was asked: it is to be asked otherwise, at once.
    Missed,
}

impl Supervisor {
    /// Runs until `stop`; no process of the server is left then.
    pub(super) async fn run(mut self) {
        let mut failures = 0_u32;
        let mut ever_ready = false;
        let mut hold = Instant::now() + self.patience;
        loop {
            let born = Instant::now();
            let (reason, was_ready) = match self.live(hold).await {
                Life::Stopped => return,
                Life::Missed => continue,
                Life::Over { reason, was_ready } => (reason, was_ready),
            };
            ever_ready |= was_ready;
            if was_ready && born.elapsed() >= SETTLED {
                failures = 0;
            }
            let state = if ever_ready && failures < CRASH_LIMIT {
                ServerState::Restarting
            } else {
                ServerState::Failed
            };
            let pause = pause(failures);
            failures = failures.saturating_add(1);
            tracing::error!(server = self.server.name, %state, reason, pause_s = pause.as_secs_f64(), "server is down");
            self.load.set_up(false);
            self.board.down(self.seat, state, reason.clone());
            hold = if was_ready && state == ServerState::Restarting {
                Instant::now() + HOLD
            } else {
                Instant::now()
            };
            if !self.rest(pause, hold, &reason).await {
                return;
            }
            self.board.restarted(self.seat);
        }
    }

    /// One life of the server, from its start to its end. Calls that come before it is ready wait until `hold`, then are refused.
    async fn live(&mut self, hold: Instant) -> Life {
        let (born, mut was_ready) = (Instant::now(), false);
        let link = match self.route.open() {
            Ok(link) => link,
            Err(reason) => return Life::Over { reason, was_ready },
        };
        let version = env!("CARGO_PKG_VERSION");
        let machine = Upstream::shared(&self.options.client_name, version, self.eras.probe());
        let mut talk = Conversation::new(&self.server.name, machine, link);
        match self.converse(&mut talk, hold, &mut was_ready).await {
            None => {
                talk.end("the origin is shutting down").await;
                Life::Stopped
            }
            Some(reason) => {
                let loss = talk.lose(reason).await;
                self.inbox.orders.put_back(loss.undone);
                let (reason, server) = (loss.reason, &self.server.name);
                let slow = born.elapsed() >= self.server.start_timeout;
                if !was_ready && self.eras.missed() && !slow {
                    tracing::info!(server, reason, "server is asked in the other era");
                    Life::Missed
                } else {
                    Life::Over { reason, was_ready }
                }
            }
        }
    }

    /// Serves until the talk is to be ended: `None` because the origin stops, else why.
    async fn converse(
        &mut self,
        talk: &mut Conversation,
        hold: Instant,
        ready: &mut bool,
    ) -> Option<String> {
        let deadline = Instant::now() + self.server.start_timeout;
        let mut holding = true;
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return None,
                () = sleep_until(deadline), if !*ready => {
                    return Some(format!("it was not ready within {:?}", self.server.start_timeout));
                }
                () = sleep_until(hold), if holding => holding = false,
                event = talk.step() => match event {
                    Ok(Some(Event::Ready(hello))) => {
                        *ready = true;
                        self.eras.met(hello.offers.era);
                        let tools = hello.offers.list(mcp::Kind::Tools).len();
                        tracing::info!(server = self.server.name, tools, "server is ready");
                        self.load.set_up(true);
                        self.board.ready(self.seat, hello);
                        self.watched.renew();
                        self.watch(talk);
                    }
                    Ok(Some(Event::Failed(reason))) | Err(reason) => return Some(reason),
                    Ok(Some(event)) => self.heard(event),
                    Ok(None) => {}
                },
                Some(order) = self.inbox.orders.recv(), if talk.takes_calls() || !(*ready || holding) => {
                    // A server that does one thing after another must stop the old before it is given the new.
                    while let Ok(ticket) = self.inbox.cancels.try_recv() {
                        talk.cancel(ticket);
                    }
                    // A client that listens and then calls hears of what its call does.
                    if *ready {
                        self.watch(talk);
                    }
                    talk.order(order);
                }
                Some(ticket) = self.inbox.cancels.recv() => talk.cancel(ticket),
                () = self.watched.changed(), if *ready => self.watch(talk),
            }
        }
    }

    fn watch(&self, talk: &mut Conversation) {
        for request in self.watched.requests() {
            talk.order(request);
        }
    }

    fn heard(&self, event: Event) {
        match event {
            Event::Listed { kind, list } => self.board.listed(self.seat, kind, list),
            // The machine of a shared server passes on one notification: that a resource changed.
            Event::Notice { params, .. } => {
                let update = Update {
                    server: self.server.name.as_str().into(),
                    params: params.unwrap_or_default(),
                };
                // Without a receiver nobody watches anything.
                let _ = self.updates.send(Arc::new(update));
            }
            _ => {}
        }
    }

    /// Waits out a pause between two lives. `false` when the origin stops.
    async fn rest(&mut self, pause: Duration, hold: Instant, reason: &str) -> bool {
        let end = Instant::now() + pause;
        loop {
            let holding = Instant::now() < hold;
            tokio::select! {
                () = self.stop.cancelled() => return false,
                () = sleep_until(end) => return true,
                () = sleep_until(hold), if holding => {}
                Some(order) = self.inbox.orders.recv(), if !holding => {
                    if let Order::Call(command) = order {
                        command.refuse(&self.server.name, first_line(reason));
                    }
                }
                Some(_) = self.inbox.cancels.recv() => {}
            }
        }
    }
}

/// The pause after `failures` lives that did not last.
fn pause(failures: u32) -> Duration {
    FIRST_PAUSE
        .saturating_mul(2_u32.saturating_pow(failures))
        .min(LONGEST_PAUSE)
}

/// The first pause before a restart; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause: how long a repaired server may stay away.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A server that lived this long does not count as crashing: twice the longest pause.
const SETTLED: Duration = Duration::from_mins(1);

/// After this many crashes in a row a server that was ready once counts as failed; the pauses have added up to 3 s then.
const CRASH_LIMIT: u32 = 5;

/// How long calls wait for a server that has just died: a caller is answered within a second or served by the next process.
const HOLD: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let pauses: Vec<u128> = [0, 1, 2, 8, 9, 1000]
            .map(|failures| pause(failures).as_millis())
            .into();
        assert_eq!(pauses, [100, 200, 400, 25_600, 30_000, 30_000]);
    }
}
