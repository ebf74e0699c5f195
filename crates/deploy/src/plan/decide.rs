//! What happens to one file: the rendering before, the rendering now, and what a hand left on the machine.

use super::Found;
use super::baseline::BaseFile;
use super::conflict::ConflictKind;
use super::content::{Accounts, Content, Ownership, SHORT, digest};
use super::head::{is_same, masked, with_generation_of};
use super::note::NoteKind;
use super::step::Why;
use crate::merge::{Merged, merge};
use crate::render::RenderedFile;

/// What is known of one file.
#[derive(Clone, Copy)]
pub(super) struct Sides<'a> {
    /// What was rendered before.
    pub(super) base: Option<&'a BaseFile>,
    /// What is rendered now.
    pub(super) rendered: Option<&'a RenderedFile>,
    /// What is on the machine.
    pub(super) found: Option<&'a Found>,
    /// The machine's accounts.
    pub(super) accounts: &'a Accounts,
    /// Bring back what a hand deleted.
    pub(super) restore: bool,
    /// Put the rendering in the place of hand edits, which are set aside.
    pub(super) overwrite: bool,
}

/// What happens to one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decision {
    /// What is to be there, and why; none: it stays as it is.
    pub(super) write: Option<(Target, Why)>,
    /// A hand's text that leaves its place.
    pub(super) set_aside: Option<String>,
    /// What people are told.
    pub(super) note: Option<NoteKind>,
}

/// What is to be at the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// Nothing.
    Absent,
    /// A file.
    File {
        text: String,
        mode: u32,
        owner: Ownership,
    },
}

impl Decision {
    const NOTHING: Self = Self {
        write: None,
        set_aside: None,
        note: None,
    };

    fn noted(note: NoteKind) -> Self {
        Self {
            note: Some(note),
            ..Self::NOTHING
        }
    }

    fn write(target: Target, why: Why) -> Self {
        Self {
            write: Some((target, why)),
            ..Self::NOTHING
        }
    }
}

/// Decides about one file.
pub(super) fn decide(sides: Sides<'_>) -> Result<Decision, ConflictKind> {
    match (sides.rendered, sides.found.map(|found| &found.content)) {
        (Some(rendered), None | Some(Content::Absent)) => Ok(when_absent(sides, rendered)),
        (Some(rendered), Some(Content::File { mode, owner, .. })) => {
            when_there(sides, rendered, (*mode, owner))
        }
        (Some(_), Some(other)) => Err(in_the_way(other, "a file")),
        (None, Some(Content::File { .. })) => Ok(when_retired(sides)),
        (None, _) => Ok(Decision::NOTHING),
    }
}

fn when_absent(sides: Sides<'_>, rendered: &RenderedFile) -> Decision {
    let deleted = sides.base.is_some();
    if deleted && !sides.restore && !sides.overwrite {
        return Decision::noted(NoteKind::KeptDeleted);
    }
    let why = if deleted { Why::Restored } else { Why::New };
    Decision::write(as_rendered(rendered), why)
}

fn when_there(
    sides: Sides<'_>,
    rendered: &RenderedFile,
    found_rights: (u32, &Ownership),
) -> Result<Decision, ConflictKind> {
    let text = sides.found.and_then(|found| found.text.as_deref());
    let rights = Rights::of(sides, rendered, found_rights);
    let file = |text: String| Target::File {
        text,
        mode: rights.mode,
        owner: rights.owner.clone(),
    };
    let Some(text) = text else {
        let unchanged = sides
            .base
            .is_some_and(|base| base.has_text(&rendered.contents));
        return match unchanged && !sides.overwrite {
            true => Ok(Decision::noted(NoteKind::KeptEdit)),
            false if sides.base.is_some() => Err(ConflictKind::NotText),
            false => Err(ConflictKind::Foreign),
        };
    };
    if is_same(text, &rendered.contents) {
        let mut decision = if rights.differ {
            Decision::write(file(text.to_owned()), Why::Rights)
        } else {
            Decision::NOTHING
        };
        decision.note = match sides.base {
            None => Some(NoteKind::TakenOver),
            Some(_) => rights.kept.then_some(NoteKind::KeptRights),
        };
        return Ok(decision);
    }
    let Some(base) = sides.base else {
        return Err(ConflictKind::Foreign);
    };
    if base.has_text(text) {
        return Ok(Decision::write(
            file(rendered.contents.clone()),
            Why::Rendering,
        ));
    }
    if sides.overwrite {
        return Ok(Decision {
            set_aside: Some(text.to_owned()),
            note: Some(NoteKind::SetAside),
            ..Decision::write(file(rendered.contents.clone()), Why::Overwritten)
        });
    }
    let keep = |note| Decision {
        note: Some(note),
        ..if rights.differ {
            Decision::write(file(text.to_owned()), Why::Rights)
        } else {
            Decision::NOTHING
        }
    };
    if base.has_text(&rendered.contents) {
        return Ok(keep(NoteKind::KeptEdit));
    }
    // the heads' generations always differ, and that is nothing to merge
    let merged = merge(
        &masked(&base.text),
        &masked(&rendered.contents),
        &masked(text),
    );
    match merged {
        Merged::Conflict(clashes) => Err(ConflictKind::BothChanged { clashes }),
        Merged::Clean(merged) if is_same(&merged, text) => Ok(keep(NoteKind::Merged)),
        Merged::Clean(merged) => {
            let merged = with_generation_of(&merged, &rendered.contents);
            Ok(Decision {
                note: Some(NoteKind::Merged),
                ..Decision::write(file(merged), Why::Merged)
            })
        }
    }
}

/// Nothing renders it any more: ours goes, a hand's is kept beside its place, where nothing reads it.
fn when_retired(sides: Sides<'_>) -> Decision {
    let (Some(base), Some(found)) = (sides.base, sides.found) else {
        return Decision::NOTHING;
    };
    let mut decision = Decision::write(Target::Absent, Why::Retired);
    match &found.text {
        Some(text) if base.has_text(text) => {}
        Some(text) => {
            decision.set_aside = Some(text.clone());
            decision.note = Some(NoteKind::SetAside);
        }
        // what is no text cannot be carried in a plan: it stays where it is
        None => return Decision::noted(NoteKind::KeptEdit),
    }
    decision
}

fn as_rendered(rendered: &RenderedFile) -> Target {
    Target::File {
        text: rendered.contents.clone(),
        mode: rendered.mode,
        owner: Ownership::rendered(rendered.owner.as_ref()),
    }
}

/// Something else stands where `wanted` has to be.
pub(super) fn in_the_way(found: &Content, wanted: &str) -> ConflictKind {
    let found = match found {
        Content::Absent => "nothing",
        Content::File { .. } => "a file",
        Content::Folder { .. } => "a folder",
        Content::Other { kind } => kind,
    };
    ConflictKind::InTheWay {
        found: found.to_owned(),
        wanted: wanted.to_owned(),
    }
}

/// Mode and owner that a file is to have: the rendered ones, or those that a hand gave it while the rendering's stayed.
struct Rights {
    mode: u32,
    owner: Ownership,
    /// They are not those on the machine.
    differ: bool,
    /// They are a hand's.
    kept: bool,
}

impl Rights {
    fn of(sides: Sides<'_>, rendered: &RenderedFile, found: (u32, &Ownership)) -> Self {
        let owner = Ownership::rendered(rendered.owner.as_ref());
        let differ = found.0 != rendered.mode || !owner.fits(found.1, sides.accounts);
        let by_hand = sides.base.is_some_and(|base| {
            let rendered_as_before = base.mode == rendered.mode && base.owner == owner;
            rendered_as_before && !sides.overwrite
        });
        if differ && by_hand {
            return Self {
                mode: found.0,
                owner: found.1.clone(),
                differ: false,
                kept: true,
            };
        }
        Self {
            mode: rendered.mode,
            owner,
            differ,
            kept: false,
        }
    }
}

/// Where a hand's text is kept that has to leave its place: beside it, under a name that says which text it is and that no
/// `include` of NGINX or systemd matches.
pub fn set_aside_path(path: &str, text: &str) -> String {
    format!("{path}.hand-{}", &digest(text.as_bytes())[..SHORT])
}
