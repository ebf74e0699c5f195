//! What a process is given beside its command.

use super::*;

#[tokio::test]
async fn a_process_runs_within_its_limits() {
    let limits = "limits = { open_files = 77, address_space = \"3GiB\", cpu_time = \"5m\", processes = 4000 }";
    let world = world(limits).await;
    let text = world.call("a", "limits", 0).await.expect("an answer");
    for (name, limit) in [
        ("Max open files", "77"),
        ("Max address space", "3221225472"),
        ("Max cpu time", "300"),
        ("Max processes", "4000"),
    ] {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let words: Vec<_> = line.expect("a line").split_whitespace().collect();
        assert_eq!(words[..2], [limit, limit], "{name}");
    }
    world.upstreams.shutdown().await;
}

#[tokio::test]
async fn a_limit_that_the_origin_does_not_have_itself_is_a_reason_not_to_start() {
    // above what any kernel grants: fs.nr_open is at most 2^31 less a little
    let world = World::start(&server("", "limits = { open_files = 4294967295 }")).await;
    let status = world.upstreams.snapshot().borrow().servers[0].clone();
    let error = status.error.unwrap_or_default();
    assert!(error.contains("`limits`"), "{error}");
    world.upstreams.shutdown().await;
}

#[tokio::test]
async fn a_secret_is_the_servers_and_nobody_elses() {
    let folder = std::env::temp_dir().join(format!("hostile-{}", std::process::id()));
    std::fs::create_dir(&folder).expect("a folder");
    let file = folder.join("token");
    std::fs::File::create(&file)
        .and_then(|mut file| std::io::Write::write_all(&mut file, b"hunter2\n"))
        .expect("a file");
    let world = world(&format!("environment_secrets = {{ TOKEN = {file:?} }}")).await;
    let text = world.call("a", "environment", 0).await.expect("an answer");
    assert!(text.lines().any(|line| line == "TOKEN=hunter2"), "{text}");
    assert!(!text.contains("HIDDEN"), "{text}");
    let snapshot = format!("{:?}", world.upstreams.snapshot().borrow());
    let shown = serde_json::to_string(&world.upstreams.snapshot().borrow().servers);
    assert!(!snapshot.contains("hunter2") && !shown.expect("JSON").contains("hunter2"));
    world.upstreams.shutdown().await;
    std::fs::remove_dir_all(&folder).expect("removed");
}
