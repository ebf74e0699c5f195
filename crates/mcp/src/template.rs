//! Whether a URI may have come from a URI template (RFC 6570), to find the server that reads it.

/// Whether `template` can expand to `uri`. Nothing is percent-decoded: both are compared as they are written.
pub(crate) fn matches(template: &str, uri: &str) -> bool {
    let uri = uri.as_bytes();
    // The places that the part of the template read so far may have led to.
    let mut reached = vec![false; uri.len() + 1];
    reached[0] = true;
    let mut rest = template;
    while let Some((literal, expression, after)) = next(rest) {
        reached = skip(&reached, uri, literal.as_bytes());
        reached = expand(&reached, uri, expression);
        rest = after;
    }
    skip(&reached, uri, rest.as_bytes())[uri.len()]
}

/// The text before the next expression, the expression without its braces, and what follows.
fn next(template: &str) -> Option<(&str, &str, &str)> {
    let (literal, rest) = template.split_once('{')?;
    let (expression, after) = rest.split_once('}')?;
    Some((literal, expression, after))
}

fn skip(reached: &[bool], uri: &[u8], literal: &[u8]) -> Vec<bool> {
    let mut next = vec![false; reached.len()];
    for (at, _) in reached.iter().enumerate().filter(|(_, reached)| **reached) {
        if uri[at..].starts_with(literal) {
            next[at + literal.len()] = true;
        }
    }
    next
}

/// What an expression may stand for, by its operator (RFC 6570 section 2.2): a value of a simple one has no reserved sign in it,
/// of a reserved one any; the others begin with their own sign or are empty.
fn expand(reached: &[bool], uri: &[u8], expression: &str) -> Vec<bool> {
    let simple = |byte: u8| !b"/?#&=".contains(&byte);
    match expression.as_bytes().first() {
        Some(b'+') => run(reached, uri, None, |_| true),
        Some(b'#') => run(reached, uri, Some(b'#'), |_| true),
        Some(sign @ (b'.' | b';')) => run(reached, uri, Some(*sign), |byte| byte != b'/'),
        Some(b'/') => run(reached, uri, Some(b'/'), |byte| !b"?#".contains(&byte)),
        Some(sign @ (b'?' | b'&')) => run(reached, uri, Some(*sign), |byte| byte != b'#'),
        _ => run(reached, uri, None, simple),
    }
}

/// One or more bytes that `may` stand there; with a `sign`, that sign and then any number of them, or nothing at all.
fn run(reached: &[bool], uri: &[u8], sign: Option<u8>, may: impl Fn(u8) -> bool) -> Vec<bool> {
    let mut next = if sign.is_some() {
        reached.to_vec()
    } else {
        vec![false; reached.len()]
    };
    let mut running = false;
    for (at, byte) in uri.iter().enumerate() {
        running = match sign {
            Some(sign) => (reached[at] && *byte == sign) || (running && may(*byte)),
            None => (reached[at] || running) && may(*byte),
        };
        next[at + 1] |= running;
    }
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_matches_what_it_may_expand_to() {
        for (template, uri) in [
            ("test://template/{id}/data", "test://template/123/data"),
            ("file:///{+path}", "file:///a/b/c.txt"),
            ("a://b{/segments}", "a://b/c/d"),
            ("a://b{/segments}", "a://b"),
            ("a://b{?q,r}", "a://b?q=1&r=2"),
            ("{+any}", "x"),
            ("a://{x}-{y}", "a://1-2-3"),
        ] {
            assert!(matches(template, uri), "{template} {uri}");
        }
    }

    #[test]
    fn a_template_does_not_match_anything_else() {
        for (template, uri) in [
            ("test://template/{id}/data", "test://template//data"),
            ("test://template/{id}/data", "test://template/1/2/data"),
            ("test://template/{id}/data", "test://template/1/data/"),
            ("a://b{?q}", "a://b#q"),
            ("plain", "other"),
            ("{x}", ""),
        ] {
            assert!(!matches(template, uri), "{template} {uri}");
        }
    }

    #[test]
    fn many_expressions_cost_no_more_than_their_number() {
        let template = "{a}".repeat(200);
        assert!(!matches(&template, &("x".repeat(2_000) + "/")));
        assert!(matches(&template, &"x".repeat(2_000)));
    }
}
