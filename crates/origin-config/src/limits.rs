//! What one client may take of an origin.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use findings::{Located, Reader};

/// `[limits]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientLimits {
    /// `[limits.client]`: for each address, IPv6 by its /64.
    pub client: Limit,
    /// `[limits.key]`: for each API key.
    pub key: Limit,
}

/// What one of them may take; nothing is limited by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limit {
    /// `rate`: requests; `None`: as many as come.
    pub rate: Option<Rate>,
    /// `burst`: how many requests may come at once beyond the rate.
    pub burst: u32,
    /// `calls`: requests that may be worked on at a time; 0: as many as come.
    pub calls: u32,
    /// `streams`: streams without an end of their own that may be open at a time; 0: as many as come.
    pub streams: u32,
}

impl Limit {
    /// Whether it limits anything.
    pub fn is_on(&self) -> bool {
        self.rate.is_some() || self.calls > 0 || self.streams > 0
    }
}

/// A rate as NGINX writes it: `10r/s` or `300r/m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    requests: u32,
    unit: Unit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Second,
    Minute,
}

impl Rate {
    /// The time between two requests of this rate.
    pub fn interval(self) -> Duration {
        let unit = match self.unit {
            Unit::Second => Duration::from_secs(1),
            Unit::Minute => Duration::from_mins(1),
        };
        unit / self.requests
    }
}

impl FromStr for Rate {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, unit) = match (text.strip_suffix("r/s"), text.strip_suffix("r/m")) {
            (Some(number), _) => (number, Unit::Second),
            (_, Some(number)) => (number, Unit::Minute),
            _ => return Err(SHAPE),
        };
        let requests = number.parse().map_err(|_| SHAPE)?;
        // A million a second leaves a microsecond for each.
        if !(1..=1_000_000).contains(&requests) {
            return Err("is not within 1 and 1000000 requests");
        }
        Ok(Self { requests, unit })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Second => "r/s",
            Unit::Minute => "r/m",
        };
        write!(f, "{}{unit}", self.requests)
    }
}

/// Reads `[limits]`.
pub(crate) fn read(reader: &Reader<'_>) -> ClientLimits {
    let Some(table) = reader.table("limits") else {
        return ClientLimits::default();
    };
    let limits = ClientLimits {
        client: table.table("client").map(read_one).unwrap_or_default(),
        key: table.table("key").map(read_one).unwrap_or_default(),
    };
    table.finish();
    limits
}

fn read_one(table: Reader<'_>) -> Limit {
    let number = |key| {
        let located: Option<Located<i64>> = table.integer(key, 0..=1_000_000);
        located
            .and_then(|located| u32::try_from(located.value).ok())
            .unwrap_or_default()
    };
    let rate = table.string("rate").filter(|rate| !rate.value.is_empty());
    let limit = Limit {
        rate: rate
            .and_then(|rate| table.parsed(rate, "limits.rate"))
            .map(|rate| rate.value),
        burst: number("burst"),
        calls: number("calls"),
        streams: number("streams"),
    };
    table.finish();
    limit
}

const SHAPE: &str = "is not a rate such as `10r/s` or `300r/m`";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_written_as_it_was_read() {
        for (text, millis) in [("10r/s", 100), ("300r/m", 200), ("1r/m", 60_000)] {
            let rate: Rate = text.parse().expect(text);
            assert_eq!(rate.to_string(), text);
            assert_eq!(rate.interval(), Duration::from_millis(millis));
        }
        for text in ["", "10", "0r/s", "10r/h", "-1r/s", "1000001r/s", "1.5r/s"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }
}
