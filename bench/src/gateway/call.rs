//! The call that is made, and what was measured of many.

use std::time::{Duration, Instant};

/// What every tool is given, and what has to come back.
pub(crate) const PAYLOAD: &str = "seventeen files";

/// What was measured in the turns of one contender.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    latencies: Vec<f64>,
    rates: Vec<f64>,
    /// CPU seconds of the bridge, all turns together.
    cpu: f64,
}

impl Sample {
    /// The calls of one turn that began at `began`, by their latencies.
    pub(crate) fn of(latencies: Vec<f64>, began: Instant) -> Self {
        let count = f64::from(u32::try_from(latencies.len()).unwrap_or(u32::MAX));
        let rate = count / began.elapsed().as_secs_f64();
        Self {
            latencies,
            rates: vec![rate],
            cpu: 0.0,
        }
    }

    pub(crate) fn with_cpu(mut self, cpu: Duration) -> Self {
        self.cpu = cpu.as_secs_f64();
        self
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        self.rates.extend(other.rates);
        self.cpu += other.cpu;
    }

    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.latencies.len()).unwrap_or(u32::MAX)
    }

    /// Calls a second: the median of the turns.
    pub(crate) fn rate(&self) -> f64 {
        at(&self.rates, 0.5)
    }

    /// Seconds.
    pub(crate) fn latency(&self, share: f64) -> f64 {
        at(&self.latencies, share)
    }

    /// CPU seconds of the bridge for 1,000 calls.
    pub(crate) fn cpu(&self) -> f64 {
        self.cpu * 1000.0 / f64::from(self.count().max(1))
    }
}

fn at(values: &[f64], share: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a place in a list of some million"
    )]
    let place = (share * last as f64).round() as usize;
    values.get(place).copied().unwrap_or(f64::NAN)
}
