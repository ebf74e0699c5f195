//! Why a command stopped, and what to do about it.

use std::error::Error;
use std::fmt;
use std::path::Path;

/// A failure with its cause and the next command to try.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
    next: Option<String>,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            source: None,
            next: None,
        }
    }

    /// A failure at a path, with the operating system's reason.
    pub(crate) fn at(verb: &str, path: &Path, source: std::io::Error) -> Self {
        Self::new(format!("cannot {verb} `{}`", path.display())).because(source)
    }

    pub(crate) fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What the reader can do now: a command line or one short sentence.
    pub(crate) fn or_try(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    pub(crate) fn next(&self) -> Option<&str> {
        self.next.as_deref()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}
