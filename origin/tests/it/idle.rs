use std::sync::Arc;
use std::time::Duration;

use origin::conn::{ConnInfo, Peer, Role};
use origin::proto::{self, Limits};
use origin::run::Stop;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use crate::support::app;

const STREAMS: usize = 1_000;

async fn read_until(client: &mut DuplexStream, end: &str) {
    let mut text = Vec::new();
    while !text.ends_with(end.as_bytes()) {
        text.push(client.read_u8().await.expect("the stream goes on"));
    }
}

#[tokio::test]
async fn a_thousand_idle_streams_need_one_task_beside_their_connections() {
    let app = app(|config| config.stream_keep_alive = Duration::from_millis(200));
    let conn = ConnInfo {
        listener: Arc::from("memory"),
        role: Role::Public,
        peer: Peer::Unix,
        secure: false,
        alternative: None,
    };
    tokio::spawn(Arc::clone(&app.streams).drive());
    let mut clients = Vec::new();
    for _ in 0..STREAMS {
        let (mut client, server) = tokio::io::duplex(4_096);
        let limits = Limits::new(&app.config);
        tokio::spawn(proto::serve(
            server,
            conn.clone(),
            Arc::clone(&app).into(),
            limits,
            Stop::default(),
        ));
        let head = b"GET /mcp/sse?interval_ms=60000 HTTP/1.1\r\nhost: x\r\n\r\n";
        client.write_all(head).await.expect("it reads");
        clients.push(client);
    }
    for client in &mut clients {
        read_until(client, ": keep-alive\n\n").await;
    }
    assert_eq!(app.streams.list().len(), STREAMS);
    let tasks = tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks();
    let beside = "one a connection, the wheel, and one for all sessions";
    assert_eq!(tasks, STREAMS + 2, "{beside}");
    drop(clients);
    crate::support::until("an empty list", async || app.streams.list().is_empty()).await;
}
