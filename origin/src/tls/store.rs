//! The origin's own certificates: one store for every listener, read again while it serves.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use origin_config::KeyPair;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::time::MissedTickBehavior;

use super::certificate::{Certificate, CertificateError};
use crate::clock::Clock;
use crate::stamp::Stamp;

/// The certificates of `certfile`, as they stand in the files now.
///
/// A handshake takes what is there at its beginning; connections that are open stay as they are.
#[derive(Debug)]
pub struct Store {
    clock: Clock,
    shown: RwLock<Shown>,
}

#[derive(Debug, Default)]
struct Shown {
    pairs: Arc<[KeyPair]>,
    certificates: Arc<[Arc<Certificate>]>,
    /// The files when they were last looked into, sound or not.
    stamps: Vec<[Option<Stamp>; 2]>,
}

impl Store {
    /// Reads every pair.
    ///
    /// # Errors
    /// One of them cannot be used: nothing is served half.
    pub fn open(pairs: &[KeyPair], clock: Clock) -> Result<Arc<Self>, CertificateError> {
        let store = Self {
            clock,
            shown: RwLock::default(),
        };
        store.show(pairs.into())?;
        Ok(Arc::new(store))
    }

    /// Reads the files again, changed or not. A pair that cannot be used leaves all of them as they were, and the log says so.
    pub fn reload(&self) {
        match self.show(self.pairs()) {
            Ok(()) => tracing::info!("the certificates were read"),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(%error, cause, "the certificates stay as they were");
            }
        }
    }

    /// Shows these pairs from now on.
    ///
    /// # Errors
    /// One of them cannot be used: what was shown before still is.
    pub fn replace(&self, pairs: &[KeyPair]) -> Result<(), CertificateError> {
        let before = self.pairs();
        let shown = self.show(pairs.into());
        if shown.is_err() {
            self.shown
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .pairs = before;
        }
        shown
    }

    /// Looks at the files every second until the store is gone. Must be called on a runtime.
    pub fn follow(self: &Arc<Self>) {
        let store = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut look = tokio::time::interval(LOOK);
            look.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                look.tick().await;
                let Some(store) = store.upgrade() else {
                    return;
                };
                // A file on a dead network mount would hold the thread of a worker.
                let looked = tokio::task::spawn_blocking(move || {
                    // Said once for each state of the files: a key that comes a moment after its certificate is another.
                    if stamps(&store.pairs()) != store.shown().stamps {
                        store.reload();
                    }
                });
                if let Err(error) = looked.await {
                    tracing::error!(%error, "the certificates could not be looked at");
                }
            }
        });
    }

    /// The certificates that are shown now, in the order of the configuration.
    pub fn certificates(&self) -> Arc<[Arc<Certificate>]> {
        Arc::clone(&self.shown().certificates)
    }

    fn show(&self, pairs: Arc<[KeyPair]>) -> Result<(), CertificateError> {
        // Before the files are read: what changes meanwhile is seen at the next look.
        let stamps = stamps(&pairs);
        let read = pairs
            .iter()
            .map(Certificate::read)
            .map(|read| read.map(Arc::new));
        let read = read.collect::<Result<Arc<[_]>, _>>();
        let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        shown.pairs = pairs;
        shown.stamps = stamps;
        shown.certificates = read?;
        drop(shown);
        self.warn_of_dates();
        Ok(())
    }

    /// A certificate that is not valid now is shown all the same: the client says best what it makes of it.
    fn warn_of_dates(&self) {
        let now = self.clock.wall();
        for certificate in &*self.certificates() {
            if now < certificate.not_before || now > certificate.not_after {
                tracing::warn!(
                    file = %certificate.path.display(),
                    not_before = %certificate.not_before,
                    not_after = %certificate.not_after,
                    "a certificate is not valid now"
                );
            }
        }
    }

    fn pairs(&self) -> Arc<[KeyPair]> {
        Arc::clone(&self.shown().pairs)
    }

    fn shown(&self) -> std::sync::RwLockReadGuard<'_, Shown> {
        self.shown.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The certificate for the host that a client names; the first one for a client that names another, or none.
    fn choose(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let shown = self.shown();
        let name = name.map(str::to_ascii_lowercase);
        let named = name.and_then(|name| shown.certificates.iter().find(|one| one.is_for(&name)));
        named
            .or_else(|| shown.certificates.first())
            .map(|certificate| Arc::clone(&certificate.signed))
    }
}

impl ResolvesServerCert for Store {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.choose(hello.server_name())
    }
}

fn stamps(pairs: &[KeyPair]) -> Vec<[Option<Stamp>; 2]> {
    let pairs = pairs.iter();
    pairs
        .map(|pair| [Stamp::of(&pair.certificate), Stamp::of(&pair.key)])
        .collect()
}

/// As often as the file of API keys: two `stat` calls a pair.
const LOOK: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;
    use std::path::{Path, PathBuf};

    use super::*;

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::tempdir().expect("a folder"))
        }

        fn path(&self, file: &str) -> PathBuf {
            self.0.path().join(file)
        }

        /// Makes a certificate for these names and writes it as the pair `stem`.
        fn pair(&self, stem: &str, names: &[&str]) -> KeyPair {
            let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
            let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
            let pair = KeyPair {
                certificate: self.path(&format!("{stem}.pem")),
                key: self.path(&format!("{stem}.key")),
            };
            put(&pair.certificate, &made.cert.pem());
            put(&pair.key, &made.signing_key.serialize_pem());
            pair
        }
    }

    /// Replaces a file by another one, as certbot does.
    fn put(path: &Path, text: &str) {
        let beside = path.with_extension("new");
        let mut file = fs::File::create(&beside).expect("a file");
        file.write_all(text.as_bytes()).expect("written");
        fs::rename(beside, path).expect("renamed");
    }

    fn open(pairs: &[KeyPair]) -> Result<Arc<Store>, CertificateError> {
        Store::open(pairs, Clock::system())
    }

    #[test]
    fn the_certificate_is_that_of_the_name_and_else_the_first() {
        let folder = Folder::new();
        let pairs = [
            folder.pair("a", &["a.example"]),
            folder.pair("b", &["b.example", "*.c.example"]),
        ];
        let store = open(&pairs).expect("sound pairs");
        let chosen = |name| {
            let chosen = store.choose(name).expect("one of them");
            let all = store.certificates();
            all.iter().position(|one| Arc::ptr_eq(&one.signed, &chosen))
        };
        for (name, place) in [
            (Some("a.example"), 0),
            (Some("B.example"), 1),
            (Some("x.c.example"), 1),
            (Some("y.x.c.example"), 0),
            (Some("c.example"), 0),
            (None, 0),
        ] {
            assert_eq!(chosen(name), Some(place), "{name:?}");
        }
    }

    #[test]
    fn a_broken_renewal_keeps_what_was_there() {
        let folder = Folder::new();
        let pair = folder.pair("a", &["a.example"]);
        let store = open(std::slice::from_ref(&pair)).expect("a sound pair");
        put(&pair.certificate, "no certificate");
        store.reload();
        assert_eq!(store.certificates()[0].names, ["a.example"]);
        folder.pair("a", &["b.example"]);
        store.reload();
        assert_eq!(store.certificates()[0].names, ["b.example"]);
    }

    #[test]
    fn files_that_do_not_belong_together_are_refused_by_name() {
        let folder = Folder::new();
        let (a, b) = (folder.pair("a", &["a"]), folder.pair("b", &["b"]));
        let mixed = KeyPair {
            key: b.key,
            ..a.clone()
        };
        let error = open(&[mixed]).expect_err("strangers").to_string();
        assert!(
            error.contains("b.key") && error.contains("a.pem"),
            "{error}"
        );
        let absent = KeyPair {
            certificate: folder.path("none.pem"),
            ..a
        };
        assert!(matches!(open(&[absent]), Err(CertificateError::Pem { .. })));
    }

    #[tokio::test]
    async fn a_renewed_certificate_is_taken_up_by_itself() {
        let folder = Folder::new();
        let pair = folder.pair("a", &["a.example"]);
        let store = open(&[pair]).expect("a sound pair");
        store.follow();
        folder.pair("a", &["renewed.example"]);
        let renewed = async {
            while store.certificates()[0].names != ["renewed.example"] {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), renewed)
            .await
            .expect("it is taken up");
    }
}
