//! The least that a server on hyper can be: no routes, no limits, no log, no clock. What the origin costs more is what it
//! does.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{Request, Response};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

type Fault = Box<dyn std::error::Error + Send + Sync>;
type Body = UnsyncBoxBody<Bytes, Infallible>;

/// `bare PLAIN TLS CERTIFICATE KEY TEXT EVENTS`
fn main() -> Result<(), Fault> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [plain, tls, certificate, key, text, events] = &arguments[..] else {
        return Err("bare PLAIN TLS CERTIFICATE KEY TEXT EVENTS".into());
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let certificate = CertificateDer::from_pem_file(certificate)?;
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], PrivateKeyDer::from_pem_file(key)?)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let answers = Answers {
        text: Bytes::from(std::fs::read(text)?),
        events: events.parse()?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let (plain, tls): (u16, u16) = (plain.parse()?, tls.parse()?);
    runtime.block_on(async move {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, tls)).await?;
        let secure = answers.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, answers) = (acceptor.clone(), secure.clone());
                tokio::spawn(async move {
                    if stream.set_nodelay(true).is_ok()
                        && let Ok(stream) = acceptor.accept(stream).await
                    {
                        serve(stream, answers).await;
                    }
                });
            }
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, plain)).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(serve(stream, answers.clone()));
        }
    })
}

#[derive(Clone)]
struct Answers {
    text: Bytes,
    events: usize,
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, answers: Answers) {
    let builder = auto::Builder::new(TokioExecutor::new());
    let service = service_fn(move |request: Request<Incoming>| {
        let answers = answers.clone();
        async move { Ok::<_, Infallible>(answers.to(&request)) }
    });
    // a client that went away is no news here
    let _ = builder
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

impl Answers {
    fn to(&self, request: &Request<Incoming>) -> Response<Body> {
        let event = || Ok(Frame::data(Bytes::from_static(EVENT)));
        let (kind, body) = match request.uri().path() {
            "/events" => {
                let events = stream::iter(0..self.events).map(move |_| event());
                ("text/event-stream", StreamBody::new(events).boxed_unsync())
            }
            "/silence" => {
                let events = stream::iter([event()]).chain(stream::pending());
                ("text/event-stream", StreamBody::new(events).boxed_unsync())
            }
            _ => (
                "application/json",
                Full::new(self.text.clone()).boxed_unsync(),
            ),
        };
        let mut response = Response::new(body);
        response
            .headers_mut()
            .insert("content-type", http::HeaderValue::from_static(kind));
        response
    }
}

const EVENT: &[u8] = b"event: token\ndata: {\"index\":0,\"token\":\"nothing \"}\n\n";
