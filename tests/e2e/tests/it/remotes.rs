//! Servers by URL, each made with an SDK that others wrote: what clients need of them, and what happens when they are restarted.

use std::time::{Duration, Instant};

use e2e::{DEADLINE, Deployment, Far, FarKind, Running, Tools};
use probe::{Ask, Connection, Target, Version, mcp};
use serde_json::{Map, Value, json};
use tokio::time::sleep;

/// Their names in the deployment, their kinds, and the tool of each that says again what it is told.
const SERVERS: [(&str, FarKind, &str); 4] = [
    ("mcp1", FarKind::Mcp1, "text"),
    ("mcp2", FarKind::Mcp2, "text"),
    ("everything", FarKind::Everything, "message"),
    ("origin", FarKind::Origin, "text"),
];

async fn all(tools: &Tools) -> (Vec<Far>, Running) {
    let (one, two, three, four) = tokio::join!(
        Far::start(tools, SERVERS[0].1),
        Far::start(tools, SERVERS[1].1),
        Far::start(tools, SERVERS[2].1),
        Far::start(tools, SERVERS[3].1),
    );
    let fars = vec![one, two, three, four];
    let servers = SERVERS.iter().zip(&fars).map(|((name, _, key), far)| {
        format!(
            "[[servers]]\nname = \"{name}\"\nurl = \"{}\"\ncheck_tool = \"echo\"\ncheck_arguments = {{ {key} = \"x\" }}\n",
            far.url()
        )
    });
    let servers: String = servers.collect();
    let running = Running::start(tools, &Deployment::with_servers(&servers));
    (fars, running)
}

fn ask(tool: &str, arguments: Value, token: Option<&str>) -> Ask {
    let Value::Object(arguments) = arguments else {
        panic!("no object")
    };
    let mut ask = mcp::tools_call("/mcp", 1, tool, arguments);
    if let Some(token) = token {
        let mut body: Value = serde_json::from_slice(&ask.body).expect("JSON");
        body["params"]["_meta"]["progressToken"] = json!(token);
        ask.body = body.to_string().into();
    }
    ask
}

async fn call(target: &Target, tool: &str, arguments: Value) -> Value {
    let answer = probe::fetch(target, Version::Http2, ask(tool, arguments, None)).await;
    mcp::answer_to(&answer.expect("an answer"), 1).expect("an answer in JSON-RPC")
}

fn text(answer: &Value) -> &str {
    answer["result"]["content"][0]["text"]
        .as_str()
        .unwrap_or_default()
}

async fn echo(target: &Target, (name, _, key): (&str, FarKind, &str)) -> Value {
    let arguments = Map::from_iter([(key.to_owned(), json!("hello"))]);
    call(target, &format!("{name}__echo"), arguments.into()).await
}

/// Calls until there is a good answer.
async fn answers_again(target: &Target, server: (&str, FarKind, &str)) {
    let end = Instant::now() + BACK;
    loop {
        let answer = echo(target, server).await;
        if text(&answer).contains("hello") {
            return;
        }
        assert!(Instant::now() < end, "{}: {answer:#}", server.0);
        sleep(Duration::from_millis(300)).await;
    }
}

/// A call with a token tells how far it is, on its own stream.
async fn progresses(target: &Target, name: &str) {
    let (tool, arguments) = match name {
        "everything" => (
            "trigger-long-running-operation",
            json!({"duration": 0.4, "steps": 4}),
        ),
        _ => ("slow", json!({"steps": 4})),
    };
    let ask = ask(&format!("{name}__{tool}"), arguments, Some("mine"));
    let answer = probe::fetch(target, Version::Http3, ask).await;
    let body = String::from_utf8_lossy(&answer.expect("an answer").body).into_owned();
    let told = body.matches("notifications/progress").count();
    assert!(told >= 4, "{name}: {body}");
    assert!(body.contains("\"mine\""), "{name}: {body}");
}

/// A client that goes away takes its call back at the server.
async fn cancels(target: &Target, name: &str) {
    let mut connection = Connection::open(target, Version::Http2)
        .await
        .expect("a connection");
    let slow = ask(
        &format!("{name}__slow"),
        json!({"steps": 397}),
        Some("mine"),
    );
    let mut stream = connection.send(slow).await.expect("a stream");
    stream.chunk().await.expect("progress");
    drop(stream);
    drop(connection);
    let end = Instant::now() + DEADLINE;
    while !text(&call(target, &format!("{name}__stopped"), json!({})).await).contains("397") {
        assert!(Instant::now() < end, "{name}: the call goes on");
        sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn servers_by_url_of_every_sdk_are_listed_called_heard_cancelled_and_found_again() {
    let tools = Tools::from_environment();
    let (mut fars, running) = all(&tools).await;
    assert_eq!(running.verdict["ok"], true, "{:#}", running.verdict);
    let target = running.target();
    for server in SERVERS {
        assert!(
            text(&echo(&target, server).await).contains("hello"),
            "{}",
            server.0
        );
        progresses(&target, server.0).await;
        if server.1 != FarKind::Everything {
            Box::pin(cancels(&target, server.0)).await;
        }
    }
    // Restarted at once, none knows its sessions; killed for a while, each is away and comes back.
    for (far, server) in fars.iter_mut().zip(SERVERS) {
        far.kill();
        far.start_again(&tools).await;
        Box::pin(answers_again(&target, server)).await;
    }
    for far in &mut fars {
        far.kill();
    }
    for server in SERVERS {
        let away = echo(&target, server).await;
        assert!(away["error"]["code"].is_i64(), "{}: {away:#}", server.0);
    }
    for (far, server) in fars.iter_mut().zip(SERVERS) {
        far.start_again(&tools).await;
        Box::pin(answers_again(&target, server)).await;
    }
}

/// The longest pause before a restart is 30 s.
const BACK: Duration = Duration::from_mins(1);
