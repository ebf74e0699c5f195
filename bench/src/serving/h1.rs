//! HTTP/1.1, with TLS or without: as little as a client can do.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt as _;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::Fault;

pub(crate) struct Connection {
    stream: Box<dyn Wire>,
    request: String,
    buffer: Vec<u8>,
    /// Bytes of an answer whose length is told: all are as long as the first.
    length: Option<usize>,
}

trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

impl Connection {
    pub(crate) async fn open(
        port: u16,
        path: &str,
        tls: Option<&Arc<ClientConfig>>,
    ) -> Result<Self, Fault> {
        let stream = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
        stream.set_nodelay(true)?;
        let stream: Box<dyn Wire> = match tls {
            None => Box::new(stream),
            Some(tls) => {
                let connector = TlsConnector::from(Arc::clone(tls));
                let name = ServerName::try_from("localhost")?;
                Box::new(connector.connect(name, stream).await?)
            }
        };
        Ok(Self {
            stream,
            request: format!("GET {path} HTTP/1.1\r\nhost: localhost:{port}\r\n\r\n"),
            buffer: Vec::new(),
            length: None,
        })
    }

    /// Asks again and again until `end`; the latencies in seconds.
    pub(crate) async fn requests(&mut self, end: Instant) -> Result<Vec<f64>, Fault> {
        let mut latencies = Vec::new();
        loop {
            let at = Instant::now();
            if at >= end {
                return Ok(latencies);
            }
            self.exchange().await?;
            latencies.push(at.elapsed().as_secs_f64());
        }
    }

    /// Opens a stream and waits for its first event.
    pub(crate) async fn hold(&mut self) -> Result<(), Fault> {
        self.send().await?;
        self.buffer.clear();
        while !self.buffer.windows(5).any(|bytes| bytes == b"data:") {
            self.read().await?;
            self.check()?;
        }
        // what it holds here is no matter, and there are ten thousand
        self.buffer = Vec::new();
        Ok(())
    }

    /// Whether the server has not closed it.
    pub(crate) fn is_open(&mut self) -> bool {
        let mut bytes = [0; 256];
        let read = self.stream.read(&mut bytes).now_or_never();
        read.is_none_or(|read| read.is_ok_and(|length| length > 0))
    }

    async fn send(&mut self) -> Result<(), Fault> {
        self.stream.write_all(self.request.as_bytes()).await?;
        Ok(self.stream.flush().await?)
    }

    async fn exchange(&mut self) -> Result<(), Fault> {
        self.buffer.clear();
        self.send().await?;
        loop {
            self.read().await?;
            self.check()?;
            self.length = self.length.or_else(|| length(&self.buffer));
            match self.length {
                Some(length) if self.buffer.len() == length => return Ok(()),
                Some(length) if self.buffer.len() > length => {
                    return Err("an answer is longer than the first".into());
                }
                // the last chunk (RFC 9112 section 7.1)
                None if self.buffer.ends_with(b"\r\n0\r\n\r\n") => return Ok(()),
                _ => {}
            }
        }
    }

    fn check(&self) -> Result<(), Fault> {
        if self.buffer.starts_with(b"HTTP/1.1 200") {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&self.buffer);
        Err(format!("not 200: {}", text.lines().next().unwrap_or("")).into())
    }

    async fn read(&mut self) -> Result<(), Fault> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            return Err("the server closed a connection".into());
        }
        Ok(())
    }
}

/// Head and body together, once the head is there and says it.
fn length(buffer: &[u8]) -> Option<usize> {
    let head = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&buffer[..head]).to_ascii_lowercase();
    let body = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))?;
    Some(head + body.trim().parse::<usize>().ok()?)
}
