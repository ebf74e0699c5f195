//! A remote MCP server that behaves, but for what a test has it do otherwise.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// A request as it came.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) http: Method,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl Seen {
    /// The method of the message; of a request without one the method of HTTP.
    pub(super) fn method(&self) -> &str {
        self.body["method"].as_str().unwrap_or(self.http.as_str())
    }

    pub(super) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).map(|value| value.to_str().unwrap());
        value.unwrap_or_default()
    }

    /// The answer to it, as JSON-RPC.
    pub(super) fn answer(&self, result: &Value) -> Value {
        json!({"jsonrpc": "2.0", "id": self.body["id"], "result": result})
    }
}

/// What a test has the server do.
pub(super) enum Reply {
    /// As it would.
    Well,
    /// A status, one header, and a body.
    Plain(u16, (&'static str, String), String),
    /// A stream of these pieces, which then ends.
    Events(Vec<String>),
    /// The same, which then breaks off.
    Broken(Vec<String>),
    /// The same, which then is silent.
    Silent(Vec<String>),
    /// The connection is closed without an answer.
    Close,
}

type Twist = dyn Fn(&Seen, usize) -> Reply + Send + Sync;

struct State {
    twist: Box<Twist>,
    seen: Mutex<Vec<Seen>>,
}

/// The server. Dropped, it is gone with its connections.
pub(super) struct Far {
    pub(super) address: SocketAddr,
    state: Arc<State>,
    serving: JoinHandle<()>,
}

impl Far {
    /// `twist` is told each request, and how many of its method came before.
    pub(super) async fn start(
        twist: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::at("127.0.0.1:0", None, twist).await
    }

    pub(super) async fn at(
        address: &str,
        tls: Option<TlsAcceptor>,
        twist: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State {
            twist: Box::new(twist),
            seen: Mutex::default(),
        });
        let serving = tokio::spawn(serve(listener, tls, Arc::clone(&state)));
        Self {
            address,
            state,
            serving,
        }
    }

    /// Ends it, and returns when its clients can know.
    pub(super) async fn stop(mut self) {
        self.serving.abort();
        let _ = (&mut self.serving).await;
        // A request on a connection that is just being closed may have been seen, and is not sent again.
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }

    /// The requests of a method so far.
    pub(super) fn seen(&self, method: &str) -> Vec<Seen> {
        let seen = self.state.seen.lock().unwrap();
        let of_method = seen.iter().filter(|seen| seen.method() == method);
        of_method.cloned().collect()
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, state: Arc<State>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok((tcp, _)) = listener.accept().await else {
            return;
        };
        let (tls, state) = (tls.clone(), Arc::clone(&state));
        connections.spawn(async move {
            match tls {
                None => talk(tcp, state).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(tcp).await {
                        talk(stream, state).await;
                    }
                }
            }
        });
    }
}

async fn talk(stream: impl AsyncRead + AsyncWrite + Unpin + 'static, state: Arc<State>) {
    let service = service_fn(move |request| respond(request, Arc::clone(&state)));
    let server = auto::Builder::new(TokioExecutor::new());
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

type Body = UnsyncBoxBody<Bytes, &'static str>;

async fn respond(
    request: Request<Incoming>,
    state: Arc<State>,
) -> Result<Response<Body>, &'static str> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| "half a body")?.to_bytes();
    let seen = Seen {
        http: head.method,
        headers: head.headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    let before = {
        let mut all = state.seen.lock().unwrap();
        all.push(seen.clone());
        let of_method = all.iter().filter(|other| other.method() == seen.method());
        of_method.count() - 1
    };
    let (pieces, then) = match (state.twist)(&seen, before) {
        Reply::Well => return Ok(behave(&seen, before)),
        Reply::Plain(status, header, body) => return Ok(plain(status, header, body)),
        Reply::Close => return Err("closed"),
        Reply::Events(pieces) => (pieces, None),
        Reply::Broken(pieces) => (pieces, Some(stream::once(breaking()).boxed())),
        Reply::Silent(pieces) => (pieces, Some(stream::pending().boxed())),
    };
    let pieces = pieces
        .into_iter()
        .map(|piece| Ok(Frame::data(Bytes::from(piece))));
    let then = then.unwrap_or_else(|| stream::empty().boxed());
    let body = BodyExt::boxed_unsync(StreamBody::new(stream::iter(pieces).chain(then)));
    let response = Response::builder().header("content-type", "text/event-stream");
    Ok(response.body(body).expect("a response"))
}

/// Late enough that what came before is on its way.
async fn breaking() -> Result<Frame<Bytes>, &'static str> {
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    Err("broken")
}

/// What a server of 2025-11-25 answers.
fn behave(seen: &Seen, before: usize) -> Response<Body> {
    let result = match seen.method() {
        "initialize" => {
            let capabilities = json!({"tools": {"listChanged": true}});
            let info = json!({"name": "far", "version": "1"});
            let result = json!({"protocolVersion": "2025-11-25", "capabilities": capabilities, "serverInfo": info});
            let session = ("mcp-session-id", format!("session-{before}"));
            return plain(200, session, seen.answer(&result).to_string());
        }
        "tools/list" => json!({"tools": [{"name": "echo", "inputSchema": {"type": "object"}}]}),
        "tools/call" => seen.body["params"]["arguments"].clone(),
        "GET" => return plain(405, ("allow", "POST, DELETE".into()), String::new()),
        "DELETE" => return plain(204, ("x", String::new()), String::new()),
        "server/discover" => {
            let error = json!({"code": -32000, "message": "Bad Request: Server not initialized"});
            let refusal = json!({"jsonrpc": "2.0", "id": null, "error": error});
            return plain(400, ("x", String::new()), refusal.to_string());
        }
        _ => return plain(202, ("x", String::new()), String::new()),
    };
    plain(200, ("x", String::new()), seen.answer(&result).to_string())
}

fn plain(status: u16, header: (&str, String), body: String) -> Response<Body> {
    let mut response = Response::builder()
        .status(status)
        .header(header.0, header.1);
    if header.0 != "content-type" && !body.is_empty() {
        response = response.header("content-type", "application/json");
    }
    let body = Full::new(Bytes::from(body)).map_err(|never: Infallible| match never {});
    response
        .body(BodyExt::boxed_unsync(body))
        .expect("a response")
}

/// One event with a message, and an id where there is one.
pub(super) fn event(id: &str, message: &Value) -> String {
    match id {
        "" => format!("data: {message}\n\n"),
        id => format!("id: {id}\nretry: 100\ndata: {message}\n\n"),
    }
}
