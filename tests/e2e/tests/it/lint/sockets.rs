//! Harm of UDP sockets that several workers share, or that outlive their workers.

use std::time::{Duration, Instant};

use e2e::DEADLINE;
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

/// Whether many fresh connections over HTTP/3, each from a port of its own, do not come: one alone may be late on a busy
/// machine, and half of them is what is looked for.
async fn many_fail(stage: &Stage) -> bool {
    let mut failed = 0;
    for _ in 0..24 {
        let answer = stage.ask_secure(Version::Http3, Ask::get("/pid")).await;
        failed += usize::from(answer.is_err());
        if failed == MANY {
            return true;
        }
    }
    false
}

const MANY: usize = 3;

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
        // the old workers close theirs when they end, which without a bound they do not
        let patience = if stage.conf().contains("worker_shutdown_timeout") {
            DEADLINE
        } else {
            Duration::from_secs(4)
        };
        while start.elapsed() < patience && (most < 4 || sockets(&stage) > 2) {
            most = most.max(sockets(&stage));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(most, 4, "{}", stage.log());
        let fails = many_fail(&stage).await;
        drop(held);
        fails
    });
}

/// How many of sixteen connections that come at the same time, with eight requests on each, do not get all their answers.
async fn failed_of_sixteen(stage: &Stage) -> usize {
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
    let mut failed = 0;
    for one in each.collect::<Vec<_>>() {
        failed += usize::from(one.await.expect("no panic").is_err());
    }
    failed
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
            if failed_of_sixteen(&stage).await >= MANY {
                return true;
            }
        }
        false
    });
}
