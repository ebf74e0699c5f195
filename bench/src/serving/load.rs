//! Clients of one server over one version.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use futures_util::stream::{self, StreamExt as _};
use rustls::ClientConfig;
use tokio::task::JoinSet;
use tokio::time::{timeout, timeout_at};

use super::contenders::Asked;
use super::{h1, h2, h3};
use crate::Fault;
use crate::gateway::call::Sample;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Version {
    /// Without TLS.
    Http1,
    Http1Tls,
    Http2,
    Http3,
}

impl Version {
    pub(crate) const ALL: [Self; 4] = [Self::Http1, Self::Http1Tls, Self::Http2, Self::Http3];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Http1 => "h1",
            Self::Http1Tls => "h1 with TLS",
            Self::Http2 => "h2",
            Self::Http3 => "h3",
        }
    }

    /// How many connections ask at a time, and on how many streams each.
    pub(crate) fn shape(self) -> (usize, usize) {
        match self {
            Self::Http1 | Self::Http1Tls => (64, 1),
            Self::Http2 | Self::Http3 => (16, 4),
        }
    }
}

/// Where to ask.
#[derive(Clone)]
pub(crate) struct Goal {
    pub(crate) version: Version,
    pub(crate) port: u16,
    pub(crate) path: String,
    pub(crate) trust: Trust,
}

/// The client's side of TLS for each version.
#[derive(Clone)]
pub(crate) struct Trust {
    pub(crate) h1: Arc<ClientConfig>,
    pub(crate) h2: Arc<ClientConfig>,
    pub(crate) h3: Arc<ClientConfig>,
}

pub(crate) enum Connection {
    H1(h1::Connection),
    H2(Box<h2::Connection>),
    H3(h3::Connection),
}

impl Connection {
    pub(crate) async fn open(goal: &Goal) -> Result<Self, Fault> {
        match goal.version {
            Version::Http3 => Self::open_on(goal, &h3::endpoint(&goal.trust.h3)?).await,
            Version::Http1 | Version::Http1Tls => {
                let tls = (goal.version == Version::Http1Tls).then_some(&goal.trust.h1);
                let open = h1::Connection::open(goal.port, &goal.path, tls);
                Ok(Self::H1(open.await?))
            }
            Version::Http2 => {
                let open = h2::Connection::open(goal.port, &goal.path, &goal.trust.h2);
                Ok(Self::H2(Box::new(open.await?)))
            }
        }
    }

    /// The same for HTTP/3 on a socket that is there.
    async fn open_on(goal: &Goal, endpoint: &quinn::Endpoint) -> Result<Self, Fault> {
        let open = h3::Connection::open(endpoint, goal.port, &goal.path);
        Ok(Self::H3(open.await?))
    }

    pub(crate) async fn requests(
        &mut self,
        streams: usize,
        end: Instant,
    ) -> Result<Vec<f64>, Fault> {
        match self {
            Self::H1(connection) => connection.requests(end).await,
            Self::H2(connection) => connection.requests(streams, end).await,
            Self::H3(connection) => connection.requests(streams, end).await,
        }
    }

    async fn hold(&mut self, streams: usize) -> Result<(), Fault> {
        match self {
            Self::H1(connection) => connection.hold().await,
            Self::H2(connection) => connection.hold(streams).await,
            Self::H3(connection) => connection.hold(streams).await,
        }
    }

    /// Whether the server has not given it up.
    fn is_open(&mut self) -> bool {
        match self {
            Self::H1(connection) => connection.is_open(),
            Self::H2(connection) => connection.is_open(),
            Self::H3(connection) => connection.is_open(),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Self::H3(connection) = self {
            connection.close();
        }
    }
}

/// Sees that it answers.
pub(crate) async fn once(goal: &Goal, asked: Asked) -> Result<(), Fault> {
    let mut connection = Connection::open(goal).await?;
    if asked == Asked::Silence {
        return connection.hold(1).await;
    }
    let soon = Instant::now() + Duration::from_millis(20);
    connection.requests(1, soon).await.map(|_| ())
}

/// The connections of a turn.
pub(crate) async fn connect(goal: &Goal) -> Result<Vec<Connection>, Fault> {
    let opening = (0..goal.version.shape().0).map(|_| Connection::open(goal));
    let late = |_| Fault::from("no connection in time");
    timeout(PATIENCE, try_join_all(opening))
        .await
        .map_err(late)?
}

/// Asks for `length` on as many streams as the version has.
pub(crate) async fn turn(
    connections: Vec<Connection>,
    version: Version,
    length: Duration,
) -> Result<Sample, Fault> {
    let (_, streams) = version.shape();
    let began = Instant::now();
    // a set, so that those that wait for a server that is silent end with this turn
    let mut asking = JoinSet::new();
    for mut connection in connections {
        asking.spawn(async move { connection.requests(streams, began + length).await });
    }
    let mut latencies = Vec::new();
    let end = began + length + PATIENCE;
    let late = |_| Fault::from("an answer does not come");
    while let Some(asked) = timeout_at(end.into(), asking.join_next())
        .await
        .map_err(late)?
    {
        latencies.extend(asked??);
    }
    Ok(Sample::of(latencies, began))
}

/// Streams that are open and silent.
pub(crate) struct Held {
    goal: Goal,
    each: usize,
    connections: Vec<Connection>,
    /// What the connections of HTTP/3 share.
    sockets: Vec<quinn::Endpoint>,
}

impl Held {
    /// None yet; there will be `each` on a connection.
    pub(crate) fn new(goal: Goal, each: usize) -> Self {
        Self {
            goal,
            each,
            connections: Vec::new(),
            sockets: Vec::new(),
        }
    }

    pub(crate) fn streams(&self) -> usize {
        self.connections.len() * self.each
    }

    /// Opens streams until there are `count`, and waits for the first event of every one. When a server gives no more, or not
    /// before `end`, those that came stay.
    pub(crate) async fn grow(&mut self, count: usize, end: Instant) -> Result<(), Fault> {
        let before = self.connections.len();
        let wanted = count.div_ceil(self.each);
        if self.goal.version == Version::Http3 {
            while self.sockets.len() < wanted.div_ceil(CONNECTIONS_A_SOCKET) {
                self.sockets.push(h3::endpoint(&self.goal.trust.h3)?);
            }
        }
        let (goal, sockets, each) = (&self.goal, &self.sockets, self.each);
        let open = |number: usize| async move {
            let mut connection = match sockets.get(number / CONNECTIONS_A_SOCKET) {
                Some(socket) => Connection::open_on(goal, socket).await?,
                None => Connection::open(goal).await?,
            };
            connection.hold(each).await?;
            Ok::<_, Fault>(connection)
        };
        let mut coming = pin!(
            stream::iter(before..wanted)
                .map(open)
                .buffer_unordered(AT_A_TIME)
        );
        while let Some(connection) = timeout_at(end.into(), coming.next())
            .await
            .map_err(|_| "no more in time")?
        {
            self.connections.push(connection?);
        }
        Ok(())
    }

    /// How many are open still.
    pub(crate) fn open(&mut self) -> usize {
        let connections = self.connections.iter_mut();
        connections
            .filter_map(|one| one.is_open().then_some(self.each))
            .sum()
    }
}

/// How many connections share a client's UDP socket where there are thousands.
const CONNECTIONS_A_SOCKET: usize = 100;

/// How many connections begin at a time.
const AT_A_TIME: usize = 16;

/// How long the connections of a turn may take, and the last answers after its end.
const PATIENCE: Duration = Duration::from_secs(10);
