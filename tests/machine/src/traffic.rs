//! Requests that go on while something is done to the machine.

use crate::deployed::SERVER_NAME;
use crate::machine::Machine;
use crate::said::show;

/// Does something while requests come over each version: what served before serves meanwhile, and no request over TCP is
/// lost. `what` names it where one was.
pub fn served_meanwhile<T>(machine: &Machine, what: &str, act: impl FnOnce() -> T) -> T {
    let traffic = Traffic::start(machine, 0);
    let done = act();
    assert_eq!(traffic.stop().lost, Vec::<String>::new(), "{what}");
    done
}

/// Requests over each version, one after the other, each on a connection of its own, and streams that are held open.
#[derive(Debug)]
pub struct Traffic<'m> {
    machine: &'m Machine,
}

/// What came of them.
#[derive(Debug)]
pub struct Served {
    /// The answers over HTTP/1.1 and HTTP/2 that were none: each with the version, the status and curl's exit code.
    pub lost: Vec<String>,
    /// How many requests were made over HTTP/1.1 and HTTP/2.
    pub asked: usize,
    /// The same over HTTP/3: how many were answered, of how many.
    pub over_http3: (usize, usize),
    /// The exit codes of curl for the streams; 0 where a stream had its proper end.
    pub streams: Vec<String>,
}

impl<'m> Traffic<'m> {
    /// Starts it, with `streams` streams each over HTTP/1.1 and HTTP/2, and returns when all of them are open.
    pub fn start(machine: &'m Machine, streams: u32) -> Self {
        machine.must("rm -rf /run/traffic && mkdir /run/traffic");
        machine.write("/run/traffic/script", SCRIPT);
        machine.must(&format!(
            "systemd-run --quiet --collect --unit traffic sh /run/traffic/script {SERVER_NAME} {streams}"
        ));
        machine.wait_for(&format!(
            "test $(pgrep -fc 'curl.*/mcp/sse') -ge {} && test -s /run/traffic/http1.1 -a -s /run/traffic/http2",
            streams * 2
        ));
        Self { machine }
    }

    /// Lets the requests on their way come to their end. Streams go on: [`Traffic::start`] ends those of an earlier one.
    pub fn stop(self) -> Served {
        let machine = self.machine;
        machine.must("touch /run/traffic/stop");
        machine.wait_for("test -e /run/traffic/done");
        let lines = |file: &str| -> Vec<String> {
            let text = machine.must(&format!("cat /run/traffic/{file} 2>/dev/null || :"));
            text.lines().map(str::to_owned).collect()
        };
        let (mut lost, mut asked) = (Vec::new(), 0);
        for version in ["http1.1", "http2"] {
            let answers = lines(version);
            asked += answers.len();
            let bad = answers.into_iter().filter(|answer| answer != GOOD);
            lost.extend(bad.map(|answer| format!("{version} {answer}")));
        }
        let answers = lines("http3-only");
        let good = answers.iter().filter(|answer| *answer == GOOD).count();
        let streams = lines("ended");
        machine.run("systemctl stop traffic");
        show(&format!(
            "{asked} requests over TCP, {} lost; over HTTP/3 {good} of {} answered",
            lost.len(),
            answers.len()
        ));
        Served {
            lost,
            asked,
            over_http3: (good, answers.len()),
            streams,
        }
    }
}

/// The status and curl's exit code of an answer as it should be.
const GOOD: &str = "200 0";
const SCRIPT: &str = r#"
name=$1 streams=$2
cd /run/traffic
ask() { curl -sS --max-time 20 --connect-to ::127.0.0.1: "$@"; }
for version in http1.1 http2; do
    for n in $(seq $streams); do
        (ask --max-time 600 -N --$version -o /dev/null "https://$name/mcp/sse?interval_ms=1000&count=600"
         echo $? >> ended) &
    done
done
for version in http1.1 http2 http3-only; do
    # a handshake that an old worker got is lost at once: there is no use in waiting for it
    test $version = http3-only && patience=5 || patience=20
    (while test ! -e stop; do
        ask --max-time $patience --$version -o /dev/null -w '%{http_code} %{exitcode}\n' "https://$name/healthz" >> $version
        sleep 0.1
     done; touch stopped-$version) &
done
until test -e stopped-http1.1 -a -e stopped-http2 -a -e stopped-http3-only; do sleep 0.1; done
touch done
wait
"#;
