//! All rules, by family.

mod answers;
mod certificates;
mod connection;
mod directives;
mod form;
mod headers;
mod logs;
mod main_block;
mod quic;
mod routes;
mod stream_block;
mod streaming;
mod tls;
mod upstream;

use super::rule::Rule;

/// Every rule, in the order of the documentation.
pub static ALL: &[&Rule] = &[
    &form::SYNTAX,
    &form::BOM,
    &form::BYTES,
    &form::TOO_DEEP,
    &form::MISSING,
    &form::LOOP,
    &form::EMPTY,
    &directives::VERSION,
    &directives::GONE,
    &directives::OBSOLETE,
    &form::COMMENT,
    &main_block::MISPLACED,
    &main_block::SHUTDOWN,
    &main_block::QUIC_BPF,
    &main_block::CONNECTIONS,
    &main_block::FOREIGN,
    &logs::AUTHORIZATION,
    &main_block::CVE,
    &streaming::BUFFERING,
    &streaming::IGNORED,
    &streaming::GZIP,
    &streaming::READ_TIMEOUT,
    &streaming::ABORT,
    &routes::SLASH,
    &routes::REDIRECT,
    &routes::PASS_SLASH,
    &routes::WELL_KNOWN,
    &routes::UNREACHABLE,
    &headers::HOST,
    &headers::REQUEST_ID,
    &headers::FORWARDED,
    &headers::REAL_IP,
    &headers::EARLY_DATA_HEADER,
    &headers::SET_HEADER_LOST,
    &answers::LOST,
    &answers::MISSING,
    &answers::PORT,
    &answers::CORS,
    &quic::HTTP3_OFF,
    &quic::CERTIFICATE,
    &quic::TLS13,
    &quic::TCP,
    &quic::INCOMPATIBLE,
    &quic::TWICE,
    &quic::REUSEPORT,
    &quic::HTTP2,
    &quic::NO_HTTP2,
    &connection::IDLE,
    &connection::RETIRED,
    &connection::STREAMS,
    &connection::LIMIT_CONN,
    &connection::HEADERS,
    &upstream::CLOSED,
    &upstream::KEEPALIVE,
    &upstream::RETRY,
    &upstream::BUFFER_SIZE,
    &upstream::BODY,
    &upstream::AFFINITY,
    &upstream::SPREAD,
    &tls::PROTOCOLS,
    &tls::CIPHERS,
    &tls::TICKETS,
    &tls::EARLY_DATA,
    &certificates::EXPIRED,
    &certificates::KEY,
    &certificates::NAMES,
    &stream_block::SELF,
    &stream_block::TIMEOUT,
    &stream_block::RESPONSES,
    &stream_block::PROXY_UDP,
    &stream_block::PREREAD_UDP,
];

/// The rule with this id.
pub(super) fn find(id: &str) -> Option<&'static Rule> {
    ALL.iter().copied().find(|rule| rule.id == id)
}
