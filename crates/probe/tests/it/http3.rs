//! What only HTTP/3 has.

use std::{net::SocketAddr, sync::Arc};

use probe::{Ask, Connect, ProbeError, Scheme, Target, Trust, Version, fetch, open};
use rustls::pki_types::PrivateKeyDer;

use crate::server::Server;

#[tokio::test]
async fn a_connection_is_closed_without_an_error() {
    let server = Server::start().await;
    fetch(
        &server.target(Version::Http3),
        Version::Http3,
        Ask::get("/echo"),
    )
    .await
    .unwrap();
    assert_eq!(server.end().await, "closed 0x100");
    let stream = open(
        &server.target(Version::Http3),
        Version::Http3,
        Ask::get("/ticks"),
    )
    .await
    .unwrap();
    drop(stream);
    assert_eq!(server.end().await, "closed 0x100");
}

#[tokio::test]
async fn an_informational_response_is_passed_over() {
    let server = Server::start().await;
    let answer = fetch(
        &server.target(Version::Http3),
        Version::Http3,
        Ask::get("/hinted"),
    )
    .await
    .unwrap();
    assert_eq!(answer.head.status, 200);
}

/// A TLS server, over TCP or QUIC, that offers these protocols and does nothing more.
fn config(protocols: &[&[u8]]) -> rustls::ServerConfig {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    config
}

async fn refused(address: SocketAddr, version: Version) -> ProbeError {
    let target = Target::new(Scheme::Https, "localhost", address.port())
        .with_connect(Connect::Address(address))
        .with_trust(Trust::Any);
    fetch(&target, version, Ask::get("/")).await.unwrap_err()
}

#[tokio::test]
async fn a_quic_server_without_http3_is_named_as_such() {
    let quic = quinn::crypto::rustls::QuicServerConfig::try_from(config(&[b"hq-interop"])).unwrap();
    let config = quinn::ServerConfig::with_crypto(Arc::new(quic));
    let endpoint = quinn::Endpoint::server(config, ([127, 0, 0, 1], 0).into()).unwrap();
    let address = endpoint.local_addr().unwrap();
    let server = tokio::spawn(async move {
        while let Some(incoming) = endpoint.accept().await {
            let _ = incoming.await;
        }
    });
    let error = Box::pin(refused(address, Version::Http3)).await;
    assert!(
        matches!(
            error,
            ProbeError::Alpn {
                version: Version::Http3,
                got: None
            }
        ),
        "{error:?}"
    );
    server.abort();
}

#[tokio::test]
async fn a_tls_server_without_http2_is_named_as_such() {
    for (protocols, said) in [(&[b"http/1.1".as_slice()][..], true), (&[], false)] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config(protocols)));
        let server = tokio::spawn(async move {
            acceptor
                .accept(listener.accept().await.unwrap().0)
                .await
                .is_err()
        });
        let error = Box::pin(refused(address, Version::Http2)).await;
        assert!(
            matches!(
                error,
                ProbeError::Alpn {
                    version: Version::Http2,
                    got: None
                }
            ),
            "{error:?}"
        );
        assert_eq!(server.await.unwrap(), said);
    }
}
