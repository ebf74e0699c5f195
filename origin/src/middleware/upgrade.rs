//! WebSockets and tunnels are refused in words.

use http::header::{CONNECTION, UPGRADE};
use http::{HeaderMap, Method, Request};

use crate::envelope::{Code, Failure};

/// Refuses `Upgrade: websocket` and `CONNECT` with 501.
///
/// RFC 9220 section 3 on a `:protocol` that is not supported: "the server SHOULD respond to the request with a 501
/// (Not Implemented) status code". The same status answers the HTTP/1.1 form; 426 would mean that the client has to
/// upgrade, which is the opposite. An extended CONNECT over HTTP/2 does not come this far: without
/// `SETTINGS_ENABLE_CONNECT_PROTOCOL` a client "MUST NOT" send it (RFC 8441 section 4) and its stream is reset.
///
/// Any other `Upgrade` is ignored, as RFC 9110 section 7.8 lets a server do.
pub fn check<B>(request: &Request<B>) -> Result<(), Failure> {
    if request.method() == Method::CONNECT {
        return Err(Failure::new(
            Code::NotImplemented,
            "this server is no proxy: CONNECT is not served",
        ));
    }
    if has_token(request.headers(), &CONNECTION, "upgrade")
        && has_token(request.headers(), &UPGRADE, "websocket")
    {
        return Err(Failure::new(
            Code::NotImplemented,
            "WebSockets are not served: POST to /mcp, which answers with JSON or an event stream",
        ));
    }
    Ok(())
}

/// Whether a comma-separated header has this token, in any of its lines.
fn has_token(headers: &HeaderMap, name: &http::HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|item| item.trim().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(connection: &str, upgrade: &str) -> Result<(), Failure> {
        let request = Request::get("/mcp")
            .header(CONNECTION, connection)
            .header(UPGRADE, upgrade)
            .body(())
            .expect("a valid request");
        check(&request)
    }

    #[test]
    fn a_websocket_handshake_is_refused() {
        assert!(verdict("keep-alive, Upgrade", "WebSocket").is_err());
    }

    #[test]
    fn other_upgrades_are_ignored() {
        assert!(verdict("Upgrade, HTTP2-Settings", "h2c").is_ok());
        assert!(verdict("keep-alive", "websocket").is_ok());
    }

    #[test]
    fn a_tunnel_is_refused() {
        let request = Request::builder()
            .method(Method::CONNECT)
            .uri("example.com:443")
            .body(())
            .expect("a valid request");
        assert!(check(&request).is_err());
    }
}
