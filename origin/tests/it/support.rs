//! An origin on free sockets, and clients for it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use origin::app::{App, Extras};
use origin::clock::Clock;
use origin::listen::{Inherited, Socket, bind_all};
use origin::run::{Change, ChangeError, Stop, run};
use origin_config::{Bind, OriginConfig, Reload, Server};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// A running origin. It is asked to stop when it is dropped.
pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) socket: PathBuf,
    pub(crate) admin: PathBuf,
    /// Where HTTP/3 is, where it is.
    pub(crate) quic: Option<SocketAddr>,
    pub(crate) stop: Stop,
    pub(crate) running: JoinHandle<std::io::Result<()>>,
    /// What it was started with, and how to have it changed.
    config: OriginConfig,
    changes: mpsc::Sender<Change>,
    _folder: TempDir,
}

impl World {
    pub(crate) fn start() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut OriginConfig)) -> Self {
        Self::with_clock(Clock::system(), change)
    }

    pub(crate) fn with_clock(clock: Clock, change: impl FnOnce(&mut OriginConfig)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (socket, admin) = (folder.path().join("o.sock"), folder.path().join("a.sock"));
        let mut config = defaults();
        config.bind = vec![
            Bind::Tcp(([127, 0, 0, 1], 0).into()),
            Bind::Unix(socket.clone()),
        ];
        config.admin_bind = vec![Bind::Unix(admin.clone())];
        change(&mut config);
        let listeners = bind_all(&config, Inherited::none()).expect("free addresses");
        let address = listeners[0].name.parse().expect("a TCP address");
        let quic = listeners
            .iter()
            .find_map(|listener| match &listener.socket {
                Socket::Udp(udp) => udp.sockets.first()?.local_addr().ok(),
                Socket::Tcp(_) | Socket::Unix(..) => None,
            });
        let pairs = &config.tls.certificates;
        let certificates = (!pairs.is_empty())
            .then(|| origin::tls::Store::open(pairs, clock).expect("sound certificates"));
        let extras = Extras {
            certificates,
            ..Extras::default()
        };
        let app = App::start_with(config.clone(), Vec::new(), clock, extras);
        let stop = Stop::default();
        let (changes, received) = mpsc::channel(1);
        let running = tokio::spawn(run(app, listeners, stop.clone(), received));
        Self {
            address,
            socket,
            admin,
            quic,
            stop,
            running,
            config,
            changes,
            _folder: folder,
        }
    }

    /// Has a configuration taken up that differs from the one of the start by this.
    pub(crate) async fn reload(
        &self,
        change: impl FnOnce(&mut OriginConfig),
    ) -> Result<Reload, ChangeError> {
        let mut config = self.config.clone();
        change(&mut config);
        let (outcome, taken_up) = oneshot::channel();
        let sent = self.changes.send(Change { config, outcome }).await;
        sent.expect("it runs");
        taken_up.await.expect("an outcome")
    }

    /// One request on a connection of its own, over TCP.
    pub(crate) async fn send(&self, version: Version, request: Call) -> Response<Incoming> {
        let stream = TcpStream::connect(self.address).await.expect("it listens");
        send_on(stream, version, request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Response<Incoming> {
        self.send(Version::HTTP_11, get(path)).await
    }

    /// A document of the admin listener.
    pub(crate) async fn admin(&self, path: &str) -> Value {
        let stream = UnixStream::connect(&self.admin).await.expect("it listens");
        json(send_on(stream, Version::HTTP_11, get(path)).await).await
    }

    /// Waits until the admin listener counts this many streams.
    pub(crate) async fn wait_for_streams(&self, expected: u64) {
        until("the number of streams", async || {
            self.admin("/streams").await["open"] == expected
        })
        .await;
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.now.cancel();
    }
}

pub(crate) type Call = Request<Full<Bytes>>;

/// The defaults, for the hosts that these tests write.
pub(crate) fn defaults() -> OriginConfig {
    let (config, report) = origin_config::load(findings::Document::empty());
    let mut config = config.unwrap_or_else(|| panic!("{report}"));
    config.allowed_hosts = ["x", "origin.test"]
        .map(|host| host.parse().expect("a host"))
        .to_vec();
    config
}

/// A server that runs this command.
pub(crate) fn server(name: &str, command: &[&str], start_timeout: Duration) -> Server {
    Server {
        name: name.to_owned(),
        command: command.iter().map(|&word| word.to_owned()).collect(),
        remote: None,
        socket: None,
        working_directory: None,
        environment: std::collections::BTreeMap::new(),
        environment_pass: Vec::new(),
        start_timeout,
        call_timeout: Duration::from_mins(1),
        process: origin_config::ProcessMode::Shared,
        launch: origin_config::Launch::default(),
        filter: origin_config::Filter::default(),
        max_processes: 1,
    }
}

pub(crate) fn get(path: &str) -> Call {
    request("GET", path, &[])
}

/// A request without a body. Over HTTP/2 the authority comes from the URI, over HTTP/1.1 from `Host`.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)]) -> Call {
    with_body(method, path, headers, Bytes::new())
}

pub(crate) fn with_body(
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Call {
    let mut builder = Request::builder()
        .method(method)
        .uri(format!("http://origin.test{path}"));
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder
        .body(Full::new(body.into()))
        .expect("a valid request")
}

pub(crate) async fn send_on<S>(stream: S, version: Version, mut request: Call) -> Response<Incoming>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let io = TokioIo::new(stream);
    if version == Version::HTTP_2 {
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), io)
                .await
                .expect("HTTP/2 by prior knowledge");
        tokio::spawn(connection);
        return sender.send_request(request).await.expect("an answer");
    }
    let path = request.uri().path_and_query().expect("a path").to_string();
    *request.uri_mut() = path.parse().expect("a path");
    request
        .headers_mut()
        .insert("host", "origin.test".parse().expect("a host"));
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io)
        .await
        .expect("a connection");
    tokio::spawn(connection);
    sender.send_request(request).await.expect("an answer")
}

pub(crate) async fn json<B>(response: Response<B>) -> Value
where
    B: http_body::Body<Data = Bytes, Error: std::fmt::Debug>,
{
    let bytes = response.into_body().collect().await.expect("a body");
    serde_json::from_slice(&bytes.to_bytes()).expect("JSON")
}

/// The next chunk of a stream as text; `None` at its end. HTTP/2 may end a stream with an empty one.
pub(crate) async fn chunk(body: &mut Incoming) -> Option<String> {
    loop {
        let frame = tokio::time::timeout(PATIENCE, body.frame());
        let frame = frame.await.expect("a chunk in time")?.expect("no error");
        let data = frame.into_data().ok()?;
        if !data.is_empty() {
            return Some(String::from_utf8(data.to_vec()).expect("text"));
        }
    }
}

/// A POST to `/mcp` whose body is held back: it is in flight for certain, and for as long as the test wants.
pub(crate) struct HeldCall<S> {
    stream: S,
}

impl<S: AsyncRead + AsyncWrite + Unpin> HeldCall<S> {
    /// Returns once the endpoint has asked for the body, which is when 100 (Continue) is sent.
    pub(crate) async fn begin(mut stream: S) -> Self {
        let head = format!(
            "POST /mcp HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
            accept: application/json, text/event-stream\r\ncontent-length: {}\r\n\
            expect: 100-continue\r\n\r\n",
            PING.len()
        );
        stream.write_all(head.as_bytes()).await.expect("it reads");
        let mut go_on = [0; 25];
        stream.read_exact(&mut go_on).await.expect("an answer");
        assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
        Self { stream }
    }

    /// Sends the body; everything that comes back until the connection is closed.
    pub(crate) async fn finish(&mut self) -> String {
        let mut answer = String::new();
        // A connection that was cut fails the write or the read, and has no answer.
        let _ = self.stream.write_all(PING.as_bytes()).await;
        let _ = self.stream.read_to_string(&mut answer).await;
        answer
    }
}

const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

/// Waits for a fact, with a deadline.
pub(crate) async fn until(fact: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(waited.is_ok(), "{fact} never came to hold");
}

/// Both versions that the origin speaks on cleartext sockets.
pub(crate) const VERSIONS: [Version; 2] = [Version::HTTP_11, Version::HTTP_2];

/// How long a test waits for what must come: far above what a busy machine needs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// An app without listeners, for connections from memory.
pub(crate) fn app(change: impl FnOnce(&mut OriginConfig)) -> Arc<App> {
    let mut config = defaults();
    change(&mut config);
    App::start(config, Vec::new(), Clock::system())
}
