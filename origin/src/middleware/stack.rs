//! The ordered stack, whole and in one place.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use http::header::{CONTENT_LENGTH, SERVER};
use http::{HeaderValue, Method, Request, Response};
use http_body::Body as _;

use super::access_log::{Entry, Observed, Opening};
use super::cors::Cors;
use super::page::Page;
use super::request_id::RequestId;
use super::{
    api_key, body_limit, client, host, limit, panic_guard, request_id, streaming, timeout, upgrade,
};
use crate::app::App;
use crate::body::{self, Body};
use crate::conn::{ConnInfo, Role};
use crate::endpoint;
use crate::envelope::{Facts, Failure};
use crate::keys::Holder;
use crate::proto::Named;
use crate::router::Target;

/// Answers one request, which is for the host that `named` says. Layers 1 to 5 see every request and every answer, 6 to 16
/// may answer in the endpoint's place.
pub async fn respond(
    app: Arc<App>,
    conn: ConnInfo,
    named: Named,
    mut request: Request<Body>,
) -> Response<Observed> {
    let started = app.clock.now();

    // 1. Client: who is asking, and by which name. First, because the log and every later limit are about the client.
    let client = client::resolve(&app.config, &conn, &request);

    // 2. Request id: before anything that can refuse, so that every refusal can be found by it.
    let id = request_id::admit(&mut request, app.clock);

    // The route, looked up once: it decides the words of an error and the patience, and the log names it.
    let target = app.routes.find(conn.role, request.uri().path());

    // 3. Access log: opened before the first layer that can fail, closed by the end of the response's body, which for a
    //    stream is long after this function.
    let mut entry = Entry::open(&Opening {
        app: &app,
        conn: &conn,
        client: &client,
        id: &id,
        route: target.name(),
        started,
        request: &request,
    });

    let is_head = request.method() == Method::HEAD;
    // The admin listener is for no web page.
    let page = Page::of(&app.config, request.headers());
    let cors = (conn.role == Role::Public).then(|| Cors::of(&page, &request));

    let (role, address) = (conn.role, client.address);
    let extensions = request.extensions_mut();
    extensions.insert(role);
    extensions.insert(client);
    extensions.insert(id.clone());
    extensions.insert(target.clone());

    // 4. Panic guard: around everything below, so that a bug ends its own request and nothing else.
    let asked = Asked {
        role,
        address,
        target: &target,
        named: &named,
        page: &page,
        id: &id,
        started,
    };
    let mut response = match panic_guard::catch(guarded(&app, &asked, request)).await {
        Ok(response) => response,
        Err(failure) => asked.refuse(&app, failure),
    };
    if let Some(holder) = Holder::of(response.extensions()) {
        entry.key(holder);
    }

    // 5. Heads: on every answer, whoever made it, and before the head is sent.
    request_id::stamp(&mut response, &id);
    streaming::mark(&mut response);
    if let Some(cors) = cors {
        cors.mark(&mut response);
    }
    if app.config.include_server_header {
        response.headers_mut().insert(SERVER, SERVER_NAME);
    }

    if is_head {
        response = head_only(response);
    }
    entry.head(response.status());
    response.map(|body| Observed::new(body, entry))
}

/// The head of an answer to `HEAD`: with the length that `GET` would have had, and without the bytes, which hyper leaves
/// out over HTTP/1.1 only. A stream that was opened for it is dropped here.
fn head_only(response: Response<Body>) -> Response<Body> {
    let (mut head, body) = response.into_parts();
    if let Some(length) = body.size_hint().exact() {
        head.headers.insert(CONTENT_LENGTH, length.into());
    }
    Response::from_parts(head, body::empty())
}

/// What is known of a request before its endpoint.
struct Asked<'a> {
    role: Role,
    address: Option<IpAddr>,
    target: &'a Target,
    named: &'a Named,
    page: &'a Page,
    id: &'a RequestId,
    started: Instant,
}

impl Asked<'_> {
    /// The answer to a request that fails. The id is asked for now: the endpoint may have found another one in the body.
    fn refuse(&self, app: &App, failure: Failure) -> Response<Body> {
        let facts = Facts {
            request_id: self.id.as_str(),
            started: self.started,
            clock: app.clock,
        };
        failure.into_response(self.target.shape(), facts)
    }
}

/// The layers that may answer instead of the endpoint, and the endpoint.
async fn guarded(app: &Arc<App>, asked: &Asked<'_>, mut request: Request<Body>) -> Response<Body> {
    let target = asked.target;
    let refuse = |failure: Failure| asked.refuse(app, failure);

    // 6. Host: a request that is for another server is not looked at further.
    if let Err(failure) = host::check(&app.config, asked.named) {
        return refuse(failure);
    }

    // 7. Page: the other half of the same guard, before anything reads the body.
    if let Err(failure) = asked.page.check() {
        return refuse(failure);
    }

    // 8. Upgrade guard: before the router's verdict, so that a WebSocket client learns the reason on any path.
    if let Err(failure) = upgrade::check(&request) {
        return refuse(failure);
    }

    // The router's verdict: 404, 405, or OPTIONS answered from the table.
    let endpoint = match target.endpoint(request.method()) {
        Ok(endpoint) => endpoint,
        Err(failure) => return refuse(failure),
    };

    // The operator's own listener asks nobody for a key and counts nobody.
    let is_public = asked.role == Role::Public;
    let is_counted = is_public && !endpoint.is_uncounted();

    // 9. Limits of the address, where there are any: before the key, so that guessing keys is limited too.
    let client_place = match is_counted.then(|| app.limits.admit_client(asked.address)) {
        None => None,
        Some(Ok(place)) => place,
        Some(Err(refusal)) => return refuse(limit::refuse(refusal)),
    };

    // 10. API key, where keys are asked for: before anything is read or done for the client.
    let holder = match &app.keys {
        Some(keys) if is_public && !endpoint.is_open() => {
            match api_key::check(keys, request.headers()) {
                Ok(holder) => Some(holder),
                Err(failure) => return refuse(failure),
            }
        }
        _ => None,
    };
    if let Some(holder) = &holder {
        request.extensions_mut().insert(Arc::clone(holder));
    }

    // 11. Limits of the key.
    let key = holder.as_ref().filter(|_| is_counted);
    let key = key.map(|holder| &holder.record().id);
    let key_place = match key.map(|key| app.limits.admit_key(key)) {
        None => None,
        Some(Ok(place)) => place,
        Some(Err(refusal)) => {
            let answer = refuse(limit::refuse(refusal));
            return match holder {
                Some(holder) => api_key::bind(answer, holder),
                None => answer,
            };
        }
    };

    // 12. Body limit: a declared length is judged before a byte is read, an undeclared one as it comes.
    let bounds = body_limit::Bounds {
        size: app.config.max_body_size,
        pause: app.config.read_timeout,
    };
    let (request, limit) = match body_limit::apply(request, bounds) {
        Ok(limited) => limited,
        Err(failure) => return refuse(failure),
    };

    // 13. Timeout: around the endpoint with the reading of the body, so that a body that never comes is answered too.
    let answer = endpoint::serve(endpoint, Arc::clone(app), request);
    let answer = match timeout::limit(target.patience(&app.config), answer).await {
        Ok(response) => response,
        Err(failure) => return refuse(failure),
    };

    // 14. Body limit again: what the endpoint made of a body that was cut does not count.
    let answer = match limit.verdict() {
        Ok(()) => answer,
        Err(failure) => refuse(failure),
    };

    // 15. Limits again: what is held is given back with the last byte of the answer.
    let answer = match limit::hold(answer, [client_place, key_place]) {
        Ok(answer) => answer,
        Err(refusal) => refuse(limit::refuse(refusal)),
    };

    // 16. API key again: what it opened ends with it, and the log names it.
    match holder {
        Some(holder) => api_key::bind(answer, holder),
        None => answer,
    }
}

const SERVER_NAME: HeaderValue =
    HeaderValue::from_static(concat!("origin/", env!("CARGO_PKG_VERSION")));
