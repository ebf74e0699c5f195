//! The levels of log messages.

/// A level, the least serious first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Level(usize);

impl Level {
    /// The level of that name.
    pub fn parse(name: &str) -> Option<Self> {
        NAMES.iter().position(|known| *known == name).map(Self)
    }

    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        NAMES.get(self.0).copied().unwrap_or_default()
    }

    /// The `params` of the request that sets it, up to 2025-11-25.
    pub fn params(self) -> String {
        format!("{{\"level\":\"{}\"}}", self.as_str())
    }
}

/// RFC 5424 section 6.2.1.
const NAMES: [&str; 8] = [
    "debug",
    "info",
    "notice",
    "warning",
    "error",
    "critical",
    "alert",
    "emergency",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_and_debug_is_the_least() {
        for name in NAMES {
            assert_eq!(Level::parse(name).map(Level::as_str), Some(name));
        }
        assert_eq!(Level::parse("loud"), None);
        assert!(Level::parse("debug") < Level::parse("emergency"));
    }
}
