//! What is at a path, and what is to be there.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::render::Owner;

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Content {
    /// Nothing.
    Absent,
    /// A file.
    File {
        /// [`digest`] of its bytes.
        digest: String,
        /// Its permission bits, as `0o644`.
        mode: u32,
        /// Whose it is.
        owner: Ownership,
    },
    /// A folder.
    Folder {
        /// Its permission bits.
        mode: u32,
        /// Whose it is.
        owner: Ownership,
    },
    /// What is never touched: a symbolic link, a device, a socket.
    Other {
        /// Its kind with an article, as `a symbolic link`.
        kind: String,
    },
}

/// Whose a path is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ownership {
    /// Whoever writes it, or nobody has looked.
    Writer,
    /// User and group, as they were found.
    Numbers(u32, u32),
    /// User and group, as they were rendered: the accounts may be made on the way.
    Names(String, String),
}

/// The numbers of the accounts that the machine knows. Owners are compared as far as both names are known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accounts {
    /// Users by name.
    pub users: BTreeMap<String, u32>,
    /// Groups by name.
    pub groups: BTreeMap<String, u32>,
}

impl Content {
    /// A file of these bytes.
    pub fn file(bytes: &[u8], mode: u32, owner: Ownership) -> Self {
        Self::File {
            digest: digest(bytes),
            mode,
            owner,
        }
    }

    /// The permission bits and the owner; nothing where there is neither file nor folder.
    pub fn rights(&self) -> Option<(u32, &Ownership)> {
        match self {
            Self::File { mode, owner, .. } | Self::Folder { mode, owner } => Some((*mode, owner)),
            Self::Absent | Self::Other { .. } => None,
        }
    }

    /// The digest of a file.
    pub fn digest(&self) -> Option<&str> {
        match self {
            Self::File { digest, .. } => Some(digest),
            _ => None,
        }
    }
}

impl Ownership {
    /// As a rendered file has it.
    pub fn rendered(owner: Option<&Owner>) -> Self {
        owner.map_or(Self::Writer, |owner| {
            Self::Names(owner.user.to_string(), owner.group.to_string())
        })
    }

    /// The owner of a rendered file; none where it is not named.
    pub(super) fn as_rendered(&self) -> Option<Owner> {
        match self {
            Self::Names(user, group) => Some(Owner {
                user: user.parse().ok()?,
                group: group.parse().ok()?,
            }),
            Self::Writer | Self::Numbers(..) => None,
        }
    }

    /// The numbers of user and group, as far as they are known.
    pub fn numbers(&self, accounts: &Accounts) -> (Option<u32>, Option<u32>) {
        match self {
            Self::Writer => (None, None),
            Self::Numbers(user, group) => (Some(*user), Some(*group)),
            Self::Names(user, group) => (
                accounts.users.get(user).copied(),
                accounts.groups.get(group).copied(),
            ),
        }
    }

    /// Whether both are the same, where what is not known is no difference.
    pub fn fits(&self, other: &Self, accounts: &Accounts) -> bool {
        let same =
            |one: Option<u32>, two: Option<u32>| one.is_none() || two.is_none() || one == two;
        let (user, group) = self.numbers(accounts);
        let (other_user, other_group) = other.numbers(accounts);
        self == other || (same(user, other_user) && same(group, other_group))
    }
}

/// Permission bits and owner, for people: `0640 root:demo`, or `0640` where nobody is named.
pub(super) struct Rights<'a>(pub(super) u32, pub(super) &'a Ownership);

impl fmt::Display for Rights<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)?;
        match self.1 {
            Ownership::Writer => Ok(()),
            Ownership::Numbers(user, group) => write!(f, " {user}:{group}"),
            Ownership::Names(user, group) => write!(f, " {user}:{group}"),
        }
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("nothing"),
            Self::File {
                digest,
                mode,
                owner,
            } => {
                let short = digest.get(..SHORT).unwrap_or(digest);
                write!(f, "a file of digest {short}, {}", Rights(*mode, owner))
            }
            Self::Folder { mode, owner } => write!(f, "a folder, {}", Rights(*mode, owner)),
            Self::Other { kind } => f.write_str(kind),
        }
    }
}

/// The SHA-256 of some bytes: 64 hex digits.
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// Digits of a digest that a person is shown: as many as git shows at first.
pub(super) const SHORT: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_sha_256() {
        // the example of FIPS 180-4 for `abc`
        assert!(digest(b"abc").starts_with("ba7816bf8f01cfea"));
    }

    #[test]
    fn a_name_that_is_not_known_is_no_difference() {
        let names = |group: &str| Ownership::Names("root".into(), group.into());
        let accounts = Accounts {
            users: [("root".to_owned(), 0)].into(),
            groups: [("demo".to_owned(), 7)].into(),
        };
        assert!(names("demo").fits(&Ownership::Numbers(0, 7), &accounts));
        assert!(!names("demo").fits(&Ownership::Numbers(0, 8), &accounts));
        assert!(!names("demo").fits(&Ownership::Numbers(1, 7), &accounts));
        assert!(names("other").fits(&Ownership::Numbers(0, 8), &accounts));
        assert!(Ownership::Writer.fits(&Ownership::Numbers(5, 5), &accounts));
    }
}
