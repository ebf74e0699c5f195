//! What a plan leaves as it is.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Something that a person is told: a path that stays as a hand left it, or that changes owners.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The path.
    pub path: String,
    /// What about it.
    pub kind: NoteKind,
}

/// What a person is told about a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoteKind {
    /// A hand edited it and the rendering has not changed since: it stays as it is.
    KeptEdit,
    /// A hand gave it another mode or owner and the rendering has not changed since: they stay.
    KeptRights,
    /// A hand deleted it: it stays away.
    KeptDeleted,
    /// A hand and the rendering changed it, in different places.
    Merged,
    /// It is as it is rendered, and nothing was known of it: from now on it is opsctl's.
    TakenOver,
    /// A hand edited it and it is no longer wanted: the text is kept beside its place.
    SetAside,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match self.kind {
            NoteKind::KeptEdit => write!(f, "kept: hand edit of {path}"),
            NoteKind::KeptRights => write!(f, "kept: mode or owner that a hand gave {path}"),
            NoteKind::KeptDeleted => {
                write!(
                    f,
                    "kept away: {path} was deleted by hand (`--restore` brings it back)"
                )
            }
            NoteKind::Merged => write!(f, "merged: hand edit of {path} and the new rendering"),
            NoteKind::TakenOver => write!(f, "taken over: {path} is as it is rendered"),
            NoteKind::SetAside => write!(f, "set aside: hand edit of {path}"),
        }
    }
}
