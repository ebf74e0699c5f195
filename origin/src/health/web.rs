//! A page that has to answer.

use http::header::{CONNECTION, HOST, USER_AGENT};
use http::{Request, Uri};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use origin_config::Web;
use tokio_util::task::AbortOnDropHandle;

use super::wire::{self, Wire};

/// GETs the page: a status of 200 to 299. A redirect is none: the page that is meant can be named.
pub(super) async fn check(web: &Web) -> Result<(), String> {
    let uri: Uri = web
        .url
        .to_string()
        .parse()
        .map_err(|error| format!("`{}` is no URL: {error}", web.url))?;
    let wire: Wire = wire::to(web).await?;
    let handshake = http1::handshake::<_, Empty<&[u8]>>(TokioIo::new(wire)).await;
    let (mut sender, connection) = handshake.map_err(|error| error.to_string())?;
    // Dropped with this check, and with it the connection.
    let _driver = AbortOnDropHandle::new(tokio::spawn(async move {
        let _ = connection.await;
    }));
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::get(path)
        .header(HOST, web.url.authority().to_string())
        .header(USER_AGENT, AGENT)
        .header(CONNECTION, "close")
        .body(Empty::new())
        .map_err(|error| error.to_string())?;
    let answer = sender.send_request(request).await;
    let status = answer
        .map_err(|error| format!("it does not answer in HTTP: {error}"))?
        .status();
    if status.is_success() {
        Ok(())
    } else {
        Err(format!("it answers with status {}", status.as_u16()))
    }
}

const AGENT: &str = concat!("origin/", env!("CARGO_PKG_VERSION"));
