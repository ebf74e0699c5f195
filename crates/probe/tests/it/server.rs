//! One service behind every kind of listener that the probe can reach.

use std::{convert::Infallible, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use bytes::{Buf, Bytes};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, channel::Channel};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use probe::{CertificateDer, Connect, Scheme, Target, Trust, Version};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener},
    sync::{Mutex, Notify, mpsc},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

/// The listeners. All of them go when it is dropped.
pub(crate) struct Server {
    tls: SocketAddr,
    plain: SocketAddr,
    udp: SocketAddr,
    directory: tempfile::TempDir,
    pub(crate) root: CertificateDer<'static>,
    pub(crate) desk: Desk,
    ends: Mutex<mpsc::UnboundedReceiver<String>>,
    _tasks: JoinSet<()>,
}

/// What every request has at hand.
#[derive(Clone)]
pub(crate) struct Desk {
    /// Lets `/silent` speak on.
    pub(crate) poke: Arc<Notify>,
    ends: mpsc::UnboundedSender<String>,
}

type Sender = http_body_util::channel::Sender<Bytes, Infallible>;
type Exchange = h3::server::RequestStream<h3_quinn::BidiStream<Bytes>, Bytes>;

/// A response body that is being written; an error is the word for how the reader left.
enum Out {
    Hyper(Sender),
    Http3(Box<Exchange>),
}

/// What the QUIC side does that another does not.
#[derive(Clone, Copy, Default)]
pub(crate) struct Habits {
    /// It has every client prove its address.
    pub(crate) retries: bool,
    /// It takes data before the handshake has ended.
    pub(crate) takes_early_data: bool,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_with(Habits::default()).await
    }

    pub(crate) async fn start_with(habits: Habits) -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let root = made.cert.der().clone();
        let config = |protocols: &[&str]| {
            let key =
                PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let mut config = rustls::ServerConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![root.clone()], key)
                .unwrap();
            config.alpn_protocols = protocols.iter().map(|p| p.as_bytes().to_vec()).collect();
            config
        };
        let (ends, ended) = mpsc::unbounded_channel();
        let desk = Desk {
            poke: Arc::default(),
            ends,
        };
        let directory = tempfile::tempdir().unwrap();
        let mut tasks = JoinSet::new();
        let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tls = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let unix = UnixListener::bind(directory.path().join("sock")).unwrap();
        let (plain_at, tls_at) = (plain.local_addr().unwrap(), tls.local_addr().unwrap());
        let mut tls_of_quic = config(&["h3"]);
        if habits.takes_early_data {
            // RFC 9001, section 4.6.1: the one value beside 0 that QUIC has
            tls_of_quic.max_early_data_size = u32::MAX;
        }
        let quic = quinn::crypto::rustls::QuicServerConfig::try_from(tls_of_quic).unwrap();
        let endpoint = quinn::Endpoint::server(
            quinn::ServerConfig::with_crypto(Arc::new(quic)),
            ([127, 0, 0, 1], 0).into(),
        )
        .unwrap();
        let udp = endpoint.local_addr().unwrap();
        tasks.spawn(accept_tcp(plain, None, desk.clone()));
        let acceptor = TlsAcceptor::from(Arc::new(config(&["h2", "http/1.1"])));
        tasks.spawn(accept_tcp(tls, Some(acceptor), desk.clone()));
        tasks.spawn(accept_unix(unix, desk.clone()));
        tasks.spawn(accept_quic(endpoint, habits, desk.clone()));
        Self {
            tls: tls_at,
            plain: plain_at,
            udp,
            directory,
            root,
            desk,
            ends: Mutex::new(ended),
            _tasks: tasks,
        }
    }

    /// The way to this server over TLS or QUIC, under its name and trusting its certificate.
    pub(crate) fn target(&self, version: Version) -> Target {
        let address = match version {
            Version::Http1 | Version::Http2 => self.tls,
            Version::Http3 => self.udp,
        };
        Target::new(Scheme::Https, "localhost", address.port())
            .with_connect(Connect::Address(address))
            .with_trust(Trust::Roots(vec![self.root.clone()]))
            .with_timeout(Duration::from_secs(5))
    }

    pub(crate) fn plain(&self) -> Target {
        Target::new(Scheme::Http, "localhost", self.plain.port())
            .with_connect(Connect::Address(self.plain))
    }

    pub(crate) fn unix(&self) -> Target {
        self.plain().with_connect(Connect::Unix(self.socket()))
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("sock")
    }

    /// How the next reader that left left.
    pub(crate) async fn end(&self) -> String {
        let end = async { self.ends.lock().await.recv().await.unwrap() };
        tokio::time::timeout(Duration::from_secs(5), end)
            .await
            .expect("nobody left")
    }
}

async fn accept_tcp(listener: TcpListener, acceptor: Option<TlsAcceptor>, desk: Desk) {
    let mut tasks = JoinSet::new();
    while let Ok((tcp, _)) = listener.accept().await {
        tcp.set_nodelay(true).unwrap();
        let (acceptor, desk) = (acceptor.clone(), desk.clone());
        tasks.spawn(async move {
            match acceptor {
                None => serve(tcp, desk).await,
                Some(acceptor) => {
                    if let Ok(tls) = acceptor.accept(tcp).await {
                        serve(tls, desk).await;
                    }
                }
            }
        });
    }
}

async fn accept_unix(listener: UnixListener, desk: Desk) {
    let mut tasks = JoinSet::new();
    while let Ok((unix, _)) = listener.accept().await {
        tasks.spawn(serve(unix, desk.clone()));
    }
}

async fn serve(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, desk: Desk) {
    let service = service_fn(move |request: Request<Incoming>| {
        let desk = desk.clone();
        async move {
            let (sender, body) = Channel::new(1);
            let (parts, incoming) = request.into_parts();
            let head = head(parts.uri.path()).await;
            let sent = if parts.uri.path() == "/early" {
                Bytes::new()
            } else {
                incoming
                    .collect()
                    .await
                    .map(http_body_util::Collected::to_bytes)
                    .unwrap_or_default()
            };
            let request = Request::from_parts(parts, sent);
            tokio::spawn(write(request, Out::Hyper(sender), desk));
            Ok::<_, Infallible>(head.map(|()| body))
        }
    });
    // a client that leaves is an error here
    let _ = auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(io), service)
        .await;
}

async fn accept_quic(endpoint: quinn::Endpoint, habits: Habits, desk: Desk) {
    let mut tasks = JoinSet::new();
    while let Some(incoming) = endpoint.accept().await {
        if habits.retries && !incoming.remote_address_validated() {
            incoming.retry().unwrap();
            continue;
        }
        let desk = desk.clone();
        tasks.spawn(async move {
            let Ok(connection) = incoming.await else {
                return;
            };
            let closing = connection.clone();
            let ends = desk.ends.clone();
            let mut h3 =
                h3::server::Connection::<_, Bytes>::new(h3_quinn::Connection::new(connection))
                    .await
                    .unwrap();
            while let Ok(Some(resolver)) = h3.accept().await {
                let desk = desk.clone();
                tokio::spawn(async move {
                    let (request, stream) = resolver.resolve_request().await.unwrap();
                    exchange(request, stream, desk).await;
                });
            }
            if let quinn::ConnectionError::ApplicationClosed(close) = closing.closed().await {
                let _ = ends.send(format!("closed {:#x}", close.error_code.into_inner()));
            }
        });
    }
}

async fn exchange(request: Request<()>, mut stream: Exchange, desk: Desk) {
    let head = head(request.uri().path()).await;
    let mut body = Vec::new();
    if request.uri().path() != "/early" {
        while let Ok(Some(mut data)) = stream.recv_data().await {
            body.extend_from_slice(&data.copy_to_bytes(data.remaining()));
        }
    }
    if request.uri().path() == "/hinted" {
        let hint = Response::builder().status(103).body(()).unwrap();
        stream.send_response(hint).await.unwrap();
    }
    let _ = stream.send_response(head).await;
    write(
        request.map(|()| body.into()),
        Out::Http3(Box::new(stream)),
        desk,
    )
    .await;
}

async fn head(path: &str) -> Response<()> {
    if path == "/slow" {
        std::future::pending::<()>().await;
    }
    let status = if path == "/early" { 413 } else { 200 };
    Response::builder()
        .status(status)
        .header("x-seen", path)
        .body(())
        .unwrap()
}

async fn write(request: Request<Bytes>, mut out: Out, desk: Desk) {
    match request.uri().path() {
        "/echo" | "/hinted" => out.send(echo(&request)).await.unwrap(),
        "/ticks" => {
            for tick in 0..3 {
                out.send(format!("data: {tick}\n\n")).await.unwrap();
                desk.poke.notified().await;
            }
        }
        "/trailers" => {
            out.send("body").await.unwrap();
            return out.trailers().await;
        }
        "/large" => {
            let mebibyte = Bytes::from(vec![0; 1024 * 1024]);
            for _ in 0..17 {
                // the reader leaves in time
                let _ = out.send(mebibyte.clone()).await;
            }
        }
        "/silent" => {
            out.send("data: one\n\n").await.unwrap();
            desk.poke.notified().await;
            let end = loop {
                if let Err(end) = out.send(":\n\n").await {
                    break end;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            };
            // to finish a stream that was stopped is an error of the whole connection for h3
            let _ = desk.ends.send(end);
            return;
        }
        _ => {}
    }
    out.finish().await;
}

fn echo(request: &Request<Bytes>) -> String {
    let authority = request.uri().authority().map(ToString::to_string);
    let hosts: Vec<_> = request
        .headers()
        .get_all("host")
        .iter()
        .map(|host| host.to_str().unwrap())
        .collect();
    format!(
        "{:?} {} {} authority={authority:?} hosts={hosts:?} length={:?} body={:?}",
        request.version(),
        request.method(),
        request.uri().path_and_query().unwrap(),
        request.headers().get("content-length"),
        request.body(),
    )
}

impl Out {
    async fn send(&mut self, data: impl Into<Bytes>) -> Result<(), String> {
        match self {
            Self::Hyper(sender) => sender
                .send_data(data.into())
                .await
                .map_err(|_| "gone".to_owned()),
            Self::Http3(stream) => {
                stream
                    .send_data(data.into())
                    .await
                    .map_err(|error| match error {
                        h3::error::StreamError::RemoteTerminate { code, .. } => {
                            format!("stopped {:#x}", code.value())
                        }
                        error => format!("lost: {error}"),
                    })
            }
        }
    }

    async fn trailers(mut self) {
        let trailers = HeaderMap::from_iter([(
            http::HeaderName::from_static("x-end"),
            HeaderValue::from_static("yes"),
        )]);
        match &mut self {
            Self::Hyper(sender) => sender.send_trailers(trailers).await.unwrap(),
            Self::Http3(stream) => stream.send_trailers(trailers).await.unwrap(),
        }
        self.finish().await;
    }

    async fn finish(self) {
        if let Self::Http3(mut stream) = self {
            let _ = stream.finish().await;
        }
    }
}
