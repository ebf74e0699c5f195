//! What the origin makes of servers that misbehave.

mod ends;
mod faults;
mod launch;
mod lines;
mod pool;
mod rounds;

use std::time::Duration;

use origin::upstream::CallError;
use tokio::time::{Instant, timeout};

use hostile::{PATIENCE, World};

/// One server in a mode of the program; `more` is the rest of its table.
fn server(mode: &str, more: &str) -> String {
    let program = env!("CARGO_BIN_EXE_mcp-hostile");
    let mode = if mode.is_empty() {
        String::new()
    } else {
        format!(", {mode:?}")
    };
    format!("[[servers]]\nname = \"a\"\ncommand = [{program:?}{mode}]\n{more}\n")
}

/// One server that behaves until it is asked not to.
async fn world(more: &str) -> World {
    World::start(&server("", more)).await
}

/// The reason of a call that found no server, answered within `limit`.
async fn unavailable(world: &World, tool: &str, limit: Duration) -> String {
    let began = Instant::now();
    let outcome = timeout(PATIENCE, world.call("a", tool, 1)).await;
    let Ok(Err(CallError::Unavailable { reason, .. })) = outcome else {
        panic!("{outcome:?}")
    };
    assert!(began.elapsed() < limit, "{:?}", began.elapsed());
    reason
}

/// The next call works, whatever was before.
async fn serves(world: &World) {
    let text = timeout(PATIENCE, world.call("a", "slow", 0)).await;
    text.expect("in time").expect("an answer");
}
