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

pub use self::http3::{Endpoint, serve as serve_quic};
pub use authority::Named;
pub use tcp::{Limits, serve};

/// The version as figures name it.
pub fn word(version: http::Version) -> &'static str {
    match version {
        http::Version::HTTP_3 => "3",
        http::Version::HTTP_2 => "2",
        http::Version::HTTP_10 => "1.0",
        _ => "1.1",
    }
}
