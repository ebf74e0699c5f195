//! What is known of a request before its endpoint.

use std::sync::Arc;
use std::time::Instant;

use http::{Extensions, Response};

use super::client::ClientInfo;
use super::request_id::RequestId;
use crate::app::App;
use crate::body::Body;
use crate::conn::Role;
use crate::envelope::{Facts, Failure};
use crate::router::Target;

/// What is known of a request before its endpoint; an extension of every request, one for all: each one more is an allocation and
/// a place in a table for every request.
#[derive(Debug)]
pub struct Asked {
    /// Which kind of listener it came to.
    pub role: Role,
    /// Who asks.
    pub client: ClientInfo,
    /// The request's id.
    pub id: RequestId,
    /// Where it goes.
    pub target: Target,
    /// When its head had been read.
    pub started: Instant,
}

impl Asked {
    /// What is known of the request with these extensions; `None` for one that did not come through the layers.
    pub fn of(extensions: &Extensions) -> Option<&Self> {
        extensions.get::<Arc<Self>>().map(|asked| &**asked)
    }

    /// The answer to a request that fails. The id is asked for now: the endpoint may have found another one in the body.
    pub(super) fn refuse(&self, app: &App, failure: Failure) -> Response<Body> {
        let facts = Facts {
            request_id: self.id.as_str(),
            started: self.started,
            clock: app.clock,
        };
        failure.into_response(self.target.shape(), facts)
    }
}
