//! Which endpoint answers which path, for the public and the admin listeners.

use std::time::Duration;

use http::header::ALLOW;
use http::{HeaderValue, Method};
use matchit::Router;
use origin_config::{Exposed, OriginConfig};

use crate::conn::Role;
use crate::envelope::{Code, Failure, Shape};

/// One line of the table.
#[derive(Debug)]
pub struct Route {
    /// The route's name in logs and in `/streams`.
    pub name: &'static str,
    path: &'static str,
    endpoint: Endpoint,
    shape: Shape,
    listeners: Listeners,
}

/// What answers a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// MCP over all servers, or one of them.
    Mcp,
    /// The smoke stream.
    Sse,
    /// The token stream.
    StreamDemo,
    /// The tools.
    Tools,
    /// One tool.
    Tool,
    /// A call of a tool.
    CallTool,
    /// The tools, for generic clients.
    OpenApi,
    /// Liveness.
    Healthz,
    /// The health document.
    Health,
    /// Readiness.
    Readyz,
    /// The capability snapshot.
    Capz,
    /// The page that says which HTTP version its browser used.
    H3check,
    /// The figures.
    Metrics,
    /// The page of the operator.
    Status,
    /// The open streams.
    Streams,
    /// `OPTIONS`: the methods of the route.
    Options(&'static HeaderValue),
}

impl Endpoint {
    /// Whether it tells everybody the same, which is not worth a key: that the process lives, how its own request came, and
    /// what a path takes, which a browser asks without credentials (the Fetch standard, CORS protocol: a preflight has none).
    pub fn is_open(self) -> bool {
        matches!(self, Self::Healthz | Self::H3check | Self::Options(_))
    }

    /// Whether no limit of clients is about it: a probe that is sent away would say that the origin is not well, and a
    /// preflight that is, that its page may not ask.
    pub fn is_uncounted(self) -> bool {
        matches!(
            self,
            Self::Health | Self::Readyz | Self::Healthz | Self::Options(_)
        )
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listeners {
    Public,
    Admin,
    Both,
}

/// The routes of both kinds of listeners.
#[derive(Debug)]
pub struct Routes {
    public: Router<&'static Route>,
    admin: Router<&'static Route>,
}

impl Routes {
    /// The whole table; of what need not be public the public listeners have `exposed`.
    pub fn new(exposed: &[Exposed]) -> Self {
        let is_public = |route: &Route| {
            route.listeners != Listeners::Admin
                && Exposed::of(route.path).is_none_or(|own| exposed.contains(&own))
        };
        Self {
            public: table(is_public),
            admin: table(|route| route.listeners != Listeners::Public),
        }
    }

    /// Looks a path up. Paths match whole and as they are sent: no decoding, no redirect, no case folding.
    pub fn find(&self, role: Role, path: &str) -> Target {
        let router = match role {
            Role::Public => &self.public,
            Role::Admin => &self.admin,
        };
        match router.at(path) {
            Ok(found) => Target(Some(found.value)),
            Err(_) => Target(None),
        }
    }
}

/// Where a request goes; to no route where there is none.
#[derive(Debug, Clone, Copy)]
pub struct Target(Option<&'static Route>);

impl Target {
    /// The route's name; `none` where there is no route.
    pub fn name(&self) -> &'static str {
        self.0.map_or("none", |route| route.name)
    }

    /// How this route speaks of errors.
    pub fn shape(&self) -> Shape {
        self.0.map_or(Shape::Envelope, |route| route.shape)
    }

    /// How long the head of the answer may take.
    pub fn patience(&self, config: &OriginConfig) -> Duration {
        match self.0.map(|route| route.endpoint) {
            Some(Endpoint::Mcp | Endpoint::CallTool) => config.timeouts.mcp,
            Some(Endpoint::Sse | Endpoint::StreamDemo) => config.timeouts.smoke,
            _ => config.timeouts.request,
        }
    }

    /// The endpoint for this method. `HEAD` is served wherever `GET` is, `OPTIONS` everywhere.
    pub fn endpoint(&self, method: &Method) -> Result<Endpoint, Failure> {
        let route = self
            .0
            .ok_or_else(|| Failure::new(Code::NotFound, "nothing is served at this path"))?;
        let (serves, allow) = match route.endpoint {
            Endpoint::Mcp => (MCP_METHODS.contains(method), &ALLOW_MCP),
            Endpoint::CallTool => (method == Method::POST, &ALLOW_POST),
            _ => ([Method::GET, Method::HEAD].contains(method), &ALLOW_GET),
        };
        if serves {
            Ok(route.endpoint)
        } else if method == Method::OPTIONS {
            Ok(Endpoint::Options(allow))
        } else {
            let allowed = allow.to_str().unwrap_or_default();
            let message = format!("`{}` is served for {allowed} only", route.path);
            Err(Failure::new(Code::MethodNotAllowed, message).with(ALLOW, allow.clone()))
        }
    }
}

fn table(serves: impl Fn(&Route) -> bool) -> Router<&'static Route> {
    let mut router = Router::new();
    for route in ROUTES.iter().filter(|route| serves(route)) {
        router
            .insert(route.path, route)
            .expect("the table names no path twice");
    }
    router
}

const fn route(name: &'static str, path: &'static str, endpoint: Endpoint) -> Route {
    Route {
        name,
        path,
        endpoint,
        shape: Shape::Envelope,
        listeners: Listeners::Public,
    }
}

impl Route {
    const fn on(mut self, listeners: Listeners) -> Self {
        self.listeners = listeners;
        self
    }
}

const fn mcp(name: &'static str, path: &'static str) -> Route {
    Route {
        name,
        path,
        endpoint: Endpoint::Mcp,
        shape: Shape::JsonRpc,
        listeners: Listeners::Public,
    }
}

static ROUTES: &[Route] = &[
    mcp("mcp", "/mcp"),
    // Its own line: a redirect would turn a POST into a GET.
    mcp("mcp", "/mcp/"),
    mcp("server-mcp", "/servers/{name}/mcp"),
    route("sse", "/mcp/sse", Endpoint::Sse),
    route("stream-demo", "/mcp/stream-demo", Endpoint::StreamDemo),
    route("tools", "/tools", Endpoint::Tools),
    route("tool", "/tools/{tool}", Endpoint::Tool),
    route("call-tool", "/call-tool", Endpoint::CallTool),
    route("openapi", "/openapi.json", Endpoint::OpenApi),
    route("healthz", "/healthz", Endpoint::Healthz).on(Listeners::Both),
    route("health", "/health", Endpoint::Health).on(Listeners::Both),
    route("readyz", "/readyz", Endpoint::Readyz).on(Listeners::Both),
    route("capz", "/capz", Endpoint::Capz).on(Listeners::Both),
    route("h3check", "/h3check", Endpoint::H3check),
    route("metrics", "/metrics", Endpoint::Metrics).on(Listeners::Admin),
    route("status", "/status", Endpoint::Status).on(Listeners::Admin),
    // Where a person looks first.
    route("status", "/", Endpoint::Status).on(Listeners::Admin),
    route("streams", "/streams", Endpoint::Streams).on(Listeners::Admin),
];

static ALLOW_GET: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");
static ALLOW_POST: HeaderValue = HeaderValue::from_static("POST, OPTIONS");
static ALLOW_MCP: HeaderValue = HeaderValue::from_static("GET, POST, DELETE, OPTIONS");

/// GET and DELETE are for sessions; there is no HEAD, for a stream has no length that it could tell.
const MCP_METHODS: [Method; 3] = [Method::GET, Method::POST, Method::DELETE];

#[cfg(test)]
mod tests {
    use super::*;

    fn name(role: Role, path: &str) -> &'static str {
        Routes::new(&Exposed::ALL).find(role, path).name()
    }

    #[test]
    fn both_spellings_of_the_entry_point_are_one_route() {
        assert_eq!(name(Role::Public, "/mcp"), "mcp");
        assert_eq!(name(Role::Public, "/mcp/"), "mcp");
    }

    #[test]
    fn other_paths_below_the_entry_point_are_not_served() {
        for path in [
            "/mcp/other",
            "/MCP",
            "/mcp//",
            "/mcp/sse/",
            "/",
            "//mcp",
            "/servers//mcp",
        ] {
            assert_eq!(name(Role::Public, path), "none", "{path}");
        }
    }

    #[test]
    fn the_list_of_streams_and_the_figures_are_for_the_admin_listener_and_mcp_for_the_public() {
        assert_eq!(name(Role::Public, "/metrics"), "none");
        assert_eq!(name(Role::Admin, "/metrics"), "metrics");
        assert_eq!(name(Role::Public, "/streams"), "none");
        assert_eq!(name(Role::Public, "/status"), "none");
        assert_eq!(name(Role::Admin, "/status"), "status");
        assert_eq!(name(Role::Admin, "/"), "status");
        assert_eq!(name(Role::Admin, "/streams"), "streams");
        assert_eq!(name(Role::Admin, "/mcp"), "none");
        assert_eq!(name(Role::Admin, "/healthz"), "healthz");
    }

    #[test]
    fn what_is_not_exposed_is_found_by_the_operator_alone() {
        let routes = Routes::new(&[Exposed::Healthz, Exposed::CallTool]);
        for path in ["/healthz", "/call-tool", "/mcp", "/servers/git/mcp"] {
            assert_ne!(routes.find(Role::Public, path).name(), "none", "{path}");
        }
        for path in ["/capz", "/health", "/tools", "/tools/x", "/openapi.json"] {
            assert_eq!(routes.find(Role::Public, path).name(), "none", "{path}");
        }
        assert_eq!(routes.find(Role::Admin, "/capz").name(), "capz");
    }

    #[test]
    fn head_goes_where_get_goes_and_nowhere_else() {
        let routes = Routes::new(&[Exposed::Healthz]);
        let healthz = routes.find(Role::Public, "/healthz");
        assert_eq!(healthz.endpoint(&Method::HEAD), Ok(Endpoint::Healthz));
        let mcp = routes.find(Role::Public, "/mcp");
        assert!(mcp.endpoint(&Method::HEAD).is_err());
        for method in MCP_METHODS {
            assert_eq!(mcp.endpoint(&method), Ok(Endpoint::Mcp));
        }
        assert!(mcp.endpoint(&Method::PUT).is_err());
    }
}
