//! The tool API over real sockets, with a server behind it that answers raw text.

mod calls;
mod lists;
mod streams;

use http::{Response, Version};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use origin_config::OriginConfig;
use serde_json::Value;

use crate::support::{World, with_body};

/// An origin with one server, `s`, whose calls may take a second.
fn world() -> World {
    world_with(|_| {})
}

pub(crate) fn world_with(change: impl FnOnce(&mut OriginConfig)) -> World {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/tool_api/server.py");
    let text = format!(
        "[[servers]]\nname = \"s\"\ncommand = [\"python3\", \"{script}\"]\ncall_timeout = \"1s\"\n"
    );
    let mut report = findings::Report::new();
    let document = findings::Document::parse(&text, "origin.toml", &mut report);
    let (server, report) = origin_config::load(document);
    let server = server.unwrap_or_else(|| panic!("{report}"));
    World::with(|config| {
        config.servers = server.servers;
        change(config);
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
