//! A change is applied while fifty streams are open and requests come over every version.

use machine::{Deployed, Kit};

#[test]
fn an_apply_under_load_loses_no_request_over_tcp_and_cuts_no_stream() {
    let kit = Kit::from_environment();
    let deployed = Deployed::bring_up(&kit, &kit.debian_13);
    let machine = &deployed.machine;
    machine.write("/tmp/load", LOAD);
    machine.must("systemd-run --unit load sh /tmp/load");
    machine.wait_for("test $(pgrep -fc 'curl.*/mcp/sse') -ge 50");
    deployed.change(300);
    deployed.apply();
    machine.must("touch /tmp/stop");
    machine.wait_for("test -e /tmp/done");
    for version in ["http1.1", "http2"] {
        let lost = machine.must(&format!("grep -vx '200 0' /tmp/{version} || :"));
        assert_eq!(lost, "", "lost over {version}");
        let asked = machine.read(&format!("/tmp/{version}")).lines().count();
        assert!(asked > 10, "{asked} requests over {version}");
    }
    // a stream that the origin ends has its proper end: curl says 0
    assert_eq!(
        machine.must("touch /tmp/ended && grep -vx 0 /tmp/ended || :"),
        ""
    );
    // of HTTP/3 some are lost while old workers get packets of new connections; most are not
    let seen = machine.read("/tmp/http3-only");
    let answered = seen.lines().filter(|line| *line == "200 0").count();
    assert!(answered * 2 > seen.lines().count(), "{seen}");
}

/// 25 streams each over HTTP/1.1 and HTTP/2, and fresh connections one after the other over each version.
const LOAD: &str = r#"
ask() { curl -sS --max-time 20 --connect-to ::127.0.0.1: "$@"; }
for version in http1.1 http2; do
    for n in $(seq 25); do
        (ask --max-time 600 -N --$version -o /dev/null 'https://mcp.example.com/mcp/sse?interval_ms=1000&count=600'
         echo $? >> /tmp/ended) &
    done
done
for version in http1.1 http2 http3-only; do
    (while test ! -e /tmp/stop; do
        ask --$version -o /dev/null -w '%{http_code} %{exitcode}\n' https://mcp.example.com/healthz >> /tmp/$version
        sleep 0.1
     done; touch /tmp/stopped-$version) &
done
until test -e /tmp/stopped-http1.1 -a -e /tmp/stopped-http2 -a -e /tmp/stopped-http3-only; do sleep 0.2; done
touch /tmp/done
"#;
