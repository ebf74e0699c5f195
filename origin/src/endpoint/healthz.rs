//! `GET /healthz`: the process answers.

use http::{Response, StatusCode};
use serde_json::json;

use crate::body::{self, Body};

/// 200 `{"status":"ok"}` for as long as the origin can answer at all.
pub(super) fn serve() -> Response<Body> {
    body::json(StatusCode::OK, &json!({ "status": "ok" }))
}
