//! HTTP/2 over TLS, frame by frame: a client that does less than the server that is measured.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt as _;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::Fault;

pub(crate) struct Connection {
    stream: TlsStream<TcpStream>,
    /// The header block of every request.
    fields: Vec<u8>,
    next: u32,
    input: Vec<u8>,
    output: Vec<u8>,
    /// Bytes of DATA since the connection's window was last opened.
    taken: u32,
}

/// What a frame says of a stream.
enum News {
    Data(u32),
    Ended(u32),
}

impl Connection {
    pub(crate) async fn open(
        port: u16,
        path: &str,
        tls: &Arc<ClientConfig>,
    ) -> Result<Self, Fault> {
        let stream = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from("localhost")?;
        let stream = TlsConnector::from(Arc::clone(tls))
            .connect(name, stream)
            .await?;
        if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
            return Err("the server does not speak HTTP/2".into());
        }
        let mut output = PREFACE.to_vec();
        // no push, and the largest window a stream can have
        let mut settings = Vec::new();
        settings.extend_from_slice(&[0, 2, 0, 0, 0, 0]);
        settings.extend_from_slice(&[0, 4]);
        settings.extend_from_slice(&LARGEST.to_be_bytes());
        frame(&mut output, SETTINGS, 0, 0, &settings);
        frame(
            &mut output,
            WINDOW_UPDATE,
            0,
            0,
            &(LARGEST - 65_535).to_be_bytes(),
        );
        Ok(Self {
            stream,
            fields: fields(port, path),
            next: 1,
            input: Vec::new(),
            output,
            taken: 0,
        })
    }

    /// Asks on `streams` streams at a time until `end`; the latencies in seconds.
    pub(crate) async fn requests(
        &mut self,
        streams: usize,
        end: Instant,
    ) -> Result<Vec<f64>, Fault> {
        let mut latencies = Vec::new();
        let mut open = HashMap::new();
        for _ in 0..streams {
            open.insert(self.ask(), Instant::now());
        }
        while !open.is_empty() {
            for news in self.turn().await? {
                let News::Ended(id) = news else { continue };
                let begun = open.remove(&id).ok_or("an answer to no request")?;
                let now = Instant::now();
                latencies.push((now - begun).as_secs_f64());
                if now < end {
                    open.insert(self.ask(), now);
                }
            }
        }
        Ok(latencies)
    }

    /// Opens `streams` streams and waits for the first event of each.
    pub(crate) async fn hold(&mut self, streams: usize) -> Result<(), Fault> {
        let mut silent: Vec<u32> = (0..streams).map(|_| self.ask()).collect();
        while !silent.is_empty() {
            for news in self.turn().await? {
                match news {
                    News::Data(id) => silent.retain(|&other| other != id),
                    News::Ended(_) => return Err("a stream ended".into()),
                }
            }
        }
        self.input = Vec::new();
        Ok(())
    }

    /// Whether the server has not closed it.
    pub(crate) fn is_open(&mut self) -> bool {
        let mut bytes = [0; 256];
        let read = self.stream.read(&mut bytes).now_or_never();
        read.is_none_or(|read| read.is_ok_and(|length| length > 0))
    }

    fn ask(&mut self) -> u32 {
        let id = self.next;
        self.next += 2;
        frame(
            &mut self.output,
            HEADERS,
            END_HEADERS | END_STREAM,
            id,
            &self.fields,
        );
        id
    }

    /// Writes what is to be said and reads what comes.
    async fn turn(&mut self) -> Result<Vec<News>, Fault> {
        if !self.output.is_empty() {
            self.stream.write_all(&self.output).await?;
            self.stream.flush().await?;
            self.output.clear();
        }
        if self.stream.read_buf(&mut self.input).await? == 0 {
            return Err("the server closed a connection".into());
        }
        let (mut news, mut at) = (Vec::new(), 0);
        while let Some(head) = self.input.get(at..at + 9) {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let (kind, flags) = (head[3], head[4]);
            let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]) & LARGEST;
            let Some(payload) = self.input.get(at + 9..at + 9 + length) else {
                break;
            };
            match kind {
                DATA => {
                    self.taken += u32::try_from(length)?;
                    news.push(News::Data(id));
                }
                HEADERS if !is_ok(payload, flags) => return Err("an answer is not 200".into()),
                SETTINGS if flags & ACK == 0 => frame(&mut self.output, SETTINGS, ACK, 0, &[]),
                PING if flags & ACK == 0 => frame(&mut self.output, PING, ACK, 0, payload),
                RST_STREAM | GOAWAY => return Err("the server gave a stream up".into()),
                _ => {}
            }
            if matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0 {
                news.push(News::Ended(id));
            }
            at += 9 + length;
        }
        self.input.drain(..at);
        if self.taken > LARGEST / 4 {
            frame(
                &mut self.output,
                WINDOW_UPDATE,
                0,
                0,
                &self.taken.to_be_bytes(),
            );
            self.taken = 0;
        }
        Ok(news)
    }
}

/// A frame (RFC 9113 section 4.1).
fn frame(out: &mut Vec<u8>, kind: u8, flags: u8, id: u32, payload: &[u8]) {
    let length = u32::try_from(payload.len())
        .unwrap_or(u32::MAX)
        .to_be_bytes();
    out.extend_from_slice(&length[1..]);
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&id.to_be_bytes());
    out.extend_from_slice(payload);
}

/// GET over https, the path and the authority as literals that are not indexed (RFC 7541 section 6.2.2).
fn fields(port: u16, path: &str) -> Vec<u8> {
    let mut block = vec![0x82, 0x87];
    for (name, value) in [(0x04, path), (0x01, &*format!("localhost:{port}"))] {
        block.push(name);
        block.push(u8::try_from(value.len()).unwrap_or(0));
        block.extend_from_slice(value.as_bytes());
    }
    block
}

/// Whether the first field is `:status: 200`, entry 8 of the static table, behind changes of the dynamic one's size.
fn is_ok(payload: &[u8], flags: u8) -> bool {
    let skipped = if flags & PRIORITY == 0 { 0 } else { 5 };
    let mut fields = payload.iter().skip(skipped);
    fields.find(|&&byte| byte & 0xe0 != 0x20) == Some(&0x88)
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const LARGEST: u32 = (1 << 31) - 1;

/// Kinds of frames (RFC 9113 section 6).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

/// Flags of frames.
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PRIORITY: u8 = 0x20;
