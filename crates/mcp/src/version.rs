//! The revisions of MCP that are served, and how one is chosen.

use std::fmt;

/// A revision of MCP that the origin serves. Ordered by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Revision {
    /// 2025-03-26: the first with Streamable HTTP.
    V2025_03_26,
    /// 2025-06-18: the version header came.
    V2025_06_18,
    /// 2025-11-25: the last that opens with a handshake.
    V2025_11_25,
    /// 2026-07-28: stateless, every request describes itself.
    V2026_07_28,
}

/// What separates the revisions for a server: who carries the state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Era {
    /// A handshake comes first, later requests lean on it.
    #[default]
    Legacy,
    /// Each request carries its revision and capabilities in `_meta`.
    Modern,
}

impl Revision {
    /// Every revision, oldest first.
    pub const ALL: [Self; 4] = [
        Self::V2025_03_26,
        Self::V2025_06_18,
        Self::V2025_11_25,
        Self::V2026_07_28,
    ];
    /// The newest that opens with a handshake: what a client is offered that asks for an unknown one.
    pub const LATEST_LEGACY: Self = Self::V2025_11_25;
    /// The newest of all.
    pub const LATEST: Self = Self::V2026_07_28;

    /// The name on the wire, a date.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
            Self::V2026_07_28 => "2026-07-28",
        }
    }

    /// The revision of that name, if it is served.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|revision| revision.as_str() == name)
    }

    /// Its era.
    pub const fn era(self) -> Era {
        match self {
            Self::V2025_03_26 | Self::V2025_06_18 | Self::V2025_11_25 => Era::Legacy,
            Self::V2026_07_28 => Era::Modern,
        }
    }

    /// The answer to a handshake that asks for `requested`: the same where a handshake can give it, else the newest that
    /// a handshake can give.
    pub fn negotiate(requested: &str) -> Self {
        Self::parse(requested)
            .filter(|revision| revision.era() == Era::Legacy)
            .unwrap_or(Self::LATEST_LEGACY)
    }

    /// The names of the revisions of one era as a JSON array.
    pub fn names(era: Era) -> String {
        let names: Vec<String> = Self::ALL
            .into_iter()
            .filter(|revision| revision.era() == era)
            .map(|revision| format!("\"{revision}\""))
            .collect();
        format!("[{}]", names.join(","))
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for revision in Revision::ALL {
            assert_eq!(Revision::parse(revision.as_str()), Some(revision));
        }
        assert_eq!(Revision::parse("2024-11-05"), None);
    }

    #[test]
    fn a_handshake_echoes_what_it_can_give_and_offers_the_newest_otherwise() {
        assert_eq!(Revision::negotiate("2025-03-26"), Revision::V2025_03_26);
        assert_eq!(Revision::negotiate("1999-01-01"), Revision::V2025_11_25);
        assert_eq!(Revision::negotiate("2026-07-28"), Revision::V2025_11_25);
    }

    #[test]
    fn the_modern_era_has_one_revision() {
        assert_eq!(Revision::names(Era::Modern), r#"["2026-07-28"]"#);
    }
}
