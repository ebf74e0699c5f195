//! Whole answers.

use bytes::Bytes;
use probe::{Ask, Connection, Version, fetch, handshakes};

use crate::server::Server;

fn text(body: &Bytes) -> &str {
    std::str::from_utf8(body).unwrap()
}

#[tokio::test]
async fn every_version_is_spoken_and_named() {
    let server = Server::start().await;
    for version in Version::ALL {
        let answer = fetch(&server.target(version), version, Ask::get("/echo?a=1"))
            .await
            .unwrap();
        assert!(
            text(&answer.body).starts_with(&format!("{:?} GET /echo?a=1 ", answer.head.version)),
            "{answer:?}"
        );
        assert_eq!(
            format!("{:?}", answer.head.version).trim_end_matches(".0"),
            version.to_string()
        );
        assert_eq!(
            (answer.head.status.as_u16(), answer.head.header("x-seen")),
            (200, Some("/echo"))
        );
        assert!(
            answer.timing.total
                >= answer.timing.connect + answer.timing.handshake + answer.timing.first_byte
        );
    }
}

#[tokio::test]
async fn the_authority_is_said_once() {
    let server = Server::start().await;
    for version in Version::ALL {
        let target = server.target(version);
        let answer = fetch(&target, version, Ask::get("/echo")).await.unwrap();
        let authority = target.authority();
        let wanted = match version {
            Version::Http1 => format!("authority=None hosts=[{authority:?}]"),
            _ => format!("authority=Some({authority:?}) hosts=[]"),
        };
        assert!(
            text(&answer.body).contains(&wanted),
            "{version}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn a_host_of_the_request_takes_the_place_of_the_authority() {
    let server = Server::start().await;
    for version in Version::ALL {
        let ask = Ask::get("/echo")
            .with_header("host", "other.example")
            .unwrap();
        let answer = fetch(&server.target(version), version, ask).await.unwrap();
        let wanted = match version {
            Version::Http1 => "authority=None hosts=[\"other.example\"]",
            _ => "authority=Some(\"other.example\") hosts=[]",
        };
        assert!(text(&answer.body).contains(wanted), "{version}: {answer:?}");
    }
}

#[tokio::test]
async fn a_body_arrives_with_its_length() {
    let server = Server::start().await;
    for version in Version::ALL {
        let answer = fetch(&server.target(version), version, Ask::post("/echo", "{}"))
            .await
            .unwrap();
        assert!(
            text(&answer.body).ends_with("length=Some(\"2\") body=b\"{}\""),
            "{version}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_comes_before_the_body_was_read_is_seen() {
    let server = Server::start().await;
    let body = vec![b'x'; 8 * 1024 * 1024];
    for version in [Version::Http2, Version::Http3] {
        let answer = fetch(
            &server.target(version),
            version,
            Ask::post("/early", body.clone()),
        )
        .await
        .unwrap();
        assert_eq!(answer.head.status, 413, "{version}");
    }
}

#[tokio::test]
async fn trailers_are_kept_apart_from_the_body() {
    let server = Server::start().await;
    for version in [Version::Http2, Version::Http3] {
        let answer = fetch(&server.target(version), version, Ask::get("/trailers"))
            .await
            .unwrap();
        assert_eq!(text(&answer.body), "body");
        assert_eq!(answer.trailers.unwrap()["x-end"], "yes", "{version}");
    }
}

#[tokio::test]
async fn the_tls_session_is_described() {
    let server = Server::start().await;
    for version in Version::ALL {
        let tls = fetch(&server.target(version), version, Ask::get("/echo"))
            .await
            .unwrap()
            .tls
            .unwrap();
        assert_eq!(tls.protocol, "TLSv1.3");
        assert_eq!(tls.alpn.as_deref(), Some(version.alpn()));
        assert_eq!(tls.chain, std::slice::from_ref(&server.root));
        let told = version != Version::Http3;
        assert_eq!((tls.cipher.is_some(), tls.group.is_some()), (told, told));
        assert!(
            tls.cipher
                .is_none_or(|cipher| cipher.starts_with("TLS_AES_"))
        );
    }
}

#[tokio::test]
async fn plain_tcp_and_unix_sockets_have_both_older_versions() {
    let server = Server::start().await;
    for target in [server.plain(), server.unix()] {
        for version in [Version::Http1, Version::Http2] {
            let answer = fetch(&target, version, Ask::get("/echo")).await.unwrap();
            assert!(
                text(&answer.body).contains("GET /echo"),
                "{version}: {answer:?}"
            );
            assert!(answer.tls.is_none());
        }
    }
}

#[tokio::test]
async fn a_connection_carries_several_requests() {
    let server = Server::start().await;
    for version in Version::ALL {
        let mut connection = Connection::open(&server.target(version), version)
            .await
            .unwrap();
        for path in ["/echo?1", "/echo?2", "/echo?3"] {
            let answer = connection.fetch(Ask::get(path)).await.unwrap();
            assert!(text(&answer.body).contains(path), "{version}: {answer:?}");
        }
        connection.close().await;
    }
}

#[tokio::test]
async fn handshakes_are_made_one_after_the_other() {
    let server = Server::start().await;
    for version in Version::ALL {
        let seen = handshakes(&server.target(version), version, 3).await;
        assert_eq!(
            seen.iter().filter(|one| one.is_ok()).count(),
            3,
            "{version}: {seen:?}"
        );
    }
}
