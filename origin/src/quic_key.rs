//! The secret that outlives a restart: what stateless resets, Retry tokens and connection ids are made with.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use quinn::crypto::{HandshakeTokenKey, HmacKey};
use ring::{hkdf, hmac};

/// 32 secret bytes, from which every key is derived (HKDF, RFC 5869).
#[derive(Clone)]
pub struct QuicKey {
    secret: [u8; 32],
    kept: bool,
}

/// Why there is no such secret.
#[derive(Debug, thiserror::Error)]
pub enum QuicKeyError {
    /// The file cannot be read or made.
    #[error("`{}` cannot be read or made", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file holds something else.
    #[error("`{}` does not hold 32 bytes: remove it, and a new one is made", .0.display())]
    Length(PathBuf),
    /// Others may read it.
    #[error("`{}` can be read by others (mode {mode:03o}): `chmod 600` it, or remove it if they did", .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
}

impl QuicKey {
    /// The secret in the file, which is made when it is not there; without a file a new one.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn open(path: Option<&Path>) -> Result<Self, QuicKeyError> {
        let Some(path) = path else {
            return Ok(Self {
                secret: fresh(),
                kept: false,
            });
        };
        let kept = |secret| Self { secret, kept: true };
        let failed = |source| QuicKeyError::File {
            path: path.to_owned(),
            source,
        };
        match File::open(path) {
            Ok(file) => {
                let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
                if mode & 0o077 != 0 {
                    let path = path.to_owned();
                    return Err(QuicKeyError::Open { path, mode });
                }
                let bytes = fs::read(path).map_err(failed)?;
                let bytes = bytes.try_into();
                bytes
                    .map(kept)
                    .map_err(|_| QuicKeyError::Length(path.to_owned()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = kept(fresh());
                key.keep(path).map_err(failed)?;
                Ok(key)
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Whether the origin after this one has it too: what one of them says to a client, the other stands by.
    pub(crate) fn is_kept(&self) -> bool {
        self.kept
    }

    /// Writes the file whole or not at all.
    fn keep(&self, path: &Path) -> io::Result<()> {
        let beside = path.with_extension(format!("{}.new", std::process::id()));
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&beside)
            .and_then(|mut file| {
                file.write_all(&self.secret)?;
                file.sync_all()
            })
            .and_then(|()| fs::rename(&beside, path));
        if written.is_err() {
            // What could not be written is not to stay; when it cannot go either, the first error says why.
            let _ = fs::remove_file(&beside);
        }
        written
    }

    /// The key of stateless resets (RFC 9000 section 10.3.2).
    pub(crate) fn reset(&self) -> Arc<dyn HmacKey> {
        Arc::new(hmac::Key::new(
            hmac::HMAC_SHA256,
            &self.derive(b"stateless reset"),
        ))
    }

    /// The key of Retry tokens (RFC 9000 section 8.1.4).
    pub(crate) fn token(&self) -> Arc<dyn HandshakeTokenKey> {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"token");
        Arc::new(salt.extract(&self.secret))
    }

    /// What connection ids are told by: an id of the process before is answered by a stateless reset, noise is not.
    /// Each shard has its own, by which a datagram finds it.
    pub(crate) fn connection_ids(&self, shard: usize) -> u64 {
        let bytes = self.derive(format!("connection ids {shard}").as_bytes());
        u64::from_be_bytes(bytes[..8].try_into().expect("eight bytes"))
    }

    fn derive(&self, purpose: &[u8]) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.secret);
        let tag = hmac::sign(&key, purpose);
        tag.as_ref().try_into().expect("32 bytes of SHA-256")
    }
}

impl std::fmt::Debug for QuicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("QuicKey(..)")
    }
}

fn fresh() -> [u8; 32] {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("a system that runs this has randomness");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("quic.key");
        let made = QuicKey::open(Some(&path)).expect("a new secret");
        let mode = fs::metadata(&path).expect("the file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let read = QuicKey::open(Some(&path)).expect("the same");
        assert_eq!(made.connection_ids(0), read.connection_ids(0));
        assert_ne!(made.connection_ids(0), made.connection_ids(1));
        let files = fs::read_dir(folder.path()).expect("the folder").count();
        assert_eq!(files, 1, "nothing is left beside it");
        let other = QuicKey::open(None).expect("another");
        assert_ne!(made.connection_ids(0), other.connection_ids(0));
    }

    #[test]
    fn a_file_that_others_read_or_that_is_no_secret_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("quic.key");
        QuicKey::open(Some(&path)).expect("a new secret");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("ours");
        let open = QuicKey::open(Some(&path));
        assert!(matches!(open, Err(QuicKeyError::Open { .. })));
        fs::remove_file(&path).expect("ours");
        let mut short = OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(&path)
            .expect("a file");
        short.write_all(b"short").expect("written");
        let short = QuicKey::open(Some(&path));
        assert!(matches!(short, Err(QuicKeyError::Length(_))));
    }
}
