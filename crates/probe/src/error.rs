//! What kept an answer from coming.

use std::{error::Error, fmt, time::Duration};

use rustls::pki_types::CertificateDer;

use crate::Version;

/// Why there is no answer. The cause, where there is one, is the `source()`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// The text is no URL of a server.
    #[error("`{url}` cannot be probed: {reason}")]
    Url {
        /// The text.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The request is none that HTTP can carry.
    #[error("this request cannot be sent: {reason}")]
    Ask {
        /// What is wrong with it.
        reason: String,
    },
    /// This version cannot go this way.
    #[error("{version} is not possible here: {reason}")]
    Unsupported {
        /// The version that was asked for.
        version: Version,
        /// Why not.
        reason: &'static str,
    },
    /// A stage failed.
    #[error("{version}: {stage} failed")]
    Failed {
        /// The version that was asked for.
        version: Version,
        /// Where it failed.
        stage: Stage,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A stage did not end in time.
    #[error("{version}: {stage} did not end within {after:?}")]
    Timeout {
        /// The version that was asked for.
        version: Version,
        /// What was being waited for.
        stage: Stage,
        /// The limit that was reached: of the stage's own wait or of the whole.
        after: Duration,
    },
    /// The server's certificate is not trusted.
    #[error("{version}: the certificate is not trusted")]
    Certificate {
        /// The version that was asked for.
        version: Version,
        /// What the server sent, its own certificate first.
        chain: Vec<CertificateDer<'static>>,
        /// Why it is not trusted.
        source: rustls::Error,
    },
    /// The server does not offer this version by ALPN.
    #[error("{version}: the server did not choose `{}` by ALPN{}", .version.alpn(), chosen(.got.as_deref()))]
    Alpn {
        /// The version that was asked for.
        version: Version,
        /// What the server chose in its place; nothing when it chose none or refused.
        got: Option<String>,
    },
    /// A whole body was asked for, and it is longer than [`MAX_BODY`](crate::MAX_BODY).
    #[error("{version}: the body is longer than {cap} bytes")]
    TooLong {
        /// The version that was asked for.
        version: Version,
        /// The limit in bytes.
        cap: usize,
    },
}

/// Where a probe stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Finding the addresses of the host.
    Resolve,
    /// Connecting a TCP or Unix socket, or making a UDP one.
    Connect,
    /// The TLS handshake over TCP.
    Tls,
    /// The QUIC handshake, TLS within it.
    Quic,
    /// The preface and settings of HTTP itself.
    Http,
    /// Sending the request.
    Request,
    /// Waiting for the response head.
    Response,
    /// Waiting for the next piece of the body.
    Body,
}

impl ProbeError {
    /// A stage's failure.
    pub(crate) fn failed(
        version: Version,
        stage: Stage,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::Failed {
            version,
            stage,
            source: source.into(),
        }
    }

    /// Where the probe stood; nothing when it did not begin.
    pub fn stage(&self) -> Option<Stage> {
        match self {
            Self::Failed { stage, .. } | Self::Timeout { stage, .. } => Some(*stage),
            Self::Certificate { version, .. } | Self::Alpn { version, .. } => {
                Some(if *version == Version::Http3 {
                    Stage::Quic
                } else {
                    Stage::Tls
                })
            }
            Self::TooLong { .. } => Some(Stage::Body),
            Self::Url { .. } | Self::Ask { .. } | Self::Unsupported { .. } => None,
        }
    }

    /// Whether the time ran out.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout { .. })
    }

    /// Whether the request was not sent because the server takes none any more on its connection (GOAWAY; RFC 9114, section 5.2).
    pub fn is_goodbye(&self) -> bool {
        let Self::Failed { source, .. } = self else {
            return false;
        };
        let error = source.downcast_ref::<h3::error::StreamError>();
        matches!(error, Some(h3::error::StreamError::RemoteClosing { .. }))
    }

    /// Whether the server's certificate is not trusted; `source()` says why, [`ProbeError::Certificate`] has the chain.
    pub fn is_certificate(&self) -> bool {
        matches!(self, Self::Certificate { .. })
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Resolve => "name resolution",
            Self::Connect => "connecting",
            Self::Tls => "the TLS handshake",
            Self::Quic => "the QUIC handshake",
            Self::Http => "the HTTP handshake",
            Self::Request => "sending the request",
            Self::Response => "waiting for the response",
            Self::Body => "reading the body",
        })
    }
}

/// The end of the ALPN sentence.
fn chosen(got: Option<&str>) -> String {
    got.map_or_else(String::new, |got| format!(" but `{got}`"))
}
