//! What is known of the era of one server, over all connections to it.

use super::Probe;
use crate::version::Era;

/// The era that a server was found to be of is asked for at once the next time. One that was met in neither is asked
/// differently each time: some end when the first message is none that they know, some keep to the era of the first message.
/// Where one question follows the other, both were asked, and there is nothing to try.
#[derive(Debug)]
pub struct Eras {
    found: Option<Era>,
    unknown: Probe,
    failures: u32,
}

impl Eras {
    /// Nothing is known yet. `unknown`: how such a server is asked, every other time.
    pub const fn new(unknown: Probe) -> Self {
        Self {
            found: None,
            unknown,
            failures: 0,
        }
    }

    /// How the next connection begins.
    pub fn probe(&self) -> Probe {
        match self.found {
            Some(era) => Probe::of(era),
            None if self.unknown.at_once && self.failures % 2 == 1 => Probe::of(Era::Legacy),
            None => self.unknown,
        }
    }

    /// The server was met.
    pub fn met(&mut self, era: Era) {
        (self.found, self.failures) = (Some(era), 0);
    }

    /// A connection ended before the server was met. `true`: the way it was asked may be the reason, and it was not asked
    /// otherwise yet, so there is no need to wait before the next one.
    pub fn missed(&mut self) -> bool {
        if self.found.take().is_some() {
            self.failures = 0;
            return false;
        }
        self.failures = self.failures.saturating_add(1);
        self.unknown.at_once && self.failures == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEGACY: Probe = Probe::of(Era::Legacy);

    #[test]
    fn an_unknown_server_is_asked_in_turns_and_at_once_only_the_first_time() {
        let mut eras = Eras::new(Probe::PIPE);
        assert_eq!(eras.probe(), Probe::PIPE);
        assert!(eras.missed());
        assert_eq!(eras.probe(), LEGACY);
        assert!(!eras.missed());
        assert_eq!(eras.probe(), Probe::PIPE);
        assert!(!eras.missed());
        assert_eq!(eras.probe(), LEGACY);
    }

    #[test]
    fn a_found_era_is_remembered_until_it_is_missed() {
        let mut eras = Eras::new(Probe::PIPE);
        eras.met(Era::Legacy);
        assert_eq!(eras.probe(), LEGACY);
        assert!(!eras.missed());
        assert_eq!(eras.probe(), Probe::PIPE);
        assert!(eras.missed());
    }

    #[test]
    fn where_one_question_follows_the_other_there_is_one_way_to_ask() {
        let modern = Probe::of(Era::Modern);
        let mut eras = Eras::new(modern);
        assert!(!eras.missed());
        assert_eq!(eras.probe(), modern);
        eras.met(Era::Legacy);
        assert_eq!(eras.probe(), LEGACY);
        assert!(!eras.missed());
        assert_eq!(eras.probe(), modern);
    }
}
