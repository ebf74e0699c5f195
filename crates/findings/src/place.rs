//! Where something stands in an input.

use std::sync::Arc;

/// Where a value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file as the person named it, or `environment`.
    pub file: Arc<str>,
    /// The line, counted from 1; none where there are no lines.
    pub line: Option<usize>,
}
