//! What goes wrong, and where it is said to.

use std::{error::Error, time::Duration};

use probe::{Ask, Connect, ProbeError, Scheme, Stage, Target, Trust, Version, fetch, open};
use tokio::net::{TcpListener, UdpSocket};

use crate::server::Server;

async fn error(target: &Target, version: Version, path: &str) -> ProbeError {
    fetch(target, version, Ask::get(path)).await.unwrap_err()
}

#[tokio::test]
async fn a_certificate_of_nobody_known_is_refused_with_its_chain_and_reason() {
    let server = Server::start().await;
    let stranger = Server::start().await;
    for version in Version::ALL {
        let target = server
            .target(version)
            .with_trust(Trust::Roots(vec![stranger.root.clone()]));
        let error = error(&target, version, "/echo").await;
        assert!(error.is_certificate(), "{version}: {error:?}");
        assert!(
            error
                .source()
                .unwrap()
                .to_string()
                .contains("invalid peer certificate")
        );
        assert!(
            matches!(error, ProbeError::Certificate { chain, .. } if chain == [server.root.clone()])
        );
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let server = Server::start().await;
    for version in Version::ALL {
        let target = Target {
            host: "other.example".to_owned(),
            ..server.target(version)
        };
        assert!(
            error(&target, version, "/echo").await.is_certificate(),
            "{version}"
        );
    }
}

#[tokio::test]
async fn anyone_is_believed_on_request() {
    let server = Server::start().await;
    for version in Version::ALL {
        let target = Target {
            host: "other.example".to_owned(),
            ..server.target(version)
        }
        .with_trust(Trust::Any);
        let answer = fetch(&target, version, Ask::get("/echo")).await.unwrap();
        assert_eq!(answer.tls.unwrap().chain.len(), 1, "{version}");
    }
}

#[tokio::test]
async fn a_head_that_does_not_come_is_a_timeout_of_the_response() {
    let server = Server::start().await;
    for version in Version::ALL {
        let target = server
            .target(version)
            .with_timeout(Duration::from_millis(300));
        let error = error(&target, version, "/slow").await;
        assert!(error.is_timeout(), "{version}: {error:?}");
        assert_eq!(error.stage(), Some(Stage::Response));
        assert_eq!(
            error.to_string(),
            format!("{version}: waiting for the response did not end within 300ms")
        );
    }
}

#[tokio::test]
async fn a_body_that_does_not_end_is_a_timeout_of_the_whole() {
    let server = Server::start().await;
    for version in Version::ALL {
        let target = server
            .target(version)
            .with_timeout(Duration::from_millis(300));
        let error = error(&target, version, "/silent").await;
        assert_eq!(
            (error.is_timeout(), error.stage()),
            (true, Some(Stage::Body)),
            "{version}: {error:?}"
        );
    }
}

#[tokio::test]
async fn a_body_beyond_the_cap_is_not_collected() {
    let server = Server::start().await;
    for version in Version::ALL {
        let error = error(&server.target(version), version, "/large").await;
        assert!(
            matches!(error, ProbeError::TooLong { .. }),
            "{version}: {error:?}"
        );
    }
}

#[tokio::test]
async fn a_port_where_nothing_listens_is_a_failed_connect() {
    let port = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let target = Target::from_url(&format!("http://127.0.0.1:{port}/"))
        .unwrap()
        .0;
    for version in [Version::Http1, Version::Http2] {
        let error = error(&target, version, "/").await;
        assert_eq!(
            (error.is_timeout(), error.stage()),
            (false, Some(Stage::Connect)),
            "{version}: {error:?}"
        );
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_is_a_timeout_of_the_handshake() {
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let ways = [
        (Version::Http1, tcp.local_addr(), Stage::Tls),
        (Version::Http2, tcp.local_addr(), Stage::Tls),
        (Version::Http3, udp.local_addr(), Stage::Quic),
    ];
    for (version, address, stage) in ways {
        let mut target = Target::new(Scheme::Https, "localhost", 443)
            .with_connect(Connect::Address(address.unwrap()))
            .with_trust(Trust::Any);
        target.connect_timeout = Duration::from_millis(200);
        let error = error(&target, version, "/").await;
        assert_eq!(
            (error.is_timeout(), error.stage()),
            (true, Some(stage)),
            "{version}: {error:?}"
        );
    }
}

#[tokio::test]
async fn http3_does_not_go_where_quic_cannot() {
    let server = Server::start().await;
    for target in [
        server.plain(),
        server
            .target(Version::Http3)
            .with_connect(Connect::Unix(server.socket())),
    ] {
        let error = error(&target, Version::Http3, "/").await;
        assert!(
            matches!(
                error,
                ProbeError::Unsupported {
                    version: Version::Http3,
                    ..
                }
            ),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_request_that_cannot_be_sent_is_refused_here() {
    let server = Server::start().await;
    for version in Version::ALL {
        for path in ["", "echo", "/a#b", "/a b"] {
            let error = open(&server.target(version), version, Ask::get(path))
                .await
                .unwrap_err();
            assert!(
                matches!(error, ProbeError::Ask { .. }),
                "{version} {path}: {error:?}"
            );
        }
    }
    assert!(
        Ask::get("/").with_header("x y", "1").is_err()
            && Ask::get("/").with_header("x", "1\n").is_err()
    );
}
