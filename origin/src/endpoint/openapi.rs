//! `GET /openapi.json`: the tool API as an OpenAPI 3.1 document.

use http::Response;
use http::request::Parts;

use super::tools::{Offered, conditional, offered, refuse};
use crate::app::App;
use crate::body::Body;
use crate::tools::openapi;

/// Generated from the tools that the request may call. An `ETag` names the state; 304 for a client that has it.
pub(super) async fn serve(app: &App, head: &Parts) -> Response<Body> {
    match offered(app, &head.extensions).await {
        Ok(Offered { book, catalog }) => {
            let keys = app.keys.is_some();
            let document = book.openapi(&catalog, |tools| openapi(&app.service, tools, keys));
            conditional(&head.headers, document)
        }
        Err(failure) => refuse(app, head, failure),
    }
}
