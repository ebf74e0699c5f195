//! Servers by URL, some of them hostile, behind real sockets.

mod far;
mod faults;
mod serves;
mod tls;

use super::*;
use crate::snapshot::ServerState;
use far::{Far, Reply, Seen, event};

/// A server that is where `far` is, with more keys.
fn at(far: &Far, keys: &str) -> Server {
    let port = far.address.port();
    let text = format!(
        "[[servers]]\nname = \"a\"\nurl = \"http://127.0.0.1:{port}/mcp\"\nstart_timeout = \"20s\"\ncall_timeout = \"20s\"\n{keys}\n"
    );
    configured(&text)
}

fn configured(text: &str) -> Server {
    let mut report = findings::Report::new();
    let document = findings::Document::parse(text, "x", &mut report);
    let (config, report) = origin_config::load(document);
    let mut config = config.unwrap_or_else(|| panic!("{report}"));
    config.servers.remove(0)
}

/// The origin's side of one far server, ready.
async fn reached(far: &Far, keys: &str) -> Upstreams {
    let upstreams = started(&[at(far, keys)]).await;
    let status = upstreams.snapshot().borrow().servers[0].clone();
    assert_eq!(status.state, ServerState::Ready, "{:?}", status.error);
    upstreams
}

async fn echo(upstreams: &Upstreams) -> Result<Value, CallError> {
    call(upstreams, "a", "echo").await
}

/// Why a call is not answered.
async fn refused(upstreams: &Upstreams) -> String {
    match echo(upstreams).await {
        Err(CallError::Unavailable { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

/// A twist for tool calls alone.
fn calls(
    twist: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static,
) -> impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static {
    move |seen, before| match seen.method() {
        "tools/call" => twist(seen, before),
        _ => Reply::Well,
    }
}

/// Waits until the server has seen so many requests of a method.
async fn until(far: &Far, method: &str, count: usize) -> Vec<Seen> {
    let waiting = async {
        while far.seen(method).len() < count {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, waiting)
        .await
        .expect("the request in time");
    far.seen(method)
}
