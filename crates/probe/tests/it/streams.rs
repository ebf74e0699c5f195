//! Bodies that come piece by piece, and readers that leave.

use std::time::Duration;

use probe::{Ask, Connection, Stream, Version, open, sse};

use crate::server::Server;

async fn piece(stream: &mut Stream) -> String {
    let (_, piece) = stream.chunk().await.unwrap().expect("the body has ended");
    String::from_utf8(piece.to_vec()).unwrap()
}

async fn silent(server: &Server, version: Version) -> Stream {
    let mut stream = open(&server.target(version), version, Ask::get("/silent"))
        .await
        .unwrap();
    assert_eq!(piece(&mut stream).await, "data: one\n\n");
    stream.set_idle_timeout(Duration::from_millis(50));
    stream
}

#[tokio::test]
async fn each_event_is_there_before_the_next_is_sent() {
    let server = Server::start().await;
    for version in Version::ALL {
        let mut stream = open(&server.target(version), version, Ask::get("/ticks"))
            .await
            .unwrap();
        let mut reader = sse::Reader::new(probe::MAX_BODY);
        let mut seen = Vec::new();
        while let Some((_, piece)) = stream.chunk().await.unwrap() {
            seen.extend(reader.feed(&piece).unwrap());
            // the server waits for this after each event
            server.desk.poke.notify_one();
        }
        assert!(
            matches!(&seen[..], [_, _, sse::Item::Event(last)] if last.data == "2"),
            "{version}: {seen:?}"
        );
        stream.close().await;
    }
}

#[tokio::test]
async fn a_silence_is_a_timeout_after_which_the_stream_goes_on() {
    let server = Server::start().await;
    for version in Version::ALL {
        let mut stream = silent(&server, version).await;
        let error = stream.chunk().await.unwrap_err();
        assert!(
            error.is_timeout() && error.stage() == Some(probe::Stage::Body),
            "{version}: {error}"
        );
        stream.set_idle_timeout(Duration::from_secs(5));
        server.desk.poke.notify_one();
        assert!(piece(&mut stream).await.starts_with(":\n\n"));
        stream.close().await;
        server.end().await;
    }
}

#[tokio::test]
async fn a_reset_of_a_silent_stream_reaches_the_server() {
    let server = Server::start().await;
    for version in Version::ALL {
        let mut stream = silent(&server, version).await;
        assert!(stream.chunk().await.is_err());
        stream.reset().await;
        server.desk.poke.notify_one();
        let end = server.end().await;
        // a connection that is closed after it may be what the server sees
        assert!(
            end == "gone" || end == "stopped 0x10c" || end == "closed 0x100",
            "{version}: {end}"
        );
    }
}

#[tokio::test]
async fn a_reset_leaves_the_other_streams_of_its_connection_alone() {
    let server = Server::start().await;
    for (version, word) in [(Version::Http2, "gone"), (Version::Http3, "stopped 0x10c")] {
        let mut connection = Connection::open(&server.target(version), version)
            .await
            .unwrap();
        let mut doomed = connection.send(Ask::get("/silent")).await.unwrap();
        piece(&mut doomed).await;
        doomed.set_idle_timeout(Duration::from_millis(50));
        assert!(doomed.chunk().await.is_err());
        doomed.reset().await;
        server.desk.poke.notify_one();
        assert_eq!(server.end().await, word);
        assert_eq!(
            connection
                .fetch(Ask::get("/echo"))
                .await
                .unwrap()
                .head
                .status,
            200
        );
    }
}

#[tokio::test]
async fn a_stream_that_is_dropped_leaves_its_server() {
    let server = Server::start().await;
    for version in Version::ALL {
        drop(silent(&server, version).await);
        server.desk.poke.notify_one();
        server.end().await;
    }
}

#[tokio::test]
async fn a_connection_that_is_dropped_ends_its_streams() {
    let server = Server::start().await;
    for version in Version::ALL {
        let mut connection = Connection::open(&server.target(version), version)
            .await
            .unwrap();
        let mut stream = connection.send(Ask::get("/silent")).await.unwrap();
        piece(&mut stream).await;
        drop(connection);
        let error = stream.chunk().await.unwrap_err();
        assert!(!error.is_timeout(), "{version}: {error}");
    }
}
