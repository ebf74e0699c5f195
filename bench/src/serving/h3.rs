//! HTTP/3: quinn's streams with the frames written by hand.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Endpoint, RecvStream, TransportConfig, VarInt};
use tokio::task::JoinSet;

use crate::Fault;

/// A socket of its own; connections may share one.
pub(crate) fn endpoint(tls: &Arc<rustls::ClientConfig>) -> Result<Endpoint, Fault> {
    let mut endpoint = Endpoint::client((Ipv4Addr::LOCALHOST, 0).into())?;
    let crypto = QuicClientConfig::try_from(Arc::clone(tls))?;
    let mut config = ClientConfig::new(Arc::new(crypto));
    let mut transport = TransportConfig::default();
    transport.keep_alive_interval(Some(Duration::from_secs(10)));
    // nobody looks for a larger datagram in the middle of a turn
    transport.mtu_discovery_config(None);
    config.transport_config(Arc::new(transport));
    endpoint.set_default_client_config(config);
    Ok(endpoint)
}

pub(crate) struct Connection {
    inner: quinn::Connection,
    request: Arc<[u8]>,
    held: Vec<RecvStream>,
    _control: quinn::SendStream,
}

impl Connection {
    pub(crate) async fn open(endpoint: &Endpoint, port: u16, path: &str) -> Result<Self, Fault> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let inner = endpoint.connect(address, "localhost")?.await?;
        let mut control = inner.open_uni().await?;
        // a control stream with SETTINGS that say nothing (RFC 9114 section 6.2.1)
        control.write_all(&[0, 4, 0]).await?;
        let streams = inner.clone();
        // the server's control stream and QPACK's: nobody reads them, and they must not be stopped
        tokio::spawn(async move {
            let mut kept = Vec::new();
            while let Ok(stream) = streams.accept_uni().await {
                kept.push(stream);
            }
        });
        Ok(Self {
            inner,
            request: request(port, path).into(),
            held: Vec::new(),
            _control: control,
        })
    }

    /// Asks on `streams` streams at a time until `end`; the latencies in seconds.
    pub(crate) async fn requests(
        &mut self,
        streams: usize,
        end: Instant,
    ) -> Result<Vec<f64>, Fault> {
        let mut asking = JoinSet::new();
        for _ in 0..streams {
            let (connection, request) = (self.inner.clone(), Arc::clone(&self.request));
            asking.spawn(async move {
                let mut latencies = Vec::new();
                loop {
                    let at = Instant::now();
                    if at >= end {
                        return Ok::<_, Fault>(latencies);
                    }
                    let mut answer = ask(&connection, &request).await?;
                    let mut first = true;
                    while let Some(chunk) = answer.read_chunk(usize::MAX, true).await? {
                        if std::mem::take(&mut first) && !is_ok(&chunk.bytes) {
                            return Err("an answer is not 200".into());
                        }
                    }
                    latencies.push(at.elapsed().as_secs_f64());
                }
            });
        }
        let mut all = Vec::new();
        while let Some(latencies) = asking.join_next().await {
            all.extend(latencies??);
        }
        Ok(all)
    }

    /// Opens `streams` streams and waits for the first event of each.
    pub(crate) async fn hold(&mut self, streams: usize) -> Result<(), Fault> {
        for _ in 0..streams {
            self.held.push(ask(&self.inner, &self.request).await?);
        }
        for answer in &mut self.held {
            let mut seen = Vec::new();
            while !seen.windows(5).any(|bytes| bytes == b"data:") {
                let chunk = answer.read_chunk(usize::MAX, true).await?;
                seen.extend_from_slice(&chunk.ok_or("a stream ended")?.bytes);
            }
        }
        Ok(())
    }

    /// Whether the server has not closed it.
    pub(crate) fn is_open(&self) -> bool {
        self.inner.close_reason().is_none()
    }

    /// Says goodbye.
    pub(crate) fn close(&self) {
        self.inner.close(VarInt::from_u32(0x100), b"");
    }
}

async fn ask(connection: &quinn::Connection, request: &[u8]) -> Result<RecvStream, Fault> {
    let (mut send, answer) = connection.open_bi().await?;
    send.write_all(request).await?;
    send.finish()?;
    Ok(answer)
}

/// HEADERS of a GET: names of QPACK's static table (RFC 9204 appendix A), the path and the authority as literals.
fn request(port: u16, path: &str) -> Vec<u8> {
    // nothing of a dynamic table; `:method: GET` is entry 17, `:scheme: https` 23
    let mut section = vec![0, 0, indexed(17), indexed(23)];
    // `:path` is entry 1, `:authority` 0
    for (name, value) in [(0x51, path), (0x50, &*format!("localhost:{port}"))] {
        section.push(name);
        section.push(u8::try_from(value.len()).unwrap_or(0));
        section.extend_from_slice(value.as_bytes());
    }
    let mut frame = vec![1, u8::try_from(section.len()).unwrap_or(0)];
    frame.append(&mut section);
    frame
}

/// Whether an answer begins with HEADERS that begin with `:status: 200`, entry 25 of the static table.
fn is_ok(answer: &[u8]) -> bool {
    // a length of up to 63 bytes is one byte, a longer one two
    let length = if answer.get(1).is_some_and(|byte| byte & 0xc0 == 0) {
        1
    } else {
        2
    };
    answer.first() == Some(&1) && answer.get(1 + length + 2) == Some(&indexed(25))
}

/// A field that is an entry of QPACK's static table, one of the first 63 (RFC 9204 section 4.5.2).
fn indexed(entry: u8) -> u8 {
    0xc0 | entry
}
