//! A process that one session has to itself: greeted as its client, and ended with it.

use std::sync::Arc;

use mcp::Era;
use mcp::Kind;
use mcp::jsonrpc::Id;
use mcp::upstream::{Event, Greeting, Probe, Upstream};
use origin_config::Server;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::conversation::{Conversation, first_line};
use super::exchange::{Call, Exchange, Inbox, Line, Order};
use super::link::Route;

/// What a process has to say to its session, beside the answers to its requests.
#[derive(Debug)]
pub enum Said {
    /// It asks the client something.
    Asked {
        /// Its id of the request.
        id: Id,
        /// The method.
        method: String,
        /// The `params` as raw JSON.
        params: Option<String>,
    },
    /// It tells the client something.
    Notice {
        /// The method.
        method: String,
        /// The `params` as raw JSON.
        params: Option<String>,
    },
    /// One of its lists changed, and is this now.
    Listed {
        /// Which list.
        kind: Kind,
        /// Its items.
        items: Vec<Box<str>>,
    },
    /// It is gone, and will not be started again by itself.
    Ended,
}

/// Who hears what a process says. Called from the process's own task; must not wait for anything.
pub type Hears = Box<dyn Fn(Said) + Send + Sync>;

/// A process of one session. Dropped, it is ended.
#[derive(Debug)]
pub struct Private {
    line: Arc<Line>,
    _alive: tokio_util::sync::DropGuard,
}

impl Private {
    /// A way to hand requests to the process that holds no lock meanwhile.
    pub fn way(&self) -> Way {
        Way(Arc::clone(&self.line))
    }

    /// Whether a message for it would be taken now.
    pub fn has_room(&self) -> bool {
        self.line.orders.capacity() > 0
    }

    /// Whether the process is gone.
    pub fn is_over(&self) -> bool {
        self.line.orders.is_closed()
    }

    /// Sends a request whose answer nobody wants.
    pub fn send(&self, method: &'static str, params: String) {
        self.line.send(method, params);
    }

    /// Passes on a notification of the client.
    pub fn tell(&self, method: &str, params: Option<&str>) {
        self.order(Order::Tell {
            method: method.to_owned(),
            params: params.map(ToOwned::to_owned),
        });
    }

    /// Passes on the client's answer to what was asked.
    pub fn respond(&self, id: Id, outcome: Result<Box<str>, Box<str>>) {
        self.order(Order::Respond { id, outcome });
    }

    fn order(&self, order: Order) {
        if self.line.orders.try_send(order).is_err() {
            tracing::warn!(server = %self.line.server, "a message of the client was lost: the server reads too slowly");
        }
    }
}

/// See [`Private::way`].
#[derive(Debug, Clone)]
pub struct Way(Arc<Line>);

impl Way {
    /// Hands over a request.
    pub fn begin(&self, call: Call) -> Exchange {
        self.0.begin(call)
    }
}

/// What makes a process.
pub(super) struct Birth {
    pub(super) server: Server,
    pub(super) route: Route,
    pub(super) greeting: Arc<Greeting>,
    pub(super) hears: Hears,
    /// The origin's end.
    pub(super) stop: CancellationToken,
    /// One of the processes that sessions may have of this server.
    pub(super) permit: OwnedSemaphorePermit,
}

impl Birth {
    /// The session's side, and the task that is the process's life.
    pub(super) fn begin(self, line: Line, inbox: Inbox) -> (Private, impl Future<Output = ()>) {
        let over = self.stop.child_token();
        let private = Private {
            line: Arc::new(line),
            _alive: over.clone().drop_guard(),
        };
        (private, self.live(inbox, over))
    }

    async fn live(self, mut inbox: Inbox, over: CancellationToken) {
        let name = self.server.name.clone();
        let reason = match self.route.open() {
            Ok(link) => {
                let machine = Upstream::relay(&self.greeting, Probe::of(Era::Legacy));
                let mut talk = Conversation::new(&name, machine, link);
                if let Some(reason) = self.converse(&mut talk, &mut inbox, &over).await {
                    let loss = talk.lose(reason).await;
                    inbox.orders.put_back(loss.undone);
                    loss.reason
                } else {
                    talk.end(OVER).await;
                    OVER.to_owned()
                }
            }
            Err(reason) => reason,
        };
        tracing::info!(server = name, reason, "session process ended");
        drop(self.permit);
        inbox.orders.close();
        while let Some(order) = inbox.orders.recv().await {
            if let Order::Call(command) = order {
                command.refuse(&name, first_line(&reason));
            }
        }
        (self.hears)(Said::Ended);
    }

    /// Serves until the process is to be ended: `None` because nobody wants it any more, else why.
    async fn converse(
        &self,
        talk: &mut Conversation,
        inbox: &mut Inbox,
        over: &CancellationToken,
    ) -> Option<String> {
        let deadline = Instant::now() + self.server.start_timeout;
        let mut ready = false;
        loop {
            tokio::select! {
                () = over.cancelled() => return None,
                () = sleep_until(deadline), if !ready => {
                    return Some(format!("it was not ready within {:?}", self.server.start_timeout));
                }
                event = talk.step() => match event {
                    Ok(Some(Event::Ready(_))) => ready = true,
                    Ok(Some(Event::Failed(reason))) | Err(reason) => return Some(reason),
                    Ok(Some(event)) => self.hear(event),
                    Ok(None) => {}
                },
                Some(order) = inbox.orders.recv(), if talk.takes_calls() => {
                    while let Ok(ticket) = inbox.cancels.try_recv() {
                        talk.cancel(ticket);
                    }
                    talk.order(order);
                }
                Some(ticket) = inbox.cancels.recv() => talk.cancel(ticket),
            }
        }
    }

    fn hear(&self, event: Event) {
        match event {
            Event::Asked { id, method, params } => (self.hears)(Said::Asked { id, method, params }),
            Event::Notice { method, params } => (self.hears)(Said::Notice { method, params }),
            Event::Listed { kind, list } => {
                let items = list.items;
                (self.hears)(Said::Listed { kind, items });
            }
            _ => {}
        }
    }
}

/// Why a process ends that nobody wants any more.
const OVER: &str = "its session is over";
