//! One file per endpoint. An endpoint gets a request that every layer has let through and makes a whole response; it
//! does not know which HTTP version carries it.

mod call_tool;
mod capz;
mod h3check;
mod health;
mod healthz;
mod html;
pub mod mcp;
mod metrics;
mod openapi;
mod query;
mod readyz;
mod sse;
mod status;
mod stream_demo;
mod streams;
mod tools;

use std::future::ready;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::header::ALLOW;
use http::{Request, Response, StatusCode};

use crate::app::App;
use crate::body::{self, Body};
use crate::router::Endpoint;

/// Calls one endpoint. What answers at once has done so when this returns.
pub fn serve(
    endpoint: Endpoint,
    app: Arc<App>,
    request: Request<Body>,
) -> BoxFuture<'static, Response<Body>> {
    let head = |request: Request<Body>| request.into_parts().0;
    let response = match endpoint {
        Endpoint::Mcp => return mcp::serve(app, request).boxed(),
        Endpoint::Sse => return async move { sse::serve(&app, &head(request)).await }.boxed(),
        Endpoint::Tools => return async move { tools::list(&app, &head(request)).await }.boxed(),
        Endpoint::Tool => return async move { tools::one(&app, &head(request)).await }.boxed(),
        Endpoint::CallTool => {
            return async move { call_tool::serve(&app, request).await }.boxed();
        }
        Endpoint::OpenApi => {
            return async move { openapi::serve(&app, &head(request)).await }.boxed();
        }
        Endpoint::StreamDemo => stream_demo::serve(&app, &head(request)),
        Endpoint::Healthz => healthz::serve(),
        Endpoint::Health => health::serve(&app, &head(request)),
        Endpoint::Readyz => readyz::serve(&app, &head(request)),
        Endpoint::Capz => capz::serve(&app, &head(request)),
        Endpoint::H3check => h3check::serve(&app, &head(request)),
        Endpoint::Metrics => metrics::serve(&app),
        Endpoint::Status => status::serve(&app, &head(request)),
        Endpoint::Streams => streams::serve(&app),
        Endpoint::Options(allow) => {
            let mut response = Response::new(body::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            response.headers_mut().insert(ALLOW, allow.clone());
            response
        }
    };
    ready(response).boxed()
}
