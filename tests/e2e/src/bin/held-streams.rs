//! `held-streams reload|restart ROUNDS STREAMS`: event streams through so many reloads of the edge, in each topology, or restarts
//! of the origin, and what became of them.
//!
//! Standard output is a table each; the exit code is 1 when something was lost that must not be.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use e2e::held::{Held, Restarts, Stories, reload};
use e2e::{Deployment, NginxBuild, Running, Tools};
use probe::Version;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let number = |at: usize| {
        arguments
            .get(at)
            .and_then(|count: &String| count.parse().ok())
    };
    let (Some(name), Some(rounds), Some(streams)) = (arguments.first(), number(1), number(2))
    else {
        let _ = writeln!(
            io::stderr(),
            "usage: held-streams reload|restart ROUNDS STREAMS"
        );
        return ExitCode::from(64);
    };
    let kept = match name.as_str() {
        "reload" => reloads(rounds, streams as usize).await,
        _ => restarts(rounds, streams as usize).await,
    };
    if kept {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Every topology, on the NGINX that is built from source and on that of Debian testing; the passed one by clients that send a
/// PING as often as ours and as seldom as browsers.
async fn reloads(rounds: u32, streams: usize) -> bool {
    let tools = Tools::from_environment();
    let mut kept = true;
    for build in [NginxBuild::Source, NginxBuild::DebianTesting] {
        for (name, ping) in [
            (ENDED, SOON),
            (PASSED, SOON),
            (PASSED, SELDOM),
            (KERNEL, SELDOM),
        ] {
            let deployment = Deployment::with_time(&tools);
            let deployment = match name {
                PASSED => deployment.passed_on(),
                KERNEL => deployment.passed_on_by_the_kernel(),
                _ => deployment,
            };
            let stories = reloaded(&tools, (&deployment, build), (rounds, streams, ping)).await;
            let seconds = ping.as_secs();
            let head = format!("{build:?}, {name}, {rounds} reloads, a PING after {seconds} s");
            let _ = writeln!(io::stdout(), "{head}\n{stories}");
            kept &= stories.lost(&kept_by(name)).is_empty();
        }
    }
    kept
}

async fn reloaded(
    tools: &Tools,
    (deployment, build): (&Deployment, NginxBuild),
    (rounds, streams, ping): (u32, usize, Duration),
) -> Stories {
    let nginx = tools.nginx(build, deployment.folder.path());
    let running = Running::start_prepared(tools, deployment, |command, _| {
        command.env("OPSCTL_NGINX", nginx);
    });
    let target = running.target().with_keep_alive(ping);
    let held = Held::open(&target, &Version::ALL, streams).await;
    for _ in 0..rounds {
        reload(&running).await;
        tokio::time::sleep(BETWEEN).await;
    }
    tokio::time::sleep(ping + BETWEEN).await;
    held.end().await
}

/// A connection of HTTP/3 that NGINX itself ends may die with a worker (nginx/nginx#425).
fn kept_by(name: &str) -> Vec<Version> {
    match name {
        ENDED => vec![Version::Http1, Version::Http2],
        _ => Version::ALL.to_vec(),
    }
}

async fn restarts(rounds: u32, streams: usize) -> bool {
    let origin = Restarts::start(&Tools::from_environment()).await;
    let seen = origin.run(rounds, streams).await;
    let _ = writeln!(io::stdout(), "{rounds} restarts\n{seen}");
    seen.is_clean()
}

const ENDED: &str = "h3-termination";
const PASSED: &str = "stream-passthrough";
const KERNEL: &str = "stream-passthrough with `udp = \"kernel\"`";
/// Between two reloads: long enough for every client to be heard again where it speaks often.
const BETWEEN: Duration = Duration::from_secs(3);
const SOON: Duration = Duration::from_secs(2);
/// As Chromium while a request is open (`kPingTimeoutSecs`).
const SELDOM: Duration = Duration::from_secs(15);
