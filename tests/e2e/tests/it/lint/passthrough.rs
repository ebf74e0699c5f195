//! Harm in `stream`.

use std::time::{Duration, Instant};

use e2e::DEADLINE;
use probe::{Ask, Version};
use tokio::net::UdpSocket;

use super::stage::{BOTH, Case, HTTP, Stage, events, fetch, open};

fn tcp(directives: &str) -> String {
    format!(
        "events {{ worker_connections 64; }}\nstream {{ server {{ listen 127.0.0.1:@HTTP@; {directives} }} }}"
    )
}

/// A UDP listener before an HTTP/3 server of the same NGINX.
fn udp(before: &str, directives: &str) -> String {
    format!(
        "events {{ worker_connections 1024; }}\nhttp {{ {HTTP} server {{ {BOTH} ssl_certificate cert.pem; ssl_certificate_key key.pem; return 200 ok; }} }}\nstream {{ {before}\nserver {{ listen 127.0.0.1:@HTTP@ udp; {directives} }} }}"
    )
}

async fn fails_over_http3(stage: Stage) -> bool {
    fetch(&stage.passed(), Version::Http3, Ask::get("/"))
        .await
        .is_err()
}

#[test]
fn a_server_that_passes_to_itself_uses_all_its_connections() {
    let case = Case {
        rule: "stream-own-port",
        bad: tcp("proxy_pass 127.0.0.1:@HTTP@;"),
        good: tcp("proxy_pass 127.0.0.1:@ORIGIN@;"),
    };
    case.shows(async |stage| {
        let target = stage.plain().with_timeout(Duration::from_secs(2));
        let answer = fetch(&target, Version::Http1, Ask::get("/")).await;
        let start = Instant::now();
        while answer.is_err() && start.elapsed() < DEADLINE {
            if stage.log().contains("worker_connections are not enough") {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        answer.is_err()
    });
}

#[test]
fn a_short_proxy_timeout_cuts_a_silent_stream() {
    let with = |time: &str| {
        tcp(&format!(
            "proxy_pass 127.0.0.1:@ORIGIN@; proxy_timeout {time};"
        ))
    };
    let case = Case {
        rule: "stream-timeout",
        bad: with("1s"),
        good: with("2h"),
    };
    case.shows(async |stage| {
        let ask = Ask::get("/?events=2&every=2500");
        let stream = open(&stage.plain(), Version::Http1, ask)
            .await
            .expect("a head");
        events(stream).await.len() < 2
    });
}

#[test]
fn one_datagram_is_no_handshake() {
    let pass = "proxy_pass 127.0.0.1:@HTTPS@;";
    let case = Case {
        rule: "stream-proxy-responses",
        bad: udp("", &format!("{pass} proxy_responses 1;")),
        good: udp("", pass),
    };
    case.shows(fails_over_http3);
}

#[test]
fn a_line_of_text_destroys_the_first_datagram() {
    let pass = "proxy_pass 127.0.0.1:@DEAD@;";
    let case = Case {
        rule: "stream-proxy-protocol-udp",
        bad: udp("", &format!("{pass} proxy_protocol on;")),
        good: udp("", pass),
    };
    case.shows(async |stage| {
        let origin = UdpSocket::bind(("127.0.0.1", stage.dead))
            .await
            .expect("it is free");
        let client = UdpSocket::bind("127.0.0.1:0").await.expect("loopback");
        let public = ("127.0.0.1", stage.plain().port);
        client.send_to(b"an Initial", public).await.expect("sent");
        let mut datagram = [0; 2048];
        let came = tokio::time::timeout(DEADLINE, origin.recv(&mut datagram)).await;
        let length = came.expect("it comes").expect("received");
        &datagram[..length] != b"an Initial"
    });
}

#[test]
fn there_is_no_server_name_in_a_datagram() {
    let map = "map $ssl_preread_server_name $backend { localhost 127.0.0.1:@HTTPS@; default 127.0.0.1:@DEAD@; }";
    let case = Case {
        rule: "stream-ssl-preread-udp",
        bad: udp(map, "ssl_preread on; proxy_pass $backend;"),
        good: udp("", "proxy_pass 127.0.0.1:@HTTPS@;"),
    };
    case.shows(fails_over_http3);
}
