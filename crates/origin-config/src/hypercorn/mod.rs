//! Hypercorn's settings: what becomes of each one, and a whole Hypercorn TOML as an origin's.

mod convert;
mod page;
mod table;
mod value;

pub use convert::{Change, Converted, convert};
pub use page::page;
pub use table::SETTINGS;

/// The release of Hypercorn whose settings are in [`SETTINGS`].
pub const VERSION: &str = "0.18.0";

/// One setting of Hypercorn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Its name in Hypercorn's TOML.
    pub name: &'static str,
    /// Hypercorn's own default, as TOML; `–` where there is none.
    pub default: &'static str,
    /// What becomes of it.
    pub fate: Fate,
}

/// What becomes of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The origin has the key, and it means the same.
    Same(Form),
    /// The origin has a key for it, and something is different.
    Differs {
        /// How its value is written.
        form: Form,
        /// The origin's key.
        key: &'static str,
        /// The difference.
        how: &'static str,
    },
    /// The origin has no key and always does what one value says.
    Always {
        /// That value, as TOML.
        value: &'static str,
        /// Why it is no choice.
        why: &'static str,
    },
    /// It is about something that the origin does not have, and nothing is lost without it.
    Needless(&'static str),
    /// Nothing does the same: the reason, and what to do instead.
    Refused(&'static str),
}

/// How the value of a setting is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `"-"` or a file.
    AccessLog,
    /// Addresses, one or a list.
    Binds,
    /// Addresses of UDP.
    UdpBinds,
    /// Bytes.
    Bytes,
    /// A whole number.
    Count,
    /// True or false.
    Flag,
    /// The names of hosts.
    Hosts,
    /// A level of the log.
    Level,
    /// A mode mask.
    Mask,
    /// A file.
    Path,
    /// Names of protocols.
    Protocols,
    /// A time in seconds.
    Seconds,
    /// Texts.
    Texts,
}

impl Setting {
    /// The setting of a name.
    pub fn named(name: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.name == name)
    }

    /// The origin's key for it, and how its value is written.
    pub fn counterpart(&self) -> Option<(&'static str, Form)> {
        match self.fate {
            Fate::Same(form) => Some((self.name, form)),
            Fate::Differs { form, key, .. } => Some((key, form)),
            Fate::Always { .. } | Fate::Needless(_) | Fate::Refused(_) => None,
        }
    }
}
