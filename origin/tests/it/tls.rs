//! TLS over TCP and Unix sockets.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::{StatusCode, Version};
use origin_config::{Bind, KeyPair, OriginConfig};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::{PATIENCE, VERSIONS, World, get, json, send_on, until};

/// A folder with certificates that sign themselves, and clients that trust them.
pub(crate) struct Pki {
    folder: TempDir,
    pairs: Vec<(KeyPair, CertificateDer<'static>)>,
}

impl Pki {
    /// A certificate for each of these names.
    pub(crate) fn new(names: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut pki = Self {
            folder,
            pairs: Vec::new(),
        };
        for name in names {
            let pair = pki.make(name);
            pki.pairs.push(pair);
        }
        pki
    }

    /// Makes a new certificate in the place of the old.
    fn make(&self, name: &str) -> (KeyPair, CertificateDer<'static>) {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate");
        let pair = KeyPair {
            certificate: self.folder.path().join(format!("{name}.pem")),
            key: self.folder.path().join(format!("{name}.key")),
        };
        put(&pair.certificate, &made.cert.pem());
        put(&pair.key, &made.signing_key.serialize_pem());
        (pair, made.cert.der().clone())
    }

    fn renew(&mut self, name: &str) {
        let pair = self.make(name);
        self.pairs.push(pair);
    }

    pub(crate) fn configure(&self, config: &mut OriginConfig) {
        let pairs = self.pairs.iter();
        config.tls.certificates = pairs.map(|(pair, _)| pair.clone()).collect();
    }

    /// The first of them, as lines of a configuration.
    pub(crate) fn keys(&self) -> String {
        let (pair, _) = self.pairs.first().expect("a certificate");
        let (certificate, key) = (pair.certificate.display(), pair.key.display());
        format!("certfile = \"{certificate}\"\nkeyfile = \"{key}\"\n")
    }

    /// Every certificate that was made here.
    pub(crate) fn roots(&self) -> Vec<CertificateDer<'static>> {
        let pairs = self.pairs.iter();
        pairs.map(|(_, certificate)| certificate.clone()).collect()
    }

    /// A client that trusts every certificate that was made here.
    pub(crate) fn client(&self, protocols: &[&str]) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        for certificate in self.roots() {
            roots.add(certificate).expect("a certificate");
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has them")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols
            .iter()
            .map(|name| name.as_bytes().into())
            .collect();
        config
    }

    pub(crate) async fn connect<S>(
        &self,
        io: S,
        name: &str,
        protocols: &[&str],
    ) -> std::io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let connector = TlsConnector::from(Arc::new(self.client(protocols)));
        connector.connect(name, io).await
    }
}

fn put(path: &Path, text: &str) {
    let mut file = File::create(path).expect("a file");
    file.write_all(text.as_bytes()).expect("written");
}

async fn tcp(world: &World) -> TcpStream {
    TcpStream::connect(world.address).await.expect("it listens")
}

#[tokio::test]
async fn both_versions_are_chosen_by_alpn_on_tcp_and_unix_sockets() {
    let pki = Pki::new(&["origin.test"]);
    let world = World::with(|config| pki.configure(config));
    for (version, protocol) in VERSIONS.into_iter().zip(["http/1.1", "h2"]) {
        let protocols = [protocol];
        let io = pki.connect(tcp(&world).await, "origin.test", &protocols);
        let io = io.await.expect("a handshake");
        assert_eq!(io.get_ref().1.alpn_protocol(), Some(protocol.as_bytes()));
        let response = send_on(io, version, get("/healthz")).await;
        assert_eq!(response.status(), StatusCode::OK);
        let unix = UnixStream::connect(&world.socket)
            .await
            .expect("it listens");
        let io = pki.connect(unix, "origin.test", &[protocol]).await;
        let response = send_on(io.expect("a handshake"), version, get("/healthz")).await;
        assert_eq!(response.version(), version);
    }
}

#[tokio::test]
async fn a_client_without_a_protocol_in_common_is_told_so() {
    let pki = Pki::new(&["origin.test"]);
    let world = World::with(|config| pki.configure(config));
    let refused = pki.connect(tcp(&world).await, "origin.test", &["spdy/3"]);
    let error = refused.await.expect_err("nothing in common").to_string();
    assert!(error.contains("NoApplicationProtocol"), "{error}");
}

#[tokio::test]
async fn each_name_is_shown_its_own_certificate() {
    let pki = Pki::new(&["origin.test", "second.test"]);
    let world = World::with(|config| pki.configure(config));
    for name in ["origin.test", "second.test"] {
        let io = pki.connect(tcp(&world).await, name, &["h2"]).await;
        assert!(io.is_ok(), "{name}: {io:?}");
    }
}

#[tokio::test]
async fn an_insecure_address_stays_one() {
    let pki = Pki::new(&["origin.test"]);
    let world = World::with(|config| {
        pki.configure(config);
        config.tls.insecure_bind = std::mem::take(&mut config.bind);
        config.bind = vec![Bind::Tcp(([127, 0, 0, 1], 0).into())];
    });
    // The addresses of `bind` come first: that one is TLS, and the Unix socket is not.
    assert!(
        pki.connect(tcp(&world).await, "origin.test", &["h2"])
            .await
            .is_ok()
    );
    let plain = UnixStream::connect(&world.socket)
        .await
        .expect("it listens");
    let response = send_on(plain, Version::HTTP_11, get("/healthz")).await;
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_handshake_that_does_not_come_is_not_waited_for() {
    let pki = Pki::new(&["origin.test"]);
    let world = World::with(|config| {
        pki.configure(config);
        config.tls.handshake_timeout = Duration::from_millis(100);
    });
    let mut silent = tcp(&world).await;
    let read = tokio::time::timeout(PATIENCE, silent.read_u8()).await;
    assert!(read.expect("it is closed").is_err());
}

#[tokio::test]
async fn clients_that_say_nothing_do_not_hold_up_the_end() {
    for proxies in [&["127.0.0.1"][..], &[]] {
        let pki = Pki::new(&["origin.test"]);
        let mut world = World::with(|config| {
            pki.configure(config);
            config.graceful_timeout = Duration::from_hours(1);
            let proxies = proxies.iter().map(|proxy| proxy.parse().expect("a peer"));
            config.proxy_protocol = proxies.collect();
        });
        let mut silent = tcp(&world).await;
        // taken: connections are accepted in their order
        let mut second = tcp(&world).await;
        second
            .write_all(b"GET / HTTP/1.1\r\n\r\n")
            .await
            .expect("room");
        let _ = second.read_u8().await;
        world.stop.graceful.cancel();
        let ended = tokio::time::timeout(PATIENCE, &mut world.running).await;
        assert!(ended.is_ok(), "it waits for {proxies:?}");
        assert!(silent.read_u8().await.is_err());
    }
}

#[tokio::test]
async fn a_renewed_certificate_is_for_new_connections_and_is_shown_to_the_operator() {
    let mut pki = Pki::new(&["origin.test"]);
    let world = World::with(|config| pki.configure(config));
    let before = world.admin("/capz").await["certificates"][0].clone();
    assert_eq!(before["names"][0], "origin.test");
    assert!(before["not_after"].is_string() && before["file"].is_string());
    let open = pki.connect(tcp(&world).await, "origin.test", &["http/1.1"]);
    let open = open.await.expect("a handshake");
    pki.renew("origin.test");
    let newest = pki.pairs.pop().expect("the renewed one");
    pki.pairs = vec![newest];
    until("the new certificate", async || {
        let io = pki.connect(tcp(&world).await, "origin.test", &["h2"]).await;
        io.is_ok()
    })
    .await;
    let capz = json(send_on(open, Version::HTTP_11, get("/capz")).await).await;
    assert!(capz["certificates"][0]["file"].is_null(), "{capz}");
}
