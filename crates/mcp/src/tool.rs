//! Public names of tools.
//!
//! Clients of today accept `[A-Za-z0-9_-]`, at most 64 characters; names of the specification may be longer and hold `.`
//! and `/`. A public name is made to fit all of them and stays the same over restarts.

/// Between the server's name and the tool's own; a server's name cannot hold it.
pub const SEPARATOR: &str = "__";

/// The longest public name: what the official conformance suite and the model APIs accept.
pub const MAX_NAME: usize = 64;

/// How public names are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Naming {
    /// `{server}__{tool}`.
    #[default]
    Prefixed,
    /// The tool's own name, where one server is served alone.
    Plain,
}

/// The public name of `tool` of `server`. A name that fits is kept as it is; any other is cut or cleaned and ends in a
/// digest of what it was, so that two names never become one by that.
///
/// With [`Naming::Plain`] every name is kept: the server is alone, so nothing can collide, and its clients know it so.
pub fn public_name(naming: Naming, server: &str, tool: &str) -> String {
    match naming {
        Naming::Plain => tool.to_owned(),
        Naming::Prefixed => {
            let full = format!("{server}{SEPARATOR}{tool}");
            if full.len() <= MAX_NAME && full.bytes().all(fits) {
                full
            } else {
                digested(server, tool)
            }
        }
    }
}

/// The public name with a digest at its end: for names that do not fit, and for the second of two that are the same.
pub fn digested(server: &str, tool: &str) -> String {
    let suffix = format!("_{:08x}", digest(server, tool));
    let mut name: String = format!("{server}{SEPARATOR}{tool}")
        .chars()
        .map(|char| {
            if char.is_ascii() && fits(char as u8) {
                char
            } else {
                '_'
            }
        })
        .take(MAX_NAME - suffix.len())
        .collect();
    name.push_str(&suffix);
    name
}

fn fits(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// FNV-1a over both names, 64 bits folded to 32. It keeps names apart and hides nothing, so it need not be hard to invert.
fn digest(server: &str, tool: &str) -> u64 {
    let hash = server
        .bytes()
        .chain([0])
        .chain(tool.bytes())
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    (hash ^ (hash >> 32)) & 0xffff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_fits_is_kept() {
        assert_eq!(
            public_name(Naming::Prefixed, "git", "git_log"),
            "git__git_log"
        );
    }

    #[test]
    fn a_long_name_is_cut_to_the_limit_and_stays_the_same_and_its_own() {
        let (one, two) = ("x".repeat(80) + "1", "x".repeat(80) + "2");
        let name = public_name(Naming::Prefixed, "git", &one);
        assert_eq!(name.len(), MAX_NAME);
        assert_eq!(name, public_name(Naming::Prefixed, "git", &one));
        assert_ne!(name, public_name(Naming::Prefixed, "git", &two));
    }

    #[test]
    fn characters_that_clients_refuse_are_replaced() {
        let name = public_name(Naming::Prefixed, "s", "weg/zur.tür");
        assert!(name.starts_with("s__weg_zur_t_r_"), "{name}");
        assert!(name.bytes().all(fits));
    }

    #[test]
    fn a_digest_is_pinned_because_clients_remember_names() {
        assert_eq!(digested("s", "a b"), "s__a_b_cfb9779d");
    }

    #[test]
    fn a_plain_name_is_the_servers_own() {
        assert_eq!(
            public_name(Naming::Plain, "s", "weg/zur.tür"),
            "weg/zur.tür"
        );
    }
}
