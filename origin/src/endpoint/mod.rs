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

use std::sync::Arc;

use http::header::ALLOW;
use http::{Request, Response, StatusCode};

use crate::app::App;
use crate::body::{self, Body};
use crate::router::Endpoint;

/// Calls one endpoint.
///
/// What waits is in a box: a connection keeps room for the largest request for as long as it lives, and every layer around
/// this one moves what it is given.
pub async fn serve(endpoint: Endpoint, app: Arc<App>, request: Request<Body>) -> Response<Body> {
    match endpoint {
        Endpoint::Mcp => Box::pin(mcp::serve(app, request)).await,
        Endpoint::Sse => {
            Box::pin(async move { sse::serve(&app, &request.into_parts().0).await }).await
        }
        Endpoint::StreamDemo => stream_demo::serve(&app, &request.into_parts().0),
        Endpoint::Tools => {
            Box::pin(async move { tools::list(&app, &request.into_parts().0).await }).await
        }
        Endpoint::Tool => {
            Box::pin(async move { tools::one(&app, &request.into_parts().0).await }).await
        }
        Endpoint::CallTool => Box::pin(async move { call_tool::serve(&app, request).await }).await,
        Endpoint::OpenApi => {
            Box::pin(async move { openapi::serve(&app, &request.into_parts().0).await }).await
        }
        Endpoint::Healthz => healthz::serve(),
        Endpoint::Health => health::serve(&app, &request.into_parts().0),
        Endpoint::Readyz => readyz::serve(&app, &request.into_parts().0),
        Endpoint::Capz => capz::serve(&app, &request.into_parts().0),
        Endpoint::H3check => h3check::serve(&app, &request.into_parts().0),
        Endpoint::Metrics => metrics::serve(&app),
        Endpoint::Status => status::serve(&app, &request.into_parts().0),
        Endpoint::Streams => streams::serve(&app),
        Endpoint::Options(allow) => {
            let mut response = Response::new(body::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            response.headers_mut().insert(ALLOW, allow.clone());
            response
        }
    }
}
