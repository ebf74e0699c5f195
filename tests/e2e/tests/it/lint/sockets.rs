//! Harm of UDP sockets that several workers share, or that outlive their workers.

use std::time::{Duration, Instant};

use probe::{Ask, Connection, ProbeError, Version};

use super::stage::{Case, HTTP, Stage, open};

fn edge(main: &str, listen: &str) -> String {
    format!(
        "{main}\nevents {{ worker_connections 1024; }}\nhttp {{ {HTTP} server {{ server_name localhost; listen 127.0.0.1:@HTTPS@ ssl; listen 127.0.0.1:@HTTPS@ {listen}; ssl_certificate cert.pem; ssl_certificate_key key.pem; location = /pid {{ return 200 $pid; }} location = /mcp {{ proxy_pass http://127.0.0.1:@ORIGIN@; }} }} }}"
    )
}

/// How many UDP sockets of the machine have the HTTPS port (`local_address` of /proc/net/udp ends with it, in hexadecimal).
fn sockets(stage: &Stage) -> usize {
    let table = std::fs::read_to_string("/proc/net/udp").expect("a Linux");
    let own = format!(":{:04X}", stage.secure().port);
    let local = table
        .lines()
        .filter_map(|line| line.split_whitespace().nth(1));
    local.filter(|address| address.ends_with(&own)).count()
}

/// Whether one of many fresh connections over HTTP/3, each from a port of its own, does not come.
async fn one_fails(stage: &Stage) -> bool {
    for _ in 0..24 {
        let answer = stage.ask_secure(Version::Http3, Ask::get("/pid")).await;
        if answer.is_err() {
            return true;
        }
    }
    false
}

#[test]
fn after_a_reload_the_sockets_of_the_old_workers_swallow_new_connections() {
    let with = |more: &str| {
        edge(
            &format!("worker_processes 2; quic_bpf on; {more}"),
            "quic reuseport",
        )
    };
    let case = Case {
        rule: "quic-bpf",
        bad: with(""),
        good: with("worker_shutdown_timeout 1s;"),
    };
    case.shows(async |stage| {
        let ask = Ask::get("/mcp?events=2&every=90000&mark=1");
        let held = open(&stage.secure(), Version::Http3, ask).await;
        let held = held.expect("a stream");
        assert_eq!(sockets(&stage), 2);
        stage.reload();
        let start = Instant::now();
        let mut most = 0;
        // the old workers close theirs when they end
        while start.elapsed() < Duration::from_secs(6) && (most < 4 || sockets(&stage) > 2) {
            most = most.max(sockets(&stage));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(most, 4, "{}", stage.log());
        let fails = one_fails(&stage).await;
        drop(held);
        fails
    });
}

/// Whether one of sixteen connections that come at the same time, eight requests on each, does not get all its answers.
async fn one_of_many_fails(stage: &Stage) -> bool {
    let each = (0..16).map(|_| {
        let target = stage.secure();
        tokio::spawn(async move {
            let mut connection = Box::pin(Connection::open(&target, Version::Http3)).await?;
            for _ in 0..8 {
                connection.fetch(Ask::get("/pid")).await?;
            }
            Ok::<_, ProbeError>(())
        })
    });
    let mut fails = false;
    for one in each.collect::<Vec<_>>() {
        fails |= one.await.expect("no panic").is_err();
    }
    fails
}

#[test]
fn workers_that_share_a_socket_take_each_others_packets() {
    let with = |listen: &str| edge("worker_processes 4; worker_shutdown_timeout 10s;", listen);
    let case = Case {
        rule: "reuseport-missing",
        bad: with("quic"),
        good: with("quic reuseport"),
    };
    case.shows(async |stage| {
        // about half of them fail in each round without it
        for _ in 0..4 {
            if one_of_many_fails(&stage).await {
                return true;
            }
        }
        false
    });
}
