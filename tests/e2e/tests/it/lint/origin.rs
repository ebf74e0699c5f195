//! An origin that does what a request asks for in its query, and remembers what it was asked.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

/// A running origin.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    pub(super) port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    closed: Arc<Mutex<usize>>,
}

/// One request as it came.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// Which connection it came on.
    pub(super) connection: usize,
    /// Method, path and version.
    pub(super) line: String,
    /// The header fields, names in lower case.
    headers: Vec<(String, String)>,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(own, _)| own == name);
        found.map_or("", |(_, value)| value)
    }

    /// The number in the query behind `name=`.
    fn number(&self, name: &str) -> Option<u64> {
        let query = self.line.split_whitespace().nth(1)?.split_once('?')?.1;
        query
            .split('&')
            .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
    }
}

impl Origin {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let origin = Self {
            port: listener.local_addr().expect("bound").port(),
            seen: Arc::default(),
            closed: Arc::default(),
        };
        let own = origin.clone();
        tokio::spawn(async move {
            let mut connection = 0;
            while let Ok((stream, _)) = listener.accept().await {
                connection += 1;
                let own = own.clone();
                tokio::spawn(async move {
                    own.serve(stream, connection).await;
                    *own.closed.lock().expect("no panic") += 1;
                });
            }
        });
        origin
    }

    /// Everything that it was asked.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no panic").clone()
    }

    /// The only request that it was asked.
    pub(super) fn only(&self) -> Seen {
        let seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen[0].clone()
    }

    /// How many connections have ended.
    pub(super) fn closed(&self) -> usize {
        *self.closed.lock().expect("no panic")
    }

    async fn serve(&self, mut stream: TcpStream, connection: usize) {
        let mut last = Instant::now();
        let mut rest = Vec::new();
        while let Some(seen) = request(&mut stream, connection, &mut rest).await {
            // an origin that gives idle connections up after a second, and has not said so yet
            let is_stale =
                seen.number("stale").is_some() && last.elapsed() > Duration::from_secs(1);
            self.seen.lock().expect("no panic").push(seen.clone());
            if is_stale || seen.number("drop").is_some() {
                return;
            }
            if answer(&mut stream, &seen).await.is_none() || seen.line.ends_with("/1.0") {
                return;
            }
            last = Instant::now();
        }
    }
}

async fn request(stream: &mut TcpStream, connection: usize, rest: &mut Vec<u8>) -> Option<Seen> {
    let end = loop {
        if let Some(at) = rest.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        fill(stream, rest).await?;
    };
    let head = String::from_utf8_lossy(&rest[..end]).into_owned();
    rest.drain(..end);
    let mut lines = head.lines();
    let line = lines.next()?.to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let seen = Seen {
        connection,
        line,
        headers,
    };
    let length: usize = seen.header("content-length").parse().unwrap_or(0);
    while rest.len() < length {
        fill(stream, rest).await?;
    }
    rest.drain(..length);
    Some(seen)
}

async fn fill(stream: &mut TcpStream, rest: &mut Vec<u8>) -> Option<()> {
    let mut piece = vec![0; 65536];
    let read = stream.read(&mut piece).await.ok()?;
    rest.extend(&piece[..read]);
    (read > 0).then_some(())
}

async fn answer(stream: &mut TcpStream, seen: &Seen) -> Option<()> {
    let Some(events) = seen.number("events") else {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n";
        let cors = if seen.number("cors").is_some() {
            "access-control-allow-origin: *\r\n"
        } else {
            ""
        };
        return write(stream, &format!("{head}{cors}\r\nok")).await;
    };
    let mark = if seen.number("mark").is_some() {
        "x-accel-buffering: no\r\n"
    } else {
        ""
    };
    let chunked = seen.line.ends_with("/1.1");
    let coding = if chunked {
        "transfer-encoding: chunked\r\n"
    } else {
        ""
    };
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n{mark}{coding}\r\n");
    write(stream, &head).await?;
    for event in 0..events {
        if event > 0 {
            pause(stream, seen.number("every").unwrap_or(400)).await?;
        }
        let text = format!("data: {event}\n\n");
        let piece = if chunked {
            format!("{:x}\r\n{text}\r\n", text.len())
        } else {
            text
        };
        write(stream, &piece).await?;
    }
    if chunked {
        write(stream, "0\r\n\r\n").await?;
    }
    Some(())
}

/// Waits between two events; nothing when the other side has gone meanwhile.
async fn pause(stream: &mut TcpStream, milliseconds: u64) -> Option<()> {
    let mut byte = [0];
    tokio::select! {
        () = sleep(Duration::from_millis(milliseconds)) => Some(()),
        read = stream.read(&mut byte) => (read.ok()? > 0).then_some(()),
    }
}

async fn write(stream: &mut TcpStream, text: &str) -> Option<()> {
    stream.write_all(text.as_bytes()).await.ok()
}
