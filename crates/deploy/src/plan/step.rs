//! The steps of a plan: each one thing, with nothing left to choose, and a way back.

use std::fmt;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::content::{Content, Rights};
use crate::render::Component;
use crate::words::Name;

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Step {
    /// Make one path what it is to be. The text of a file is in the plan, by its digest.
    Change(Change),
    /// `systemd-sysusers`: make the accounts that a file names. Accounts are never taken away again: files of theirs may be
    /// anywhere.
    MakeAccounts {
        /// The file.
        file: String,
    },
    /// `systemd-tmpfiles --create`: make the run-time folders that a file names.
    MakeRuntimeFolders {
        /// The file.
        file: String,
    },
    /// `systemctl daemon-reload`: systemd reads its units again.
    ReadUnits,
    /// `systemctl` does one thing to some units, named together so that systemd orders them.
    Units {
        /// What it does.
        verb: Verb,
        /// The units.
        units: Vec<String>,
        /// Why: a fragment for people.
        why: String,
    },
    /// `certbot`: get a certificate from an ACME server and put it in its place.
    Issue(Issue),
}

/// A certificate that certbot gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    /// The site, which certbot calls the certificate after.
    pub site: Name,
    /// The names that it is to be for.
    pub names: Vec<String>,
    /// Where the edge answers plain HTTP.
    pub http: SocketAddr,
    /// The words after `certbot`.
    pub command: Vec<String>,
    /// Where its chain goes.
    pub chain: String,
    /// Where its key goes.
    pub key: String,
    /// Why: a fragment for people.
    pub why: String,
}

/// What `systemctl` does to units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// Let them start at boot.
    Enable,
    /// The contrary.
    Disable,
    /// Start what does not run.
    Start,
    /// Stop what runs.
    Stop,
    /// Stop and start.
    Restart,
    /// Let them read their configuration again.
    Reload,
}

/// One path and its two contents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Absolute, on the machine.
    pub path: String,
    /// What is there.
    pub before: Content,
    /// What is to be there. A folder that goes goes only when it is empty.
    pub after: Content,
    /// Who reads it; nobody but opsctl where there is none.
    pub component: Option<Component>,
    /// Why.
    pub why: Why,
}

/// Why a path changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// It is needed and not there.
    New,
    /// The rendering changed, and no hand was in it.
    Rendering,
    /// The rendering changed and so did a hand: both are in it.
    Merged,
    /// Its permission bits or its owner are not the rendered ones.
    Rights,
    /// A hand deleted it, and it was asked for.
    Restored,
    /// A hand edited it, and the rendering was asked for.
    Overwritten,
    /// A hand's text that has to leave its place is kept beside it.
    SetAside,
    /// Nothing renders it any more.
    Retired,
    /// opsctl remembers what it rendered.
    Memory,
    /// opsctl makes a certificate for development.
    Certificate,
    /// Until certbot has one: NGINX does not start without.
    Placeholder,
    /// certbot got it.
    Issued,
    /// The origin cannot read the operator's file.
    Copied,
}

impl Step {
    /// The step that takes this one back; nothing where there is none.
    pub fn inverse(&self) -> Option<Self> {
        Some(match self {
            Self::Change(change) => Self::Change(Change {
                before: change.after.clone(),
                after: change.before.clone(),
                ..change.clone()
            }),
            // what certbot has it keeps: the next attempt needs no new certificate then
            Self::MakeAccounts { .. } | Self::MakeRuntimeFolders { .. } | Self::Issue(_) => {
                return None;
            }
            Self::ReadUnits => Self::ReadUnits,
            Self::Units { verb, units, why } => Self::Units {
                verb: verb.inverse(),
                units: units.clone(),
                why: why.clone(),
            },
        })
    }
}

impl Verb {
    /// The word for `systemctl`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Enable => "enable",
            Self::Disable => "disable",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Reload => "reload",
        }
    }

    fn inverse(self) -> Self {
        match self {
            Self::Enable => Self::Disable,
            Self::Disable => Self::Enable,
            Self::Start => Self::Stop,
            Self::Stop => Self::Start,
            Self::Restart => Self::Restart,
            Self::Reload => Self::Reload,
        }
    }
}

/// For people: what is done to what, and why.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Change(change) => change.fmt(f),
            Self::MakeAccounts { file } => write!(f, "make the accounts of {file}"),
            Self::MakeRuntimeFolders { file } => write!(f, "make the run-time folders of {file}"),
            Self::ReadUnits => f.write_str("let systemd read its units again"),
            Self::Units { verb, units, why } => {
                write!(f, "{} {} ({why})", verb.word(), units.join(" "))
            }
            Self::Issue(issue) => write!(
                f,
                "get a certificate for {} by certbot ({})",
                issue.names.join(" "),
                issue.why
            ),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, why) = (&self.path, self.why);
        match (&self.before, &self.after) {
            (_, Content::Folder { mode, owner }) => {
                write!(f, "make the folder {path} ({})", Rights(*mode, owner))
            }
            (Content::Folder { .. }, _) => write!(f, "remove the folder {path} when it is empty"),
            (_, Content::Absent) => write!(f, "remove {path} ({why})"),
            (Content::Absent, Content::File { mode, owner, .. }) => {
                write!(f, "write {path} ({why}, {})", Rights(*mode, owner))
            }
            (
                before,
                Content::File {
                    digest,
                    mode,
                    owner,
                },
            ) if before.digest() == Some(digest) => {
                write!(f, "set {path} to {} ({why})", Rights(*mode, owner))
            }
            _ => write!(f, "write {path} ({why})"),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::New => "new",
            Self::Rendering => "the rendering changed",
            Self::Merged => "the rendering changed; the hand edit is merged in",
            Self::Rights => "mode or owner differ",
            Self::Restored => "it was deleted by hand",
            Self::Overwritten => "it was edited by hand",
            Self::SetAside => "the hand edit is kept here",
            Self::Retired => "no longer rendered",
            Self::Memory => "opsctl's own memory",
            Self::Certificate => "a certificate for development",
            Self::Placeholder => "a placeholder until certbot has a certificate",
            Self::Issued => "certbot got it",
            Self::Copied => "a copy that the origin can read",
        })
    }
}
