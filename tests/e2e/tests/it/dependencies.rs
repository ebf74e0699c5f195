//! The checks of dependencies against a server that others wrote: FalkorDB, which speaks Bolt, is a module of Redis.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use e2e::{DEADLINE, Origin, Tools, free_port_pair};
use probe::{Ask, Version};
use serde_json::Value;

struct Database {
    child: Child,
    _folder: tempfile::TempDir,
}

impl Drop for Database {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start(tools: &Tools, bolt: u16, redis: u16) -> Database {
    let folder = tempfile::TempDir::with_prefix("e2e-falkordb-").expect("a temporary folder");
    let mut command = Command::new(tools.falkordb.join("redis-server"));
    command.args(["--bind", "127.0.0.1", "--port", &redis.to_string()]);
    command.args(["--save", "", "--dir"]).arg(folder.path());
    command.arg("--loadmodule");
    command.arg(tools.falkordb.join("falkordb.so"));
    command.args(["BOLT_PORT", &bolt.to_string()]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
    Database {
        child: child.expect("the server starts"),
        _folder: folder,
    }
}

/// A free port that FalkorDB takes: of those above 32767, from which the system picks, it binds none and says nothing.
fn low_port() -> u16 {
    let start = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap_or(0);
    (start..32_000)
        .find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port")
}

/// Asks `/health` until both dependencies are what they should be; what it said then.
async fn until(origin: &Origin, status: &str) -> Value {
    let end = Instant::now() + DEADLINE;
    loop {
        let answer = probe::fetch(origin.target(), Version::Http1, Ask::get("/health")).await;
        let said: Value =
            serde_json::from_slice(&answer.expect("an answer").body).expect("a document");
        let reached = ["graph", "cache"].map(|name| said["dependencies"][name]["status"] == status);
        if reached == [true, true] {
            return said;
        }
        assert!(Instant::now() < end, "{said:#}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_real_bolt_server_and_a_real_redis_are_healthy_while_they_are_there() {
    let tools = Tools::from_environment();
    let (bolt, (redis, _)) = (low_port(), free_port_pair());
    let keys = format!(
        "health_check_interval = \"200ms\"\n\
         [[dependencies]]\nname = \"graph\"\nkind = \"bolt\"\naddress = \"127.0.0.1:{bolt}\"\n\
         [[dependencies]]\nname = \"cache\"\nkind = \"redis\"\naddress = \"127.0.0.1:{redis}\"\n"
    );
    let origin = Origin::start(&tools, &keys).await;
    until(&origin, "unhealthy").await;
    let database = start(&tools, bolt, redis);
    let said = until(&origin, "healthy").await;
    assert_eq!(said["status"], "healthy", "{said:#}");
    let took = &said["dependencies"]["graph"]["response_time_ms"];
    assert!(took.as_f64().is_some_and(|took| took > 0.0), "{said:#}");
    drop(database);
    let said = until(&origin, "unhealthy").await;
    assert_eq!(said["status"], "degraded", "{said:#}");
}
