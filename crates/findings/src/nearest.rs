//! The word that a person most likely meant.

/// The candidate nearest to `word`, when it is near enough to be a slip of the hand.
///
/// Jaro-Winkler at 0.84 or more: it takes `lisen` for `listen` and `server_name` for `server_names`, and leaves
/// `banana` alone (the tests hold these).
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(score, _)| *score >= NEAR_ENOUGH)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

const NEAR_ENOUGH: f64 = 0.84;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word_and_a_strange_word_finds_none() {
        let keys = ["listen", "https_port", "server_names", "graceful_timeout"];
        assert_eq!(nearest("lisen", keys), Some("listen"));
        assert_eq!(nearest("server_name", keys), Some("server_names"));
        assert_eq!(nearest("gracefull_timeout", keys), Some("graceful_timeout"));
        assert_eq!(nearest("banana", keys), None);
    }
}
