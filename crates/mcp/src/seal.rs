//! The origin's own seal round a server's `requestState`.
//!
//! The state travels through the client, who may edit it, keep it, or give it to somebody else. 2026-07-28 leaves it to the
//! server to notice; the origin does it for every server behind it: a state comes back to the server only in the request that
//! it was given for, from the one whom it was given to, and soon.

use std::fmt;
use std::time::Duration;

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::digest;

use crate::base64;
use crate::raw::{self, Object};

/// The keys that states are sealed with.
pub struct Seal {
    key: LessSafeKey,
    /// Those of before, which open what they sealed.
    old: Vec<LessSafeKey>,
}

/// What one state is good for. Two requests with the same binding are the same request, asked again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding([u8; 32]);

/// What sealing needs from outside: nothing here reads a clock or makes a random number.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The time of day since the UNIX epoch.
    pub now: Duration,
    /// Random; never used twice with one key. 96 bits at random allow 2^32 seals (NIST SP 800-38D section 8.3, for GCM, whose
    /// nonce has the same size).
    pub nonce: [u8; NONCE_LEN],
}

/// A state that was not made here, or not for this request, or long ago. Which of them is not said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`requestState` is not one that was given out for this request, or it is too old")]
pub struct Broken;

/// How long a state is good: what a person may take to answer a question, and not much more.
pub const LIFETIME: Duration = Duration::from_mins(10);

impl Seal {
    /// A seal with this key, which must be random and secret.
    pub fn new(key: [u8; 32]) -> Self {
        Self {
            key: ready(&key),
            old: Vec::new(),
        }
    }

    /// The same with a key of before: what was sealed with it still opens, and nothing new is sealed with it.
    #[must_use]
    pub fn opening(mut self, old: [u8; 32]) -> Self {
        self.old.push(ready(&old));
        self
    }

    /// Seals a state, which is one JSON value.
    pub(crate) fn close(&self, binding: &Binding, moment: Moment, state: &str) -> String {
        let expires = moment.now.saturating_add(LIFETIME).as_secs();
        let mut sealed = [&expires.to_be_bytes(), state.as_bytes()].concat();
        let nonce = Nonce::assume_unique_for_key(moment.nonce);
        let closed = self
            .key
            .seal_in_place_append_tag(nonce, Aad::from(&binding.0), &mut sealed);
        // Fails for texts above 256 GiB only; nothing opens the empty text.
        match closed {
            Ok(()) => base64::encode(&[&moment.nonce[..], &sealed].concat()),
            Err(_) => String::new(),
        }
    }

    /// The state that was sealed for `binding`.
    ///
    /// # Errors
    /// [`Broken`], whatever is wrong.
    pub(crate) fn open(
        &self,
        binding: &Binding,
        now: Duration,
        sealed: &str,
    ) -> Result<String, Broken> {
        let bytes = base64::decode(sealed.as_bytes()).ok_or(Broken)?;
        let (nonce, text) = bytes.split_first_chunk::<NONCE_LEN>().ok_or(Broken)?;
        let open = |key: &LessSafeKey| {
            let mut text = text.to_vec();
            let nonce = Nonce::assume_unique_for_key(*nonce);
            let opened = key.open_in_place(nonce, Aad::from(&binding.0), &mut text);
            opened.ok().map(|opened| opened.to_vec())
        };
        let mut keys = std::iter::once(&self.key).chain(&self.old);
        let opened = keys.find_map(open).ok_or(Broken)?;
        let (expires, state) = opened.split_first_chunk::<8>().ok_or(Broken)?;
        if now.as_secs() > u64::from_be_bytes(*expires) {
            return Err(Broken);
        }
        String::from_utf8(state.to_vec()).map_err(|_| Broken)
    }
}

fn ready(key: &[u8; 32]) -> LessSafeKey {
    let key = UnboundKey::new(&CHACHA20_POLY1305, key)
        .unwrap_or_else(|_| unreachable!("the key of this cipher has 32 bytes"));
    LessSafeKey::new(key)
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seal").finish_non_exhaustive()
    }
}

impl Binding {
    /// Binds to a server, a method, who asks, and the `params` but for what a second round adds or may change: the answers, the
    /// state itself, and `_meta`.
    pub(crate) fn new(server: &str, method: &str, principal: &str, params: &Object<'_>) -> Self {
        let kept = params.without(|key| PER_ROUND.contains(&key));
        let mut context = digest::Context::new(&digest::SHA256);
        for part in [server, method, principal, &raw::canonical(&kept)] {
            // With its length before it no part can borrow bytes of its neighbour.
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        let mut bound = [0; 32];
        bound.copy_from_slice(context.finish().as_ref());
        Self(bound)
    }
}

const PER_ROUND: [&str; 3] = ["inputResponses", "requestState", "_meta"];

#[cfg(test)]
mod tests {
    use super::*;

    fn binding(server: &str, principal: &str, params: &str) -> Binding {
        let params = Object::read(params).expect("an object");
        Binding::new(server, "m", principal, &params)
    }

    const NOW: Duration = Duration::from_secs(1_000_000);

    fn moment(nonce: u8) -> Moment {
        Moment {
            now: NOW,
            nonce: [nonce; NONCE_LEN],
        }
    }

    #[test]
    fn a_state_comes_back_in_the_same_request_whatever_a_new_round_adds() {
        let seal = Seal::new([7; 32]);
        let sealed = seal.close(
            &binding("s", "p", r#"{"name":"t","arguments":{"a":1,"b":2}}"#),
            moment(1),
            "\"x\"",
        );
        let again = r#"{"arguments":{"b":2, "a":1},"inputResponses":{},"requestState":"z","name":"t","_meta":{}}"#;
        assert_eq!(
            seal.open(&binding("s", "p", again), NOW, &sealed),
            Ok("\"x\"".to_owned())
        );
    }

    #[test]
    fn a_state_of_another_server_principal_or_request_does_not_open() {
        let seal = Seal::new([7; 32]);
        let sealed = seal.close(&binding("s", "p", r#"{"name":"t"}"#), moment(1), "1");
        for other in [
            binding("t", "p", r#"{"name":"t"}"#),
            binding("s", "q", r#"{"name":"t"}"#),
            binding("s", "p", r#"{"name":"u"}"#),
            binding("sp", "", r#"{"name":"t"}"#),
        ] {
            assert_eq!(seal.open(&other, NOW, &sealed), Err(Broken));
        }
    }

    #[test]
    fn what_a_key_of_before_has_sealed_opens_until_that_is_taken_away() {
        let own = binding("s", "p", "{}");
        let sealed = Seal::new([7; 32]).close(&own, moment(1), "1");
        let rotated = Seal::new([8; 32]).opening([7; 32]);
        assert_eq!(rotated.open(&own, NOW, &sealed), Ok("1".to_owned()));
        let new = rotated.close(&own, moment(2), "2");
        let after = Seal::new([8; 32]);
        assert_eq!(after.open(&own, NOW, &new), Ok("2".to_owned()));
        assert_eq!(after.open(&own, NOW, &sealed), Err(Broken));
    }

    #[test]
    fn an_edited_foreign_or_old_state_does_not_open() {
        let (seal, own) = (Seal::new([7; 32]), binding("s", "p", "{}"));
        let sealed = seal.close(&own, moment(1), "1");
        for at in 0..sealed.len() {
            let mut edited = sealed.clone().into_bytes();
            edited[at] = if edited[at] == b'A' { b'B' } else { b'A' };
            let edited = String::from_utf8(edited).expect("ASCII");
            assert_eq!(seal.open(&own, NOW, &edited), Err(Broken), "{at}");
        }
        let foreign = Seal::new([8; 32]).close(&own, moment(1), "1");
        assert_eq!(seal.open(&own, NOW, &foreign), Err(Broken));
        for nothing in ["", "AAAA", "=", "ö"] {
            assert_eq!(seal.open(&own, NOW, nothing), Err(Broken));
        }
        let later = NOW + LIFETIME;
        assert!(seal.open(&own, later, &sealed).is_ok());
        assert_eq!(
            seal.open(&own, later + Duration::from_secs(1), &sealed),
            Err(Broken)
        );
    }
}
