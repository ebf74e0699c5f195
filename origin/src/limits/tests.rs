//! Limits by a clock that stands still but for what the test says.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

/// A table of these limits, and a hand on its clock.
fn limits(rate: &str, burst: u32, calls: u32, streams: u32) -> Limits {
    let limit = Limit {
        rate: rate.parse().ok(),
        burst,
        calls,
        streams,
    };
    let both = origin_config::ClientLimits {
        client: limit.clone(),
        key: limit,
    };
    Limits::new(&both, clock())
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn ask(limits: &Limits) -> Result<Place, Refusal> {
    let place = limits.admit_client(Some(address("192.0.2.1")))?;
    Ok(place.expect("it is switched on"))
}

thread_local! {
    /// Milliseconds, of this test alone.
    static NOW: AtomicU64 = const { AtomicU64::new(0) };
}
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

fn clock() -> Clock {
    Clock {
        monotonic: || *START + Duration::from_millis(NOW.with(|now| now.load(Ordering::Relaxed))),
        ..Clock::system()
    }
}

fn wait(milliseconds: u64) {
    NOW.with(|now| now.fetch_add(milliseconds, Ordering::Relaxed));
}

#[test]
fn a_burst_is_served_and_then_the_rate() {
    let limits = limits("10r/s", 2, 0, 0);
    for _ in 0..3 {
        assert!(ask(&limits).is_ok());
    }
    let refusal = ask(&limits).expect_err("the burst is used up");
    assert_eq!(refusal.after, Duration::from_millis(100));
    wait(100);
    assert!(ask(&limits).is_ok());
    assert!(ask(&limits).is_err());
    wait(10_000);
    let served = (0..10).filter(|_| ask(&limits).is_ok()).count();
    assert_eq!(served, 3, "what was not used is not saved up");
}

#[test]
fn a_refused_request_costs_nothing() {
    let limits = limits("1r/s", 0, 0, 0);
    assert!(ask(&limits).is_ok());
    for _ in 0..100 {
        assert!(ask(&limits).is_err());
    }
    wait(1_000);
    assert!(ask(&limits).is_ok());
}

#[test]
fn places_are_given_back() {
    let limits = limits("", 0, 2, 1);
    let places = [ask(&limits), ask(&limits)];
    assert_eq!(ask(&limits).expect_err("two at a time").what, What::Calls);
    drop(places);
    let stream = ask(&limits)
        .and_then(Place::into_stream)
        .expect("the first");
    let places = [ask(&limits), ask(&limits)];
    assert!(places.iter().all(Result::is_ok), "a stream is no call");
    drop(places);
    let second = ask(&limits).and_then(Place::into_stream);
    assert_eq!(second.expect_err("one stream").what, What::Streams);
    drop(stream);
    assert!(ask(&limits).and_then(Place::into_stream).is_ok());
    let client = limits.client.as_ref().expect("it is on");
    assert!(
        client
            .shards
            .iter()
            .all(|shard| shard.lock().expect("sound").is_empty())
    );
}

#[test]
fn one_client_does_not_pay_for_another_and_an_ipv6_network_is_one() {
    let limits = limits("1r/m", 0, 0, 0);
    let ask = |text| limits.admit_client(Some(address(text))).is_ok();
    assert!(ask("192.0.2.1") && ask("192.0.2.2"));
    assert!(!ask("192.0.2.1"));
    assert!(ask("2001:db8::1") && ask("2001:db8:0:1::1"));
    assert!(!ask("2001:db8::ffff:1"));
    assert!(limits.admit_client(None).is_ok() && limits.admit_client(None).is_err());
    let key = |text: &str| limits.admit_key(&text.parse().expect("an id")).is_ok();
    assert!(key("00000000") && key("00000001") && !key("00000000"));
}

#[test]
fn millions_of_addresses_leave_a_bounded_table() {
    let limits = limits("1r/m", 0, 0, 5);
    let held = ask(&limits).and_then(Place::into_stream).expect("a stream");
    for number in 0..300_000_u32 {
        let _ = limits.admit_client(Some(IpAddr::V4((0x0A00_0000 + number).into())));
    }
    let client = limits.client.as_ref().expect("it is on");
    let all = client
        .shards
        .iter()
        .map(|shard| shard.lock().expect("sound").len());
    assert!(all.sum::<usize>() <= SHARDS * MOST_PER_SHARD);
    // Who holds a stream is remembered, and is counted right in the end.
    let shard = client.shard(&held.who);
    assert_eq!(shard[&held.who].streams, 1);
}

#[test]
fn what_is_off_remembers_nobody() {
    let limits = limits("", 5, 0, 0);
    assert!(limits.admit_client(None).is_ok_and(|place| place.is_none()));
}
