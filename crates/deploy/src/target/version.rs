//! Versions of three numbers.

use std::fmt;
use std::str::FromStr;

use super::TargetError;
use crate::words::{Word, sealed};

/// A version as NGINX and OpenSSL write theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    major: u16,
    minor: u16,
    patch: u16,
}

impl Version {
    /// `major.minor.patch`.
    pub const fn new(major: u16, minor: u16, patch: u16) -> Self {
        Self {
            major,
            minor,
            patch,
        }
    }

    /// The version at the start of a text that goes on with something else.
    pub(super) fn leading(text: &str) -> Option<Self> {
        let end = text
            .find(|c: char| !(c.is_ascii_digit() || c == '.'))
            .unwrap_or(text.len());
        text[..end].parse().ok()
    }

    /// Whether a change that reached the branches at `floors` is in this version. NGINX keeps a stable branch (even
    /// minor) beside the mainline: a branch that has a floor of its own counts by that one, every other by the floors
    /// below it.
    pub fn has_reached(self, floors: &[Self]) -> bool {
        let own = floors
            .iter()
            .find(|floor| (floor.major, floor.minor) == (self.major, self.minor));
        match own {
            Some(floor) => self >= *floor,
            None => floors.iter().any(|floor| self > *floor),
        }
    }
}

impl FromStr for Version {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let mut numbers = text.split('.').map(|part| {
            let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| part.parse::<u16>().ok()).flatten()
        });
        let mut next = || numbers.next().flatten().ok_or(TargetError::NotAVersion);
        let version = Self::new(next()?, next()?, next()?);
        if numbers.next().is_some() {
            return Err(TargetError::NotAVersion);
        }
        Ok(version)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl sealed::Sealed for Version {}
impl Word for Version {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fix_on_two_branches_is_known_on_both_and_between_them() {
        let floors = [Version::new(1, 30, 6), Version::new(1, 31, 7)];
        for (version, reached) in [
            ("1.26.3", false),
            ("1.29.9", false),
            ("1.30.5", false),
            ("1.30.6", true),
            ("1.31.6", false),
            ("1.31.7", true),
            ("1.32.0", true),
        ] {
            let version: Version = version.parse().expect("a version");
            assert_eq!(version.has_reached(&floors), reached, "{version}");
        }
    }
}
