//! The endpoints beside MCP that clients see only where somebody says so.

use std::str::FromStr;

/// An endpoint of the origin that may be public.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exposed {
    /// `/healthz`
    Healthz,
    /// `/readyz`
    Readyz,
    /// `/health`
    Health,
    /// `/capz`
    Capz,
    /// `/tools` and `/tools/{name}`
    Tools,
    /// `/call-tool`
    CallTool,
    /// `/openapi.json`
    OpenApi,
}

impl Exposed {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Healthz,
        Self::Readyz,
        Self::Health,
        Self::Capz,
        Self::Tools,
        Self::CallTool,
        Self::OpenApi,
    ];

    /// The word for it in `expose`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Healthz => "healthz",
            Self::Readyz => "readyz",
            Self::Health => "health",
            Self::Capz => "capz",
            Self::Tools => "tools",
            Self::CallTool => "call-tool",
            Self::OpenApi => "openapi",
        }
    }

    /// The path at the origin and at the edge.
    pub fn path(self) -> &'static str {
        match self {
            Self::Healthz => "/healthz",
            Self::Readyz => "/readyz",
            Self::Health => "/health",
            Self::Capz => "/capz",
            Self::Tools => "/tools",
            Self::CallTool => "/call-tool",
            Self::OpenApi => "/openapi.json",
        }
    }

    /// The prefix of the other paths that belong to it.
    pub fn below(self) -> Option<&'static str> {
        (self == Self::Tools).then_some("/tools/")
    }

    /// The one that a path belongs to.
    pub fn of(path: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|exposed| {
            let below = exposed.below();
            path == exposed.path() || below.is_some_and(|below| path.starts_with(below))
        })
    }
}

impl FromStr for Exposed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut all = Self::ALL.into_iter();
        all.find(|exposed| exposed.word() == text).ok_or_else(|| {
            let words = Self::ALL.map(|exposed| format!("`{}`", exposed.word()));
            format!("is none of {}", words.join(", "))
        })
    }
}
