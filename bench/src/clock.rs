//! CPU time of this thread, so that a busy machine does not count.

use std::hint::black_box;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// What this thread has used so far.
fn used() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or(0),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}

/// One thing to measure.
pub(crate) type Work<'a> = Box<dyn Fn() -> usize + 'a>;

/// The CPU time of one call of each work, in seconds: the median of `rounds` rounds, in each of which every one has its
/// turn, so that a change of the machine's speed meets them all.
pub(crate) fn medians(works: &[Work<'_>], rounds: usize, turn: Duration) -> Vec<f64> {
    let counts: Vec<u32> = works.iter().map(|work| calls_in(work, turn)).collect();
    let mut samples = vec![Vec::with_capacity(rounds); works.len()];
    for _ in 0..rounds {
        for ((work, &count), samples) in works.iter().zip(&counts).zip(&mut samples) {
            samples.push(time(work, count).as_secs_f64() / f64::from(count));
        }
    }
    samples.into_iter().map(median).collect()
}

/// How many calls take about this long.
fn calls_in(work: &Work<'_>, turn: Duration) -> u32 {
    let mut count = 1;
    loop {
        let took = time(work, count);
        if took >= turn / 4 || count >= 1 << 24 {
            let scale = turn.as_secs_f64() / took.as_secs_f64().max(1e-9);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a positive number, at most four times one that fits"
            )]
            return (f64::from(count) * scale).max(1.0) as u32;
        }
        count *= 2;
    }
}

fn time(work: &Work<'_>, count: u32) -> Duration {
    let start = used();
    for _ in 0..count {
        black_box(work());
    }
    used().saturating_sub(start)
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}
