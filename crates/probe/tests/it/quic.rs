//! What QUIC has of its own: an address that changes, proofs of one, data that comes early, versions.

use std::time::Duration;

use probe::quic::{Early, early_data, versions};
use probe::{Ask, Connection, End, Holding, ProbeError, Version, hold};

use crate::server::{Habits, Server};

#[tokio::test]
async fn a_client_that_moves_keeps_its_connection() {
    let server = Server::start().await;
    let target = server.target(Version::Http3);
    let mut connection = Connection::open(&target, Version::Http3).await.unwrap();
    let first = connection.rebind().unwrap();
    connection.fetch(Ask::get("/echo")).await.unwrap();
    let second = connection.rebind().unwrap();
    assert_ne!(first.port(), second.port());
    connection.fetch(Ask::get("/echo")).await.unwrap();
}

#[tokio::test]
async fn a_connection_over_tcp_cannot_move() {
    let server = Server::start().await;
    let target = server.target(Version::Http2);
    let mut connection = Connection::open(&target, Version::Http2).await.unwrap();
    let refused = connection.rebind();
    assert!(matches!(refused, Err(ProbeError::Unsupported { .. })));
    assert_eq!(connection.was_retried(), None);
}

#[tokio::test]
async fn a_stream_that_is_held_goes_on_behind_a_move() {
    let server = Server::start().await;
    let target = server.target(Version::Http3);
    let mut connection = Connection::open(&target, Version::Http3).await.unwrap();
    let holding = Holding {
        length: Duration::from_secs(2),
        move_at: Some(Duration::from_millis(200)),
    };
    let held = hold(&mut connection, Ask::get("/ticks"), holding);
    let poke = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        server.desk.poke.notify_one();
    };
    let (held, ()) = tokio::join!(held, poke);
    let held = held.unwrap();
    assert!(matches!(held.end, End::Open), "{held:?}");
    assert_eq!((held.pieces, held.after_move.is_some()), (2, true));
    assert!(held.lasted >= holding.length && held.longest_gap >= Duration::from_millis(400));
}

#[tokio::test]
async fn a_stream_that_ends_while_it_is_held_is_said_to() {
    let server = Server::start().await;
    for version in [Version::Http1, Version::Http2, Version::Http3] {
        let target = server.target(version);
        let mut connection = Connection::open(&target, version).await.unwrap();
        let holding = Holding {
            length: Duration::from_secs(5),
            move_at: None,
        };
        let held = hold(&mut connection, Ask::get("/echo"), holding).await;
        let end = held.unwrap().end;
        assert!(matches!(end, End::Ended { goodbye: false }), "{end:?}");
    }
}

#[tokio::test]
async fn a_server_that_wants_proof_of_an_address_is_seen_to() {
    for retries in [false, true] {
        let habits = Habits {
            retries,
            ..Habits::default()
        };
        let server = Server::start_with(habits).await;
        let target = server.target(Version::Http3);
        let connection = Connection::open(&target, Version::Http3).await.unwrap();
        assert_eq!(connection.was_retried(), Some(retries));
    }
}

#[tokio::test]
async fn early_data_is_accepted_or_not_offered() {
    for (takes_early_data, expected) in [(false, Early::NotOffered), (true, Early::Accepted)] {
        let habits = Habits {
            takes_early_data,
            ..Habits::default()
        };
        let server = Server::start_with(habits).await;
        let target = server.target(Version::Http3);
        let seen = early_data(&target, Ask::get("/echo")).await.unwrap();
        assert_eq!(seen, expected);
    }
}

#[tokio::test]
async fn the_versions_of_a_server_are_listed() {
    let server = Server::start().await;
    let listed = versions(&server.target(Version::Http3)).await.unwrap();
    assert!(listed.contains(&1), "{listed:x?}");
    let nobody = server.target(Version::Http1);
    assert_eq!(versions(&nobody).await.unwrap(), Vec::<u32>::new());
}
