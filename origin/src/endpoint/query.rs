//! What a query says.

use http::Uri;

/// The value of `name` in the query, as a whole number held between `least` and `most`; `usual` when it is absent or is
/// no number: a smoke stream is for people at a shell, and a typing error should not cost them the stream.
pub(super) fn number(
    uri: &Uri,
    name: &str,
    usual: u64,
    bounds: std::ops::RangeInclusive<u64>,
) -> u64 {
    value(uri, name)
        .and_then(|value| value.parse().ok())
        .unwrap_or(usual)
        .clamp(*bounds.start(), *bounds.end())
}

/// The first value of `name` in the query, as it was sent.
pub(super) fn value<'a>(uri: &'a Uri, name: &str) -> Option<&'a str> {
    let pairs = uri.query().unwrap_or_default().split('&');
    let mut pairs = pairs.filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_held_within_its_bounds() {
        let uri = Uri::from_static("/x?count=9&interval_ms=1&bad=x");
        assert_eq!(number(&uri, "count", 1, 0..=100), 9);
        assert_eq!(number(&uri, "interval_ms", 1000, 10..=60_000), 10);
        assert_eq!(number(&uri, "bad", 7, 0..=100), 7);
        assert_eq!(number(&uri, "absent", 7, 0..=100), 7);
    }
}
