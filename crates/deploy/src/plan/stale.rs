//! A saved plan holds for the machine that it was made for.

use std::fmt;

use super::content::{Accounts, Content};
use super::{Inventory, Plan};

/// Something that is not as the plan found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The path, or `NGINX`.
    pub what: String,
    /// As the plan found it.
    pub expected: String,
    /// As it is now.
    pub found: String,
}

impl Plan {
    /// What has moved since the plan was made: files, folders, their rights, and the version of NGINX. Empty when the plan
    /// may be carried out. Whether units run is no part of it: they come and go by themselves.
    pub fn moved(&self, inventory: &Inventory) -> Vec<Moved> {
        let mut moved: Vec<_> = self
            .expects
            .iter()
            .filter_map(|(path, expected)| {
                let found = inventory.content(path);
                (!is_as_expected(expected, found, &inventory.accounts)).then(|| Moved {
                    what: path.clone(),
                    expected: expected.to_string(),
                    found: found.to_string(),
                })
            })
            .collect();
        if self.nginx != inventory.nginx {
            let version = |version: &Option<String>| version.clone().unwrap_or("none".to_owned());
            moved.push(Moved {
                what: "NGINX".to_owned(),
                expected: version(&self.nginx),
                found: version(&inventory.nginx),
            });
        }
        moved
    }
}

fn is_as_expected(expected: &Content, found: &Content, accounts: &Accounts) -> bool {
    let same_thing = match (expected, found) {
        (Content::File { digest: one, .. }, Content::File { digest: two, .. }) => one == two,
        (Content::Folder { .. }, Content::Folder { .. }) => true,
        _ => expected == found,
    };
    same_thing
        && match (expected.rights(), found.rights()) {
            (Some((mode, owner)), Some((found_mode, found_owner))) => {
                mode == found_mode && owner.fits(found_owner, accounts)
            }
            _ => true,
        }
}

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            what,
            expected,
            found,
        } = self;
        write!(f, "{what}: the plan found {expected}; now it is {found}")
    }
}
