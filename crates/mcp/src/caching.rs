//! How long a list may be kept, and by whom (2026-07-28, caching).

use crate::raw::Object;

/// What a server, or the origin, says of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caching {
    /// `ttlMs`: for how long it counts as fresh, in milliseconds.
    pub ttl_ms: u64,
    /// `cacheScope` is `private`: it is the answer to one caller, and no shared cache may give it to another.
    pub private: bool,
}

impl Caching {
    /// What the origin says where no server says less: a list that a server changes without a word is wrong for as long as the
    /// longest pause before a server's restart, 30 s.
    pub const OWN: Self = Self {
        ttl_ms: 30_000,
        private: false,
    };

    /// Reads a result of 2026-07-28. A member that is missing or wrong counts as the strictest.
    pub(crate) fn read(result: &Object<'_>) -> Self {
        let ttl = result.find("ttlMs").and_then(|ttl| ttl.value.parse().ok());
        let scope = result.find("cacheScope");
        Self {
            ttl_ms: ttl.unwrap_or(0),
            private: scope.is_none_or(|scope| scope.value != "\"public\""),
        }
    }

    /// What both allow.
    #[must_use]
    pub fn strictest(self, other: Self) -> Self {
        Self {
            ttl_ms: self.ttl_ms.min(other.ttl_ms),
            private: self.private || other.private,
        }
    }

    /// The members for a result.
    pub(crate) fn members(self) -> String {
        let scope = if self.private { "private" } else { "public" };
        format!("\"ttlMs\":{},\"cacheScope\":\"{scope}\"", self.ttl_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_read_and_what_is_not_said_is_the_strictest() {
        for (text, ttl_ms, private) in [
            (r#"{"ttlMs":5,"cacheScope":"public"}"#, 5, false),
            (r#"{"ttlMs":5,"cacheScope":"private"}"#, 5, true),
            (r#"{"ttlMs":-1,"cacheScope":7}"#, 0, true),
            ("{}", 0, true),
        ] {
            let object = Object::read(text).expect("an object");
            assert_eq!(
                Caching::read(&object),
                Caching { ttl_ms, private },
                "{text}"
            );
        }
    }

    #[test]
    fn two_allow_what_each_of_them_allows() {
        let strict = Caching {
            ttl_ms: 5,
            private: true,
        };
        assert_eq!(Caching::OWN.strictest(strict), strict);
        assert_eq!(strict.members(), r#""ttlMs":5,"cacheScope":"private""#);
    }
}
