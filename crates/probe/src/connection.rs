//! Connections, and the three ways to use one.

use bytes::Bytes;

use crate::{Answer, Ask, ProbeError, Stream, Target, Timing, Tls, Version};

/// The longest body that `fetch` collects, 16 MiB: NGINX is told to take as much (`client_max_body_size`), and no answer of this project is longer.
pub const MAX_BODY: usize = 16 * 1024 * 1024;

/// One connection to a server. Dropping it closes it, and with it the streams that it carries.
#[derive(Debug)]
pub struct Connection {
    tls: Option<Tls>,
    timing: Timing,
}

impl Connection {
    /// Connects and ends the handshakes.
    pub async fn open(target: &Target, version: Version) -> Result<Self, ProbeError> {
        let _ = (target, version);
        std::future::ready(()).await;
        Err(ProbeError::Unsupported {
            version,
            reason: "",
        })
    }
    /// Sends a request and waits for the response head, at most the target's `timeout`.
    pub async fn send(&mut self, ask: Ask) -> Result<Stream, ProbeError> {
        let _ = ask;
        std::future::ready(()).await;
        Err(ProbeError::Ask {
            reason: String::new(),
        })
    }
    /// Sends a request and waits for the whole response, at most the target's `timeout`.
    pub async fn fetch(&mut self, ask: Ask) -> Result<Answer, ProbeError> {
        let _ = (ask, Bytes::new());
        std::future::ready(()).await;
        Err(ProbeError::Ask {
            reason: String::new(),
        })
    }
    /// The TLS session; nothing for `http`.
    pub fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }
    /// How long its making took (`first_byte` is zero).
    pub fn timing(&self) -> Timing {
        self.timing
    }
    /// Closes it in the version's own way and waits (at most 250 ms) until that is on its way.
    pub async fn close(self) {
        std::future::ready(()).await;
    }
}

/// Asks over a fresh connection and returns the whole response (its body at most [`MAX_BODY`] bytes) within the target's `timeout`.
pub async fn fetch(target: &Target, version: Version, ask: Ask) -> Result<Answer, ProbeError> {
    Connection::open(target, version).await?.fetch(ask).await
}

/// Asks over a fresh connection and returns when the response head is there.
pub async fn open(target: &Target, version: Version, ask: Ask) -> Result<Stream, ProbeError> {
    Connection::open(target, version).await?.send(ask).await
}

/// Makes `count` fresh connections one after the other and closes each at once; says what became of every one.
pub async fn handshakes(
    target: &Target,
    version: Version,
    count: usize,
) -> Vec<Result<Timing, ProbeError>> {
    let mut seen = Vec::with_capacity(count);
    for _ in 0..count {
        seen.push(Connection::open(target, version).await.map(|c| c.timing()));
    }
    seen
}
