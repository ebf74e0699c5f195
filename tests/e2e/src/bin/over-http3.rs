//! `over-http3 FOLDER PORT`: HTTP/1.1 on a free port of loopback, HTTP/3 to `localhost:PORT`, so that a client that speaks no HTTP/3
//! is served over it. A connection here is one there.
//!
//! It makes the certificate that the server is to show, `cert.pem` and `key.pem` in FOLDER, and then prints its own URL.

use std::convert::Infallible;
use std::error::Error;
use std::io::{self, Write as _};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use probe::{Ask, CertificateDer, Connect, Connection, Scheme, Stream, Target, Trust, Version};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, port] = &arguments[..] else {
        let _ = writeln!(io::stderr(), "usage: over-http3 FOLDER PORT");
        return ExitCode::from(64);
    };
    match run(Path::new(folder), port).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            let _ = writeln!(io::stderr(), "error: {fault}");
            ExitCode::FAILURE
        }
    }
}

async fn run(folder: &Path, port: &str) -> Result<(), Fault> {
    let port: u16 = port.parse()?;
    let mut target = Target::new(Scheme::Https, "localhost", port)
        .with_connect(Connect::Address((Ipv4Addr::LOCALHOST, port).into()))
        .with_trust(Trust::Roots(vec![certify(folder)?]));
    target.timeout = PATIENCE;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    writeln!(
        io::stdout(),
        "http://localhost:{}",
        listener.local_addr()?.port()
    )?;
    io::stdout().flush()?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(serve(stream, target.clone()));
    }
}

/// Makes the certificate for both sides.
#[expect(clippy::disallowed_methods, reason = "files of the test's own folder")]
fn certify(folder: &Path) -> Result<CertificateDer<'static>, Fault> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    std::fs::write(folder.join("cert.pem"), made.cert.pem())?;
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem())?;
    Ok(made.cert.der().clone())
}

async fn serve(stream: TcpStream, target: Target) {
    let beyond = Arc::new(Beyond {
        target,
        connection: Mutex::new(None),
    });
    let service = service_fn(move |request| {
        let beyond = Arc::clone(&beyond);
        async move { Ok::<_, Infallible>(beyond.answer(request).await) }
    });
    // a client that went away is what the tests are about
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// The other end of a connection, made with its first request.
struct Beyond {
    target: Target,
    connection: Mutex<Option<Connection>>,
}

impl Beyond {
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        match self.ask(request).await {
            Ok(stream) => response(stream),
            Err(fault) => {
                let text = Full::new(format!("over-http3: {fault}\n").into());
                let text = text.map_err(|never| match never {});
                let mut response = Response::new(text.boxed_unsync());
                *response.status_mut() = StatusCode::BAD_GATEWAY;
                response
            }
        }
    }

    async fn ask(&self, request: Request<Incoming>) -> Result<Stream, Fault> {
        let (head, body) = request.into_parts();
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut ask = Ask::new(head.method, path);
        ask.headers = beyond_this_hop(head.headers);
        // `Ask` says the length itself
        ask.headers.remove(header::CONTENT_LENGTH);
        ask.body = body.collect().await?.to_bytes();
        let mut connection = self.connection.lock().await;
        let connection = match &mut *connection {
            Some(connection) => connection,
            none => none.insert(Connection::open(&self.target, Version::Http3).await?),
        };
        let mut stream = connection.send(ask).await?;
        stream.set_idle_timeout(PATIENCE);
        Ok(stream)
    }
}

/// The answer as it comes; when the client leaves, the stream there is given up.
fn response(stream: Stream) -> Response<Body> {
    let head = stream.head().clone();
    let pieces = futures_util::stream::try_unfold(stream, |mut stream| async move {
        let piece = stream.chunk().await?;
        Ok::<_, Fault>(piece.map(|(_, bytes)| (Frame::data(bytes), stream)))
    });
    let mut response = Response::new(StreamBody::new(pieces).boxed_unsync());
    *response.status_mut() = head.status;
    *response.headers_mut() = beyond_this_hop(head.headers);
    response
}

/// Without the fields that are about one connection (RFC 9110 section 7.6.1).
fn beyond_this_hop(mut headers: HeaderMap) -> HeaderMap {
    for name in [
        header::CONNECTION,
        header::TE,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
    ] {
        headers.remove(name);
    }
    headers.remove("keep-alive");
    headers
}

type Fault = Box<dyn Error + Send + Sync>;
type Body = UnsyncBoxBody<Bytes, Fault>;

/// How long an answer may be silent: as long as no scenario takes.
const PATIENCE: Duration = Duration::from_mins(2);
