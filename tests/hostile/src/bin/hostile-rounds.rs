//! `hostile-rounds N`: every fault in each of N rounds, then what is left of them: descriptors, processes, tasks, memory.
//!
//! A program of its own, so that what it measures of itself is the origin's alone. Standard output is one JSON object; the exit
//! code is 1 when something is left.

use std::fs;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use futures_util::future::join_all;
use hostile::{World, gone};
use origin::upstream::CallError;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, timeout};

#[tokio::main]
async fn main() -> ExitCode {
    let rounds = std::env::args().nth(1).and_then(|count| count.parse().ok());
    let Some(rounds) = rounds else {
        let _ = writeln!(io::stderr(), "usage: hostile-rounds N");
        return ExitCode::from(64);
    };
    // what is made once stays: pools, caches, the runtime's own descriptors
    for _ in 0..WARM {
        round().await;
    }
    let before = Left::now();
    let began = Instant::now();
    for _ in 0..rounds {
        round().await;
    }
    let seconds = began.elapsed().as_secs();
    let after = Left::settled(&before).await;
    let clean = after.is_no_more_than(&before);
    let report = json!({
        "rounds": rounds,
        "faults": FAULTS.len(),
        "seconds": seconds,
        "before": before.json(),
        "after": after.json(),
        "clean": clean,
    });
    let _ = writeln!(io::stdout(), "{report}");
    if clean {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// What a caller of a tool is to see.
#[derive(Clone, Copy)]
enum Seen {
    Answered,
    Refused,
    TimedOut,
    Unavailable,
}

/// Each has a server of its own, named `f` and its place.
const FAULTS: [(&str, u64, Seen); 14] = [
    ("slow", 0, Seen::Answered),
    ("hang", 0, Seen::TimedOut),
    ("die", 0, Seen::Unavailable),
    ("garbage", 0, Seen::Answered),
    ("unknown_id", 0, Seen::Answered),
    ("twice", 0, Seen::Answered),
    ("long", 20, Seen::Answered),
    ("long_answer", 20, Seen::Refused),
    ("notifications", 50, Seen::Answered),
    ("errors", 1, Seen::Answered),
    ("close_output", 0, Seen::Unavailable),
    ("close_input", 0, Seen::Answered),
    ("half", 0, Seen::TimedOut),
    ("child", 0, Seen::Answered),
];

/// Starts the servers, has each do its worst, kills one in a call, and ends them all.
async fn round() {
    let program = std::env::current_exe().expect("a path");
    let program = program.with_file_name("mcp-hostile").display().to_string();
    let table = |name: &str, mode: &str, more: &str| {
        format!("[[servers]]\nname = {name:?}\ncommand = [{program:?}{mode}]\n{more}\n")
    };
    let mut toml = table("dead", ", \"dead\"", "") + &table("leaves", ", \"leaves\"", "");
    toml += &table("killed", "", "");
    for (place, (_, _, seen)) in FAULTS.iter().enumerate() {
        let hurried = match seen {
            Seen::TimedOut => "call_timeout = \"300ms\"",
            _ => "",
        };
        toml += &table(&format!("f{place}"), "", hurried);
    }
    let world = World::start(&toml).await;
    let faults = FAULTS.iter().enumerate();
    let faults = faults.map(|(place, &(tool, n, seen))| {
        let server = format!("f{place}");
        fault(&world, server, tool, n, seen)
    });
    let (killed, _) = tokio::join!(kill_in_call(&world), join_all(faults));
    assert!(killed, "a call to a killed server ends within a second");
    world.upstreams.shutdown().await;
}

async fn fault(world: &World, server: String, tool: &str, n: u64, seen: Seen) {
    let outcome = world.call(&server, tool, n).await;
    let as_wanted = match (seen, &outcome) {
        (Seen::Answered, Ok(_))
        | (Seen::Refused, Err(CallError::Refused(_)))
        | (Seen::Unavailable, Err(CallError::Unavailable { .. })) => true,
        // the line that stands still may be seen first
        (Seen::TimedOut, Err(error)) => {
            matches!(
                error,
                CallError::Timeout { .. } | CallError::Unavailable { .. }
            )
        }
        _ => false,
    };
    assert!(as_wanted, "{tool}: {outcome:?}");
    if tool == "close_input" {
        // only the next call can find it
        let next = world.call(&server, "slow", 0).await;
        assert!(
            matches!(next, Err(CallError::Unavailable { .. })),
            "{next:?}"
        );
    }
    if tool == "child" {
        let child = outcome.expect("it was answered").parse().expect("a pid");
        kill(world.pid(&server, "pid").await);
        gone(child).await;
    }
}

async fn kill_in_call(world: &World) -> bool {
    let process = world.pid("killed", "pid").await;
    let call = world.call("killed", "hang", 0);
    let killing = async {
        // it answers one thing after another: behind this one the first is in its hands
        let _ = world.call("killed", "slow", 0).await;
        kill(process);
        Instant::now()
    };
    let (outcome, killed) = tokio::join!(call, killing);
    let soon = killed.elapsed() < Duration::from_secs(1);
    let again = timeout(hostile::PATIENCE, world.call("killed", "slow", 0)).await;
    assert!(matches!(again, Ok(Ok(_))), "{again:?}");
    soon && matches!(outcome, Err(CallError::Unavailable { .. }))
}

fn kill(process: u32) {
    let process = i32::try_from(process).ok().and_then(Pid::from_raw);
    kill_process(process.expect("a pid"), Signal::KILL).expect("a process to kill");
}

/// What this process has.
struct Left {
    descriptors: usize,
    processes: usize,
    tasks: usize,
    /// Resident, in KiB.
    memory: u64,
}

impl Left {
    fn now() -> Self {
        let own = std::process::id().to_string();
        let all = fs::read_dir("/proc").expect("procfs").flatten();
        let children = all.filter(|entry| {
            let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            let fields = stat.rsplit(") ").next().unwrap_or_default();
            fields.split(' ').nth(1) == Some(own.as_str())
        });
        let status = fs::read_to_string("/proc/self/status").expect("procfs");
        let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let memory = memory.expect("a field").trim_end_matches("kB").trim();
        Self {
            descriptors: fs::read_dir("/proc/self/fd").expect("procfs").count(),
            processes: children.count(),
            tasks: Handle::current().metrics().num_alive_tasks(),
            memory: memory.parse().expect("a number"),
        }
    }

    /// Looks until there is no more than before, for a while.
    async fn settled(before: &Self) -> Self {
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            let now = Self::now();
            if now.is_no_more_than(before) || Instant::now() > end {
                return now;
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    fn is_no_more_than(&self, before: &Self) -> bool {
        self.descriptors <= before.descriptors
            && self.processes <= before.processes
            && self.tasks <= before.tasks
            && self.memory <= before.memory + SLACK
    }

    fn json(&self) -> Value {
        json!({
            "descriptors": self.descriptors,
            "processes": self.processes,
            "tasks": self.tasks,
            "memory_kib": self.memory,
        })
    }
}

const WARM: u32 = 3;

/// What the allocator may hold more, in KiB: two messages of the longest kind that were in flight at a time.
const SLACK: u64 = 32 << 10;
