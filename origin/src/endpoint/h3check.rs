//! `GET /h3check`: which HTTP version a browser really used.

use http::request::Parts;
use http::{Response, StatusCode};
use serde_json::json;

use super::html::{self, Page};
use crate::app::App;
use crate::body::{self, Body};
use crate::middleware::Asked;

/// The page for whoever asks for `text/html`; else `{"http_version":"1.0"|"1.1"|"2"|"3"}` as it is seen from here, which the
/// page compares with what its browser says. 404 where `h3check` is off.
pub(super) fn serve(app: &App, head: &Parts) -> Response<Body> {
    if !app.config.h3check {
        let off = json!({ "error": "the page is off: `h3check = true` switches it on" });
        return body::json(StatusCode::NOT_FOUND, &off);
    }
    if html::names(&head.headers, "text/html") {
        return PAGE.serve();
    }
    let version = Asked::of(&head.extensions).map(|asked| asked.client.http_version);
    body::json(StatusCode::OK, &json!({ "http_version": version }))
}

static PAGE: Page = Page::new(TEXT, || html::policy_of(TEXT));
const TEXT: &str = include_str!("../../pages/h3check.html");
