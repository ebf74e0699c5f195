//! Durations and sizes as people write them: `"75s"`, `"250ms"`, `"16MiB"`.

use std::time::Duration;

/// Reads a duration: a whole number and one of `ms`, `s`, `m`, `h`, `d`; no spaces, no fractions.
///
/// # Errors
/// A fragment that says what was expected.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text).ok_or_else(|| DURATION_SHAPE.to_owned())?;
    let milliseconds: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(DURATION_SHAPE.to_owned()),
    };
    number
        .checked_mul(milliseconds)
        .filter(|total| *total <= LONGEST_MILLISECONDS)
        .map(Duration::from_millis)
        .ok_or_else(|| "is longer than 365 days".to_owned())
}

/// Writes a duration so that [`parse_duration`] reads the same: the largest unit that divides it.
pub fn format_duration(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    for (unit, size) in [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
    ] {
        // 90 s reads better than 1m30s and 60 s better than 1m to a person who compares it with another timeout in
        // seconds; so minutes only from two minutes on, hours and days whenever they divide.
        if milliseconds != 0
            && milliseconds.is_multiple_of(size)
            && (unit != "m" || milliseconds >= 120_000)
        {
            return format!("{}{unit}", milliseconds / size);
        }
    }
    if milliseconds == 0 {
        "0s".to_owned()
    } else {
        format!("{milliseconds}ms")
    }
}

/// Reads a size in bytes: a whole number and one of `B`, `KiB`, `MiB`, `GiB`.
///
/// # Errors
/// A fragment that says what was expected.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text).ok_or_else(|| SIZE_SHAPE.to_owned())?;
    let bytes: u64 = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(SIZE_SHAPE.to_owned()),
    };
    number
        .checked_mul(bytes)
        .filter(|total| *total <= LARGEST_BYTES)
        .ok_or_else(|| "is larger than 1024GiB".to_owned())
}

/// Writes a size so that [`parse_size`] reads the same: the largest unit that divides it.
pub fn format_size(bytes: u64) -> String {
    for (unit, size) in [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)] {
        if bytes != 0 && bytes.is_multiple_of(size) {
            return format!("{}{unit}", bytes / size);
        }
    }
    format!("{bytes}B")
}

fn split(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit))
}

const DURATION_SHAPE: &str =
    "is not a duration: a whole number and `ms`, `s`, `m`, `h` or `d`, as `\"75s\"`";
const SIZE_SHAPE: &str =
    "is not a size: a whole number and `B`, `KiB`, `MiB` or `GiB`, as `\"16MiB\"`";
/// 365 days: longer than any timeout that means something, and far from overflowing NGINX's and tokio's clocks.
const LONGEST_MILLISECONDS: u64 = 365 * 86_400_000;
/// 1024 GiB: larger than any body or buffer that means something.
const LARGEST_BYTES: u64 = 1 << 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written_back() {
        for text in ["0s", "250ms", "75s", "60s", "2m", "1h", "7d"] {
            assert_eq!(format_duration(parse_duration(text).expect(text)), text);
        }
        assert_eq!(format_duration(Duration::from_secs(90)), "90s");
    }

    #[test]
    fn sizes_are_read_and_written_back() {
        for text in ["0B", "100B", "64KiB", "16MiB", "1GiB"] {
            assert_eq!(format_size(parse_size(text).expect(text)), text);
        }
    }

    #[test]
    fn what_is_not_a_unit_is_refused() {
        for text in [
            "",
            "75",
            "s",
            "75 s",
            "1.5s",
            "-1s",
            "75S",
            "99999999999999999999s",
            "366d",
            "٣s",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        for text in [
            "",
            "16",
            "16M",
            "16mb",
            "1.5MiB",
            "1025GiB",
            "18446744073709551615GiB",
        ] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }
}
