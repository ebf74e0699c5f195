//! `GET /metrics` on the admin listener.

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};

use crate::app::App;
use crate::body::{self, Body};
use crate::metrics;

/// The page for Prometheus; 404 where `metrics` is off.
pub(super) fn serve(app: &App) -> Response<Body> {
    let counted = app.metrics.as_ref().filter(|_| app.config.metrics);
    let Some(counted) = counted else {
        let off =
            serde_json::json!({ "error": "metrics are off: `metrics = true` switches them on" });
        return body::json(StatusCode::NOT_FOUND, &off);
    };
    let mut response = Response::new(body::full(metrics::write(app, counted)));
    let page = HeaderValue::from_static(metrics::CONTENT_TYPE);
    response.headers_mut().insert(CONTENT_TYPE, page);
    response
}
