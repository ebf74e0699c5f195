//! The tool API over real sockets, with a server behind it that answers raw text.

mod calls;
mod lists;
mod streams;

use std::collections::BTreeMap;
use std::time::Duration;

use http::{Response, Version};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use origin_config::{ProcessMode, Server};
use serde_json::Value;

use crate::support::{World, with_body};

/// An origin with one server, `s`, whose calls may take a second.
fn world() -> World {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/tool_api/server.py");
    World::with(|config| {
        config.servers = vec![Server {
            name: "s".into(),
            command: ["python3", script].map(Into::into).into(),
            remote: None,
            working_directory: None,
            environment: BTreeMap::new(),
            environment_pass: Vec::new(),
            start_timeout: Duration::from_secs(20),
            call_timeout: Duration::from_secs(1),
            process: ProcessMode::Shared,
            launch: origin_config::Launch::default(),
            max_processes: 1,
        }];
    })
}

async fn post(world: &World, headers: &[(&str, &str)], body: &str) -> Response<Incoming> {
    let call = with_body("POST", "/call-tool", headers, body.to_owned());
    world.send(Version::HTTP_11, call).await
}

/// The status and the envelope of a call without a header.
async fn call(world: &World, body: &str) -> (u16, Value) {
    let (status, text) = text(post(world, &[], body).await).await;
    (
        status,
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")),
    )
}

async fn text(response: Response<Incoming>) -> (u16, String) {
    let status = response.status().as_u16();
    let bytes = response
        .into_body()
        .collect()
        .await
        .expect("a whole body")
        .to_bytes();
    (status, String::from_utf8(bytes.to_vec()).expect("UTF-8"))
}
