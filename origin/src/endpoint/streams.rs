//! `GET /streams` on the admin listener: the streams that are open now.

use http::{Response, StatusCode};
use serde_json::json;

use crate::app::App;
use crate::body::{self, Body};

/// `{"open":N,"streams":[{"request_id","route","age_ms"}]}`, oldest first.
pub(super) fn serve(app: &App) -> Response<Body> {
    let streams = app.streams.list();
    let document = json!({ "open": streams.len(), "streams": streams });
    body::json(StatusCode::OK, &document)
}
