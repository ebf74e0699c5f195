//! The ordered stack, whole and in one place.

use std::future::{Future, ready};
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::header::{CONTENT_LENGTH, SERVER};
use http::{HeaderValue, Method, Request, Response};
use http_body::Body as _;

use super::access_log::{Entry, Observed};
use super::asked::Asked;
use super::cors::Cors;
use super::page::Page;
use super::{
    api_key, body_limit, client, host, limit, panic_guard, request_id, streaming, timeout, upgrade,
};
use crate::app::App;
use crate::body::{self, Body};
use crate::conn::{ConnInfo, Role};
use crate::endpoint;
use crate::envelope::Failure;
use crate::keys::Holder;
use crate::limits::Place;
use crate::proto::Named;

/// Answers one request, which is for the host that `named` says. Layers 1 to 5 see every request and every answer, 6 to 16
/// may answer in the endpoint's place.
///
/// What needs no waiting is done before this returns: the future is as large as what has to be kept while an endpoint works,
/// and is moved as often as its owner likes.
pub fn respond(
    app: Arc<App>,
    conn: &ConnInfo,
    named: &Named,
    mut request: Request<Body>,
) -> impl Future<Output = Response<Observed>> + Send + use<> {
    let started = app.clock.now();

    // 1. Client: who is asking, and by which name. First, because the log and every later limit are about the client.
    let client = client::resolve(&app.config, conn, &request);

    // 2. Request id: before anything that can refuse, so that every refusal can be found by it.
    let id = request_id::admit(request.headers(), app.clock);

    // The route, looked up once: it decides the words of an error and the patience, and the log names it.
    let target = app.routes.find(conn.role, request.uri().path());

    // 3. Access log: opened before the first layer that can fail, closed by the end of the response's body, which for a
    //    stream is long after this function.
    let asked = Arc::new(Asked {
        role: conn.role,
        client,
        id,
        target,
        started,
    });
    let mut entry = Entry::open(&app, conn, &asked, &request);

    let is_head = request.method() == Method::HEAD;
    // The admin listener is for no web page.
    let page = Page::of(&app.config, request.headers());
    let cors = (conn.role == Role::Public).then(|| Cors::of(&page, &request));
    request.extensions_mut().insert(Arc::clone(&asked));

    // 4. Panic guard: around everything below, so that a bug ends its own request and nothing else.
    let admitted = panic_guard::run(|| admit(&app, &asked, named, &page, request));
    let answering = match admitted {
        Ok(Ok(admitted)) => {
            let answering = admitted.finish(Arc::clone(&app), Arc::clone(&asked));
            panic_guard::catch(answering).left_future()
        }
        Ok(Err(refusal)) => ready(Ok(*refusal)).right_future(),
        Err(failure) => ready(Err(failure)).right_future(),
    };
    // Not an `async` block, which would keep room for what it waits for twice.
    answering.map(move |response| {
        let mut response = response.unwrap_or_else(|failure| asked.refuse(&app, failure));
        if let Some(holder) = Holder::of(response.extensions()) {
            entry.key(holder);
        }

        // 5. Heads: on every answer, whoever made it, and before the head is sent.
        request_id::stamp(&mut response, &asked.id);
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
    })
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

/// The layers that may answer instead of the endpoint, up to where it is called.
fn admit(
    app: &Arc<App>,
    asked: &Asked,
    named: &Named,
    page: &Page,
    mut request: Request<Body>,
) -> Result<Admitted, Box<Response<Body>>> {
    let refuse = |failure: Failure| Box::new(asked.refuse(app, failure));

    // 6. Host: a request that is for another server is not looked at further.
    host::check(&app.config, named).map_err(refuse)?;

    // 7. Page: the other half of the same guard, before anything reads the body.
    page.check().map_err(refuse)?;

    // 8. Upgrade guard: before the router's verdict, so that a WebSocket client learns the reason on any path.
    upgrade::check(&request).map_err(refuse)?;

    // The router's verdict: 404, 405, or OPTIONS answered from the table.
    let endpoint = asked.target.endpoint(request.method()).map_err(refuse)?;

    // The operator's own listener asks nobody for a key and counts nobody.
    let is_public = asked.role == Role::Public;
    let is_counted = is_public && !endpoint.is_uncounted();

    // 9. Limits of the address, where there are any: before the key, so that guessing keys is limited too.
    let client_place = if is_counted {
        let place = app.limits.admit_client(asked.client.address);
        place.map_err(|refusal| refuse(limit::refuse(refusal)))?
    } else {
        None
    };

    // 10. API key, where keys are asked for: before anything is read or done for the client.
    let holder = match &app.keys {
        Some(keys) if is_public && !endpoint.is_open() => {
            Some(api_key::check(keys, request.headers()).map_err(refuse)?)
        }
        _ => None,
    };
    if let Some(holder) = &holder {
        request.extensions_mut().insert(Arc::clone(holder));
    }

    // 11. Limits of the key.
    let key = holder.as_ref().filter(|_| is_counted);
    let key_place = match key.map(|holder| app.limits.admit_key(&holder.record().id)) {
        None => None,
        Some(Ok(place)) => place,
        Some(Err(refusal)) => {
            let answer = refuse(limit::refuse(refusal));
            return Err(match holder {
                Some(holder) => Box::new(api_key::bind(*answer, holder)),
                None => answer,
            });
        }
    };

    // 12. Body limit: a declared length is judged before a byte is read, an undeclared one as it comes.
    let bounds = body_limit::Bounds {
        size: app.config.max_body_size,
        pause: app.config.read_timeout,
    };
    let limit = body_limit::apply(request.body_mut(), bounds).map_err(refuse)?;
    Ok(Admitted {
        answer: endpoint::serve(endpoint, Arc::clone(app), request),
        limit,
        places: [client_place, key_place],
        holder,
    })
}

/// A request that has come to its endpoint, with what it holds.
struct Admitted {
    answer: BoxFuture<'static, Response<Body>>,
    limit: body_limit::Limit,
    places: [Option<Place>; 2],
    holder: Option<Arc<Holder>>,
}

impl Admitted {
    /// The endpoint, and the layers on the way back.
    fn finish(
        self,
        app: Arc<App>,
        asked: Arc<Asked>,
    ) -> impl Future<Output = Response<Body>> + Send {
        let Self {
            answer,
            limit,
            places,
            holder,
        } = self;
        // 13. Timeout: around the endpoint with the reading of the body, so that a body that never comes is answered too.
        let answer = timeout::limit(asked.target.patience(&app.config), answer);
        answer.map(move |answer| {
            let refuse = |failure: Failure| asked.refuse(&app, failure);
            let answer = match answer {
                Ok(response) => response,
                Err(failure) => return refuse(failure),
            };

            // 14. Body limit again: what the endpoint made of a body that was cut does not count.
            let answer = match limit.verdict() {
                Ok(()) => answer,
                Err(failure) => refuse(failure),
            };

            // 15. Limits again: what is held is given back with the last byte of the answer.
            let answer = match limit::hold(answer, places) {
                Ok(answer) => answer,
                Err(refusal) => refuse(limit::refuse(refusal)),
            };

            // 16. API key again: what it opened ends with it, and the log names it.
            match holder {
                Some(holder) => api_key::bind(answer, holder),
                None => answer,
            }
        })
    }
}

const SERVER_NAME: HeaderValue =
    HeaderValue::from_static(concat!("origin/", env!("CARGO_PKG_VERSION")));
