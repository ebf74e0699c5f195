//! Clients of one server over one version.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use rustls::ClientConfig;

use super::{h1, h2, h3};
use crate::Fault;
use crate::gateway::call::Sample;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Version {
    /// Without TLS.
    Http1,
    Http2,
    Http3,
}

impl Version {
    pub(crate) const ALL: [Self; 3] = [Self::Http1, Self::Http2, Self::Http3];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Http1 => "h1",
            Self::Http2 => "h2",
            Self::Http3 => "h3",
        }
    }

    /// How many connections ask at a time, and on how many streams each.
    pub(crate) fn shape(self) -> (usize, usize) {
        match self {
            Self::Http1 => (64, 1),
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
    pub(crate) tls: Trust,
}

/// The client's side of TLS for each version.
#[derive(Clone)]
pub(crate) struct Trust {
    pub(crate) h2: Arc<ClientConfig>,
    pub(crate) h3: Arc<ClientConfig>,
}

pub(crate) enum Connection {
    H1(h1::Connection),
    H2(h2::Connection),
    H3(h3::Connection),
}

impl Connection {
    pub(crate) async fn open(goal: &Goal) -> Result<Self, Fault> {
        match goal.version {
            Version::Http3 => Self::open_on(goal, &h3::endpoint(&goal.tls.h3)?).await,
            Version::Http1 => Ok(Self::H1(h1::Connection::open(goal.port, &goal.path).await?)),
            Version::Http2 => {
                let open = h2::Connection::open(goal.port, &goal.path, &goal.tls.h2);
                Ok(Self::H2(open.await?))
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
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Self::H3(connection) = self {
            connection.close();
        }
    }
}

/// Asks for `length` with as many connections and streams as the version has.
pub(crate) async fn turn(goal: &Goal, length: Duration) -> Result<Sample, Fault> {
    let (connections, streams) = goal.version.shape();
    let opening = (0..connections).map(|_| Connection::open(goal));
    let connections = try_join_all(opening).await?;
    let began = Instant::now();
    let asking = connections.into_iter().map(|mut connection| {
        tokio::spawn(async move { connection.requests(streams, began + length).await })
    });
    let mut latencies = Vec::new();
    for asked in asking.collect::<Vec<_>>() {
        latencies.extend(asked.await??);
    }
    Ok(Sample::of(latencies, began))
}

/// Opens `count` streams, `each` on a connection, and waits for the first event of every one.
pub(crate) async fn hold(goal: &Goal, count: usize, each: usize) -> Result<Vec<Connection>, Fault> {
    let sockets = match goal.version {
        Version::Http3 => count.div_ceil(each).div_ceil(CONNECTIONS_A_SOCKET),
        _ => 0,
    };
    let sockets = (0..sockets).map(|_| h3::endpoint(&goal.tls.h3));
    let sockets: Vec<_> = sockets.collect::<Result<_, _>>()?;
    stream::iter(0..count.div_ceil(each))
        .map(|number| {
            let socket = sockets.get(number / CONNECTIONS_A_SOCKET);
            async move {
                let mut connection = match socket {
                    Some(socket) => Connection::open_on(goal, socket).await?,
                    None => Connection::open(goal).await?,
                };
                connection.hold(each).await?;
                Ok::<_, Fault>(connection)
            }
        })
        .buffer_unordered(AT_A_TIME)
        .try_collect()
        .await
}

/// How many connections share a client's UDP socket where there are thousands.
const CONNECTIONS_A_SOCKET: usize = 100;

/// How many connections begin at a time.
const AT_A_TIME: usize = 16;
