//! What a session and an open stream hold in the origin, and what a flood of sessions leaves.

use http::HeaderValue;
use probe::{Ask, Connection, Stream, Target, Version, mcp};
use serde_json::json;
use tokio::task::JoinSet;

use super::Figures;
use crate::origin::{Memory, Origin};
use crate::table::{bytes, table};
use crate::{Arguments, Fault};

/// How many connections make a flood.
const CONNECTIONS: usize = 4;

/// How much of each.
struct Load {
    sessions: usize,
    streams: usize,
    flood: usize,
}

pub(crate) async fn measure(arguments: &Arguments) -> Result<Figures, Fault> {
    let load = if arguments.quick {
        Load {
            sessions: 200,
            streams: 100,
            flood: 2000,
        }
    } else {
        Load {
            sessions: 2000,
            streams: 2000,
            flood: 50_000,
        }
    };
    let session = session(arguments, load.sessions).await?;
    let smoke = streams(arguments, load.streams, Kind::Smoke).await?;
    let standing = streams(arguments, load.streams, Kind::Session).await?;
    let flood = flood(arguments, load.flood).await?;
    let each = |name: &str, count: usize, value: Option<f64>| {
        let value = value.map_or("not there".to_owned(), bytes);
        vec![name.to_owned(), value, count.to_string()]
    };
    let rows = [
        each("session (initialize, nothing more)", load.sessions, session),
        each(
            "open stream, GET /mcp/sse with its connection",
            load.streams,
            smoke,
        ),
        each(
            "open stream, GET /mcp of a session with both",
            load.streams,
            standing,
        ),
    ];
    let first = table(
        "Memory of the origin, each (difference of VmRSS)",
        &["what", "each", "of"],
        &rows,
    );
    let after = table(
        "Memory of the origin and a flood of initialize",
        &["sessions begun", "before", "peak", "after"],
        &[vec![
            load.flood.to_string(),
            bytes(flood.before),
            bytes(flood.peak),
            bytes(flood.after),
        ]],
    );
    Ok(Figures {
        table: format!("{first}\n{after}"),
        json: json!({
            "session_bytes": session,
            "smoke_stream_bytes": smoke,
            "session_stream_bytes": standing,
            "flood": {
                "sessions": load.flood,
                "before_bytes": flood.before,
                "peak_bytes": flood.peak,
                "after_bytes": flood.after,
            },
        }),
    })
}

/// The difference that one of `count` makes.
fn each(before: Memory, after: Memory, count: usize) -> f64 {
    let count = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    (after.now - before.now) / count
}

/// Bytes of a session; none where the origin has no sessions.
async fn session(arguments: &Arguments, count: usize) -> Result<Option<f64>, Fault> {
    let origin = Origin::start(arguments).await?;
    let mut connection = Connection::open(origin.target(), Version::Http1).await?;
    // the first ones make what all share
    for _ in 0..WARM {
        initialize(&mut connection).await?;
    }
    let before = origin.memory()?;
    let mut sessions = 0;
    for _ in 0..count {
        sessions += usize::from(initialize(&mut connection).await?.is_some());
    }
    let after = origin.memory()?;
    Ok((sessions > 0).then(|| each(before, after, count)))
}

/// How many come before the first look.
const WARM: usize = 100;

/// The session id, if there is one.
async fn initialize(connection: &mut Connection) -> Result<Option<HeaderValue>, Fault> {
    let answer = connection
        .fetch(mcp::initialize("/mcp", 1, mcp::LEGACY))
        .await?;
    if answer.head.status != 200 {
        return Err(format!("initialize is answered {}", answer.head.status).into());
    }
    Ok(answer.head.headers.get("mcp-session-id").cloned())
}

#[derive(Clone, Copy)]
enum Kind {
    Smoke,
    Session,
}

async fn streams(arguments: &Arguments, count: usize, kind: Kind) -> Result<Option<f64>, Fault> {
    let origin = Origin::start(arguments).await?;
    let mut held = Vec::with_capacity(count + WARM);
    let mut before = origin.memory()?;
    for number in 0..count + WARM {
        if number == WARM {
            before = origin.memory()?;
        }
        match open(origin.target(), kind).await? {
            Some(stream) => held.push(stream),
            None => return Ok(None),
        }
    }
    Ok(Some(each(before, origin.memory()?, count)))
}

/// A stream that stays open and silent, on a connection of its own.
async fn open(target: &Target, kind: Kind) -> Result<Option<Stream>, Fault> {
    let ask = match kind {
        // one event at once, the next in a minute
        Kind::Smoke => Ask::get("/mcp/sse?interval_ms=60000&count=3600"),
        Kind::Session => {
            let mut connection = Connection::open(target, Version::Http1).await?;
            let session = initialize(&mut connection).await?;
            connection.close().await;
            let Some(session) = session else {
                return Ok(None);
            };
            let mut ask = Ask::get("/mcp");
            ask.headers
                .insert("accept", HeaderValue::from_static("text/event-stream"));
            ask.headers.insert(
                "mcp-protocol-version",
                HeaderValue::from_static(mcp::LEGACY),
            );
            ask.headers.insert("mcp-session-id", session);
            ask
        }
    };
    let stream = probe::open(target, Version::Http1, ask).await?;
    if stream.head().status == 200 {
        return Ok(Some(stream));
    }
    Err(format!("a stream is answered {}", stream.head().status).into())
}

struct Flood {
    before: f64,
    peak: f64,
    after: f64,
}

/// Sessions of which no client wants anything any more.
async fn flood(arguments: &Arguments, count: usize) -> Result<Flood, Fault> {
    let origin = Origin::start(arguments).await?;
    let before = origin.memory()?.now;
    let mut tasks = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let target = origin.target().clone();
        tasks.spawn(async move {
            let mut connection = Connection::open(&target, Version::Http1).await?;
            for _ in 0..count / CONNECTIONS {
                let ask = mcp::initialize("/mcp", 1, mcp::LEGACY);
                let answer = connection.fetch(ask).await?;
                // a bound that is reached is an answer too
                if ![200, 503].contains(&answer.head.status.as_u16()) {
                    return Err(format!("initialize is answered {}", answer.head.status).into());
                }
            }
            Ok::<(), Fault>(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    let memory = origin.memory()?;
    Ok(Flood {
        before,
        peak: memory.peak,
        after: memory.now,
    })
}
