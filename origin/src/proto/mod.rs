//! HTTP versions, and nowhere else: a connection goes in, and requests of one type come out.
//!
//! HTTP/1.1 and HTTP/2 share one driver, which tells them apart by HTTP/2's connection preface (RFC 9113 section 3.4).
//! HTTP/3 stands beside it with the same contract: `Request<Body>` and `ConnInfo` to [`crate::middleware::respond`].

mod activity;
mod authority;
mod flow;
mod http3;
mod linger;
mod refused;
mod stall;
mod tcp;
mod version;

pub use self::http3::{Endpoint, serve as serve_quic};
pub use authority::Named;
pub use tcp::{Limits, serve};

/// The version that a proxy received a request in, as `Via` has it: "received-protocol = [ protocol-name "/" ]
/// protocol-version", where the name may be left out when it is HTTP (RFC 9110 section 7.6.3).
pub fn received(protocol: &str) -> Option<&'static str> {
    match protocol.strip_prefix("HTTP/").unwrap_or(protocol) {
        "3" | "3.0" => Some("3"),
        "2" | "2.0" => Some("2"),
        "1.1" => Some("1.1"),
        "1.0" => Some("1.0"),
        _ => None,
    }
}

/// The version as figures name it.
pub fn word(version: http::Version) -> &'static str {
    match version {
        http::Version::HTTP_3 => "3",
        http::Version::HTTP_2 => "2",
        http::Version::HTTP_10 => "1.0",
        _ => "1.1",
    }
}
