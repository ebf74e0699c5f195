//! Remote servers over TLS, with HTTP/2 where they have it.

use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

/// A certificate of its own for `localhost`, as PEM in a folder, and what serves with it.
fn identity(protocols: &[&str]) -> (tempfile::TempDir, TlsAcceptor) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut file = std::fs::File::create(folder.path().join("ca.pem")).unwrap();
    std::io::Write::write_all(&mut file, certificate.pem().as_bytes()).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    config.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    (folder, TlsAcceptor::from(Arc::new(config)))
}

fn over_tls(port: u16, ca: Option<&Path>) -> Server {
    let ca = ca.map(|path| format!("ca_file = \"{}\"", path.join("ca.pem").display()));
    let ca = ca.unwrap_or_default();
    configured(&format!(
        "[[servers]]\nname = \"a\"\nurl = \"https://localhost:{port}/mcp\"\n{ca}\n"
    ))
}

#[tokio::test]
async fn a_server_is_believed_with_the_certificate_that_is_named_and_no_other() {
    for protocols in [&["http/1.1"][..], &["h2", "http/1.1"]] {
        let (folder, tls) = identity(protocols);
        let far = Far::at("127.0.0.1:0", Some(tls), |_, _| Reply::Well).await;
        let port = far.address.port();
        let upstreams = started(&[over_tls(port, Some(folder.path()))]).await;
        assert_eq!(
            echo(&upstreams).await.unwrap(),
            json!({"n": 1}),
            "{protocols:?}"
        );
        upstreams.shutdown().await;
        let (stranger, _) = identity(&[]);
        let upstreams = started(&[over_tls(port, Some(stranger.path()))]).await;
        let error = upstreams.snapshot().borrow().servers[0].error.clone();
        assert!(error.unwrap().contains("certificate"));
        upstreams.shutdown().await;
    }
}

#[tokio::test]
async fn a_call_that_http_2_says_was_not_done_is_sent_again() {
    let (folder, tls) = identity(&["h2"]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(refuses_once(listener, tls));
    let upstreams = started(&[over_tls(port, Some(folder.path()))]).await;
    assert_eq!(echo(&upstreams).await.unwrap(), "second");
    upstreams.shutdown().await;
    serving.abort();
}

/// A server that refuses the stream of the first call (RFC 9113 section 8.7), and answers the second.
async fn refuses_once(listener: TcpListener, tls: TlsAcceptor) {
    let (tcp, _) = listener.accept().await.unwrap();
    let mut connection = h2::server::handshake(tls.accept(tcp).await.unwrap())
        .await
        .unwrap();
    let mut calls = 0;
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        let mut body = request.into_body();
        let mut text = Vec::new();
        // The connection has to be driven for the body to come.
        loop {
            tokio::select! {
                piece = body.data() => match piece {
                    Some(Ok(piece)) => text.extend_from_slice(&piece),
                    _ => break,
                },
                _ = std::future::poll_fn(|cx| connection.poll_closed(cx)) => return,
            }
        }
        let message: Value = serde_json::from_slice(&text).unwrap_or_default();
        let result = match message["method"].as_str() {
            Some("initialize") => {
                json!({"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}})
            }
            Some("tools/list") => json!({"tools": []}),
            Some("tools/call") if calls == 0 => {
                calls += 1;
                respond.send_reset(h2::Reason::REFUSED_STREAM);
                continue;
            }
            Some("tools/call") => json!("second"),
            Some("server/discover") | None => {
                let response = http::Response::builder().status(405).body(()).unwrap();
                respond.send_response(response, true).unwrap();
                continue;
            }
            Some(_) => {
                let response = http::Response::builder().status(202).body(()).unwrap();
                respond.send_response(response, true).unwrap();
                continue;
            }
        };
        let answer = json!({"jsonrpc": "2.0", "id": message["id"], "result": result});
        let response = http::Response::builder().header("content-type", "application/json");
        let mut stream = respond
            .send_response(response.body(()).unwrap(), false)
            .unwrap();
        stream.send_data(answer.to_string().into(), true).unwrap();
    }
}
