//! What a check says.

use std::error::Error;
use std::fmt;

use probe::Version;
use serde::Serialize;

/// The status of a check; the words are those of the JSON form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// Could not be asked here; the detail says why.
    Skip,
    /// As it should be.
    Pass,
    /// It works, and will hurt.
    Warn,
    /// Not as it should be.
    Fail,
}

/// The checks, in the order in which they are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Id {
    NginxConfig,
    NginxLint,
    NginxGeneration,
    OriginGeneration,
    OriginReady,
    OriginPrivate,
    TlsChain,
    TlsExpiry,
    Http1,
    Http2,
    Http3,
    EarlyData,
    AltSvc,
    TcpSites,
    RequestIds,
    FirstEvent,
    Cadence,
    KeepAlive,
    Disconnect,
    Timeouts,
    Discover,
    Initialize,
    ToolCall,
    ToolApi,
}

impl Id {
    /// All of them, in that order.
    #[cfg(test)]
    const ALL: [Self; Self::ToolApi as usize + 1] = [
        Self::NginxConfig,
        Self::NginxLint,
        Self::NginxGeneration,
        Self::OriginGeneration,
        Self::OriginReady,
        Self::OriginPrivate,
        Self::TlsChain,
        Self::TlsExpiry,
        Self::Http1,
        Self::Http2,
        Self::Http3,
        Self::EarlyData,
        Self::AltSvc,
        Self::TcpSites,
        Self::RequestIds,
        Self::FirstEvent,
        Self::Cadence,
        Self::KeepAlive,
        Self::Disconnect,
        Self::Timeouts,
        Self::Discover,
        Self::Initialize,
        Self::ToolCall,
        Self::ToolApi,
    ];

    /// The name that scripts know.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::NginxConfig => "nginx.config",
            Self::NginxLint => "nginx.lint",
            Self::NginxGeneration => "nginx.generation",
            Self::OriginGeneration => "origin.generation",
            Self::OriginReady => "origin.ready",
            Self::OriginPrivate => "origin.private",
            Self::TlsChain => "tls.chain",
            Self::TlsExpiry => "tls.expiry",
            Self::Http1 => "http1",
            Self::Http2 => "http2",
            Self::Http3 => "http3",
            Self::EarlyData => "http3.early-data",
            Self::AltSvc => "alt-svc",
            Self::TcpSites => "tcp-sites",
            Self::RequestIds => "request-id",
            Self::FirstEvent => "stream.first-event",
            Self::Cadence => "stream.cadence",
            Self::KeepAlive => "stream.keepalive",
            Self::Disconnect => "stream.disconnect",
            Self::Timeouts => "timeouts",
            Self::Discover => "mcp.discover",
            Self::Initialize => "mcp.initialize",
            Self::ToolCall => "mcp.tool-call",
            Self::ToolApi => "tool-api",
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A check that was made.
#[derive(Debug, Clone)]
pub(crate) struct Check {
    /// Which.
    pub(crate) id: Id,
    /// The site it was made for; nothing where the deployment has one, or the check is about all of them.
    pub(crate) site: Option<String>,
    /// What it says.
    pub(crate) verdict: Verdict,
    /// How long it took, in milliseconds.
    pub(crate) ms: f64,
}

/// What a check says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The status.
    pub(crate) status: Status,
    /// One sentence: what was seen.
    pub(crate) detail: String,
    /// The status by HTTP version, where the check asked over several.
    pub(crate) versions: Vec<(Version, Status)>,
}

impl Verdict {
    pub(crate) fn new(status: Status, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
            versions: Vec::new(),
        }
    }

    pub(crate) fn pass(detail: impl Into<String>) -> Self {
        Self::new(Status::Pass, detail)
    }

    pub(crate) fn fail(detail: impl Into<String>) -> Self {
        Self::new(Status::Fail, detail)
    }

    pub(crate) fn warn(detail: impl Into<String>) -> Self {
        Self::new(Status::Warn, detail)
    }

    pub(crate) fn skip(detail: impl Into<String>) -> Self {
        Self::new(Status::Skip, detail)
    }

    /// The verdict over several versions: the worst of them; its detail names what is worst, or says all when all is well.
    /// Versions that were not asked for are named, so that nobody reads a pass as more than it is.
    pub(crate) fn over_versions(parts: &[(Version, Self)]) -> Self {
        let asked: Vec<_> = parts.iter().map(|(version, _)| *version).collect();
        let Some(worst) = parts.iter().map(|(_, part)| part.status).max() else {
            return Self::skip("no version of HTTP gets through");
        };
        // the probe's errors name their version themselves
        let said = |(version, part): &(Version, Self)| {
            let own = format!("{version}: ");
            part.detail
                .strip_prefix(&own)
                .unwrap_or(&part.detail)
                .to_owned()
        };
        let mut details: Vec<String> = Vec::new();
        for part in parts.iter().filter(|(_, part)| part.status == worst) {
            let same = parts
                .iter()
                .filter(|other| other.1.status == worst && said(other) == said(part));
            let versions: Vec<_> = same.map(|(version, _)| version.to_string()).collect();
            let detail = format!("{}: {}", versions.join(", "), said(part));
            // what is said of several versions is said once
            if !details.contains(&detail) {
                details.push(detail);
            }
        }
        let others: Vec<_> = parts
            .iter()
            .filter(|(_, part)| part.status != worst)
            .map(|(version, part)| format!("{version} {}", part.status))
            .collect();
        details.extend((!others.is_empty()).then(|| others.join(", ")));
        let silent: Vec<_> = Version::ALL
            .iter()
            .filter(|version| !asked.contains(version))
            .map(ToString::to_string)
            .collect();
        details
            .extend((!silent.is_empty()).then(|| format!("not asked over {}", silent.join(", "))));
        Self {
            status: worst,
            detail: details.join("; "),
            versions: parts
                .iter()
                .map(|(version, part)| (*version, part.status))
                .collect(),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Warn => "warn",
            Self::Skip => "skip",
        })
    }
}

/// An error and its causes as one line.
pub(crate) fn sentence(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        // some libraries repeat their cause in their own text
        if !text.ends_with(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("../../../docs/checks.md");

    #[test]
    fn each_check_has_its_section_in_the_docs_in_the_order_of_the_table() {
        let documented: Vec<_> = PAGE
            .lines()
            .filter_map(|line| line.strip_prefix("## "))
            .collect();
        assert_eq!(documented, Id::ALL.map(Id::as_str));
        let sections = PAGE.split("\n## ").skip(1);
        for section in sections {
            for part in ["\n- **Asks**", "\n- **Means**", "\n- **Find**"] {
                assert!(section.contains(part), "{part} is missing: {section}");
            }
        }
    }

    #[test]
    fn the_worst_version_decides_and_is_named() {
        let verdict = Verdict::over_versions(&[
            (Version::Http1, Verdict::fail("held back")),
            (Version::Http2, Verdict::pass("fine")),
            (Version::Http3, Verdict::pass("fine")),
        ]);
        assert_eq!(verdict.status, Status::Fail);
        assert_eq!(
            verdict.detail,
            "HTTP/1.1: held back; HTTP/2 pass, HTTP/3 pass"
        );
    }

    #[test]
    fn a_version_that_was_not_asked_is_named() {
        let verdict = Verdict::over_versions(&[(Version::Http1, Verdict::pass("fine"))]);
        assert_eq!(verdict.status, Status::Pass);
        assert!(
            verdict.detail.ends_with("not asked over HTTP/2, HTTP/3"),
            "{}",
            verdict.detail
        );
    }

    #[test]
    fn what_is_said_of_all_is_said_once() {
        let verdict =
            Verdict::over_versions(&Version::ALL.map(|version| (version, Verdict::pass("fine"))));
        assert_eq!(verdict.detail, "HTTP/1.1, HTTP/2, HTTP/3: fine");
    }

    #[test]
    fn an_error_that_names_its_version_is_not_named_twice() {
        let verdict =
            Verdict::over_versions(&[(Version::Http2, Verdict::fail("HTTP/2: no answer"))]);
        assert!(
            verdict.detail.starts_with("HTTP/2: no answer;"),
            "{}",
            verdict.detail
        );
    }

    #[test]
    fn nothing_asked_is_no_pass() {
        assert_eq!(Verdict::over_versions(&[]).status, Status::Skip);
    }

    #[test]
    fn a_fail_is_worse_than_a_warning_and_a_skip_is_never_a_pass() {
        assert!(
            Status::Fail > Status::Warn
                && Status::Warn > Status::Pass
                && Status::Pass > Status::Skip
        );
    }
}
