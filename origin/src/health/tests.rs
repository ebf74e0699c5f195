//! Checks against services that answer, and against those that do what services do when they are ill.

use std::net::SocketAddr;

use findings::{Document, Report};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// What a service does with a connection: it reads this often, and says what it is given after each time.
type Script<'a> = &'a [&'a [u8]];

/// A service that plays its script on every connection, then closes or, with a last empty line, stays silent.
async fn service(script: Script<'_>) -> SocketAddr {
    let script: Arc<[Vec<u8>]> = script.iter().map(|line| line.to_vec()).collect();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a client");
            tokio::spawn(play(stream, Arc::clone(&script)));
        }
    });
    address
}

async fn play(mut stream: TcpStream, script: Arc<[Vec<u8>]>) {
    let mut heard = [0; 4096];
    for line in &*script {
        if stream.read(&mut heard).await.unwrap_or(0) == 0 {
            return;
        }
        if line.is_empty() {
            std::future::pending::<()>().await;
        }
        if stream.write_all(line).await.is_err() {
            return;
        }
    }
}

fn dependency(kind: &str, address: SocketAddr, more: &str) -> Dependency {
    let place = match kind {
        "http" => format!("url = \"http://{address}/up?x\""),
        _ => format!("address = \"{address}\""),
    };
    let text = format!("[[dependencies]]\nname = \"d\"\nkind = \"{kind}\"\n{place}\n{more}\n");
    let document = Document::parse(&text, "x", &mut Report::new());
    let (config, report) = origin_config::load(document);
    let config = config.unwrap_or_else(|| panic!("{report}"));
    config.dependencies.into_iter().next().expect("one")
}

/// The verdict of one check.
async fn verdict(kind: &str, script: Script<'_>, more: &str) -> Result<(), String> {
    let dependency = dependency(kind, service(script).await, more);
    let checking = check(&dependency.kind);
    let checked = tokio::time::timeout(Duration::from_secs(20), checking).await;
    checked.expect("this script ends")
}

const BOLT_5: &[u8] = &[0, 0, 4, 5];
const OK: &[u8] = b"\0\x03\xB1\x70\xA0\0\0";
const ONE_AND_DONE: &[u8] = b"\0\x04\xB1\x71\x91\x01\0\0\0\x03\xB1\x70\xA0\0\0";

#[tokio::test]
async fn a_graph_database_that_returns_its_row_is_there() {
    let new = &[BOLT_5, OK, OK, OK, ONE_AND_DONE];
    assert_eq!(verdict("bolt", new, "").await, Ok(()));
    let old: Script<'_> = &[
        &[0, 0, 3, 4],
        OK,
        OK,
        b"\0\0\0\x02\xB1\x71\0\x02\x91\x01\0\0\0\x03\xB1\x70\xA0\0\0",
    ];
    assert_eq!(verdict("bolt", old, "").await, Ok(()));
}

#[tokio::test]
async fn a_graph_database_that_answers_anything_else_is_not() {
    let failure: &[u8] = b"\0\x1E\xB1\x7F\xA2\x84code\x84Neo.\x87message\x88no entry\0\0";
    let cases: [(Script<'_>, &str); 10] = [
        (&[], "closed"),
        (&[&[0, 0, 0, 0]], "no version"),
        (&[b"HTTP"], "does not speak Bolt"),
        (&[BOLT_5, failure], "`Neo.`: no entry"),
        (&[BOLT_5, OK, OK, OK, OK], "did not give one row"),
        (
            &[
                BOLT_5,
                OK,
                OK,
                OK,
                b"\0\x04\xB1\x71\x91\x02\0\0\0\x03\xB1\x70\xA0\0\0",
            ],
            "did not give one row",
        ),
        (&[BOLT_5, OK, b"\0\x01\x70\0\0"], "no kind"),
        (&[BOLT_5, b"\0\x02\xB0\x7E\0\0"], "0x7e"),
        (&[BOLT_5, b"\0\x03\xDF\xFF\xFF\0\0"], "not PackStream"),
        (&[BOLT_5, OK, b"\0\x03\xB1"], "closed"),
    ];
    for (script, says) in cases {
        let fault = verdict("bolt", script, "").await.expect_err(says);
        assert!(fault.contains(says), "{fault} without {says}");
    }
}

#[tokio::test]
async fn a_message_without_an_end_is_cut_off() {
    let chunk = vec![0xFF; 140_000];
    let fault = verdict("bolt", &[BOLT_5, &chunk], "")
        .await
        .expect_err("too long");
    assert!(fault.contains("longer than"), "{fault}");
}

#[tokio::test]
async fn redis_is_there_when_it_says_pong_and_only_then() {
    assert_eq!(verdict("redis", &[b"+PONG\r\n"], "").await, Ok(()));
    let long = [b'x'; 600];
    let cases: [(Script<'_>, &str); 4] = [
        (&[b"-NOAUTH Authentication required.\r\n"], "NOAUTH"),
        (&[b"+PO"], "closed"),
        (&[&long], "no line"),
        (&[b"\xFF\xFE\r\n"], "answered with"),
    ];
    for (script, says) in cases {
        let fault = verdict("redis", script, "").await.expect_err(says);
        assert!(fault.contains(says), "{fault} without {says}");
    }
}

#[tokio::test]
async fn a_login_is_sent_first_and_the_password_is_not_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("password");
    let mut file = std::fs::File::create(&path).expect("a file");
    std::io::Write::write_all(&mut file, b"s3cret\nmore\n").expect("written");
    let login = format!("user = \"u\"\npassword_file = \"{}\"", path.display());
    let good = verdict("redis", &[b"+OK\r\n", b"+PONG\r\n"], &login).await;
    assert_eq!(good, Ok(()));
    let bad = verdict("redis", &[b"-WRONGPASS\r\n"], &login).await;
    assert_eq!(
        bad,
        Err("the login was answered with `-WRONGPASS`".to_owned())
    );
    std::fs::remove_file(&path).expect("it is there");
    let none = verdict("redis", &[b"+OK\r\n"], &login)
        .await
        .expect_err("no file");
    assert!(none.contains("cannot read"), "{none}");
}

#[tokio::test]
async fn a_page_is_there_when_its_status_says_so() {
    let ok: Script<'_> = &[b"HTTP/1.1 204 No Content\r\n\r\n"];
    assert_eq!(verdict("http", ok, "").await, Ok(()));
    for (script, says) in [
        (
            &[&b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n"[..]][..],
            "status 503",
        ),
        (
            &[b"HTTP/1.1 301 There\r\nlocation: /x\r\n\r\n"],
            "status 301",
        ),
        (&[b"+PONG\r\n"], "does not answer in HTTP"),
        (&[], "does not answer in HTTP"),
    ] {
        let fault = verdict("http", script, "").await.expect_err(says);
        assert!(fault.contains(says), "{fault} without {says}");
    }
}

#[tokio::test]
async fn a_port_is_there_when_it_takes_a_connection() {
    assert_eq!(verdict("tcp", &[], "").await, Ok(()));
    // Bound and not listening: nobody else can get this port meanwhile.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
    let socket = socket.expect("a socket");
    let any: SocketAddr = "127.0.0.1:0".parse().expect("an address");
    socket.bind(&any.into()).expect("a free port");
    let address = socket.local_addr().ok().and_then(|a| a.as_socket());
    let closed = dependency("tcp", address.expect("an address"), "");
    assert!(check(&closed.kind).await.is_err());
}

#[tokio::test]
async fn one_that_says_nothing_is_given_up_and_asked_again() {
    for kind in ["bolt", "redis", "http"] {
        let silent = service(&[b""]).await;
        let times = "timeout = \"30ms\"\ninterval = \"30ms\"";
        let all = Dependencies::start(&[dependency(kind, silent, times)], Clock::system());
        let mut seen = Vec::new();
        while seen.len() < 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
            let last = all.all()[0].last();
            if let Some(last) = last.filter(|last| !seen.contains(&last.at)) {
                assert_eq!(
                    last.fault.as_deref(),
                    Some("no answer within 30ms"),
                    "{kind}"
                );
                assert!(last.took >= Duration::from_millis(30));
                seen.push(last.at);
            }
        }
    }
}
