//! The exit codes: a public promise that scripts and the runbook rely on.

use std::process::ExitCode;

/// How a run ended. The numbers never change their meaning; new ones are added at free places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Exit {
    /// 0: done.
    Done = 0,
    /// 1: something unexpected; the message says what.
    Unexpected = 1,
    /// 2: the command line is wrong (the number that clap and most tools use).
    Usage = 2,
    /// 3: changes are pending; every `--check` uses it.
    Changes = 3,
    /// 10: the spec is invalid.
    Spec = 10,
    /// 11: NGINX rejected the rendered configuration.
    Rejected = 11,
    /// 12: the apply failed before its verification; everything is as it was.
    ApplyRestored = 12,
    /// 13: the apply failed and could not be taken back.
    ApplyNotRestored = 13,
    /// 14: the verification failed, or a server died.
    Verify = 14,
    /// 15: another run holds the lock.
    Locked = 15,
    /// 16: hand edits conflict with the rendering.
    Conflict = 16,
    /// 17: a prerequisite is missing: a port is in use, NGINX has no HTTP/3, an executable was not found.
    Prerequisite = 17,
    /// 18: lint found errors.
    Lint = 18,
    /// 19: the deployment is degraded.
    Degraded = 19,
    /// 20: the saved plan is stale.
    StalePlan = 20,
}

impl Exit {
    /// All of them, by number.
    pub const ALL: [Self; 15] = [
        Self::Done,
        Self::Unexpected,
        Self::Usage,
        Self::Changes,
        Self::Spec,
        Self::Rejected,
        Self::ApplyRestored,
        Self::ApplyNotRestored,
        Self::Verify,
        Self::Locked,
        Self::Conflict,
        Self::Prerequisite,
        Self::Lint,
        Self::Degraded,
        Self::StalePlan,
    ];

    /// The number that the shell sees.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// What the number means, as the documentation words it.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Unexpected => "unexpected",
            Self::Usage => "usage",
            Self::Changes => "changes pending",
            Self::Spec => "spec invalid",
            Self::Rejected => "rendered configuration rejected",
            Self::ApplyRestored => "apply failed before its verification, restored",
            Self::ApplyNotRestored => "apply failed, NOT restored",
            Self::Verify => "verify failed",
            Self::Locked => "another run holds the lock",
            Self::Conflict => "hand edits conflict",
            Self::Prerequisite => "a prerequisite is missing",
            Self::Lint => "lint found errors",
            Self::Degraded => "degraded",
            Self::StalePlan => "the saved plan is stale",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_the_documented_ones() {
        let codes: Vec<_> = Exit::ALL.iter().map(|exit| exit.code()).collect();
        assert_eq!(
            codes,
            [0, 1, 2, 3, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]
        );
    }

    #[test]
    fn every_number_has_its_own_meaning() {
        let mut meanings: Vec<_> = Exit::ALL.iter().map(|exit| exit.meaning()).collect();
        meanings.sort_unstable();
        meanings.dedup();
        assert_eq!(meanings.len(), Exit::ALL.len());
    }
}
