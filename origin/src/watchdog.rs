//! What tells a service manager that the origin does not stand still.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{MissedTickBehavior, interval};

/// Says every half of `time` that all goes on, for ever: once each of `runtimes` has taken a turn. Where one takes none nothing is
/// said, and a service manager that hears nothing for the whole time replaces the process.
pub(crate) async fn feed(time: Duration, runtimes: Vec<Handle>, say: impl Fn()) {
    // "a keep-alive notification message … every half of the time" (sd_watchdog_enabled(3))
    let mut ticks = interval(time / 2);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        for runtime in &runtimes {
            // One that has ended has no turns to take.
            let _ = runtime.spawn(async {}).await;
        }
        say();
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;
    use tokio::time::timeout;

    use super::*;
    use crate::shards::Shards;

    #[tokio::test]
    async fn one_thread_that_stands_still_silences_it() {
        let shards = Shards::start(2).expect("two threads");
        let (said, mut heard) = mpsc::unbounded_channel();
        let say = move || said.send(()).expect("somebody hears it");
        let feeding = feed(Duration::from_millis(20), shards.handles().to_vec(), say);
        let feeding = tokio::spawn(feeding);
        heard.recv().await.expect("it goes on");
        let (go_on, stands) = std::sync::mpsc::channel();
        shards.handles()[1].spawn(async move { stands.recv() });
        while timeout(LONG, heard.recv()).await.is_ok() {}
        assert!(!feeding.is_finished());
        go_on.send(()).expect("it stands there");
        heard.recv().await.expect("it goes on again");
        feeding.abort();
        shards.end().await;
    }

    /// Many times what it waits between two words.
    const LONG: Duration = Duration::from_millis(500);
}
