//! What is shown of a line without what is secret in it.

use crate::nginx_conf::{Document, End, Node, Part, Span, Word};

/// Words that name something secret, in the name of a directive, of a header or of a variable.
const SECRETS: [&str; 9] = [
    "authorization",
    "cookie",
    "token",
    "secret",
    "passw",
    "api-key",
    "api_key",
    "apikey",
    "credential",
];
/// What stands before a secret in a value.
const SCHEMES: [&str; 3] = ["bearer ", "basic ", "digest "];

/// The text of a file with every secret value replaced by stars; line for line the same.
pub fn redact(document: &Document) -> String {
    let mut bytes = document.source().to_vec();
    for span in secrets(document) {
        for byte in bytes.get_mut(span.range()).unwrap_or_default() {
            if !byte.is_ascii_whitespace() {
                *byte = b'*';
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn secrets(document: &Document) -> Vec<Span> {
    let mut spans = Vec::new();
    // each level with whether its entries are values of something secret, as those of a map over a key are
    let mut levels = vec![(document.nodes(), false)];
    while let Some((nodes, is_secret)) = levels.pop() {
        for node in nodes {
            match node {
                Node::Comment(span) => spans.extend(secret_comment(document, *span)),
                Node::Directive(directive) => {
                    let words: Vec<&Word> = directive.words().collect();
                    spans.extend(secret_words(&words, is_secret));
                    for part in &directive.parts {
                        if let Part::Comment(span) = part {
                            spans.extend(secret_comment(document, *span));
                        }
                    }
                    if let End::Block { nodes, .. } = &directive.end {
                        let is_table = words
                            .first()
                            .is_some_and(|word| matches!(word.text.as_str(), "map" | "geo"));
                        let is_named = words.iter().any(|word| names_secret(&word.text));
                        levels.push((nodes, is_table && is_named));
                    }
                }
                Node::Blank(_) | Node::Stray(_) => {}
            }
        }
    }
    spans
}

fn names_secret(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text != "server_tokens" && SECRETS.iter().any(|word| text.contains(word))
}

/// A comment that names a secret may hold it: nothing behind its `#` is shown.
fn secret_comment(document: &Document, span: Span) -> Option<Span> {
    let text = String::from_utf8_lossy(document.bytes(span)).to_ascii_lowercase();
    let is_secret = names_secret(&text) || SCHEMES.iter().any(|scheme| text.contains(scheme));
    is_secret.then(|| Span::new(span.start + 1, span.end))
}

fn secret_words(words: &[&Word], is_secret: bool) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut is_behind_name = is_secret;
    for word in words {
        let lower = word.text.to_ascii_lowercase();
        let has_scheme = SCHEMES.iter().any(|scheme| lower.contains(scheme));
        let has_password = lower.contains("://") && lower.contains('@');
        // a variable alone tells nothing
        let is_variable = word.text.starts_with('$') && !word.text.contains(' ');
        if (is_behind_name || has_scheme || has_password) && !is_variable {
            spans.push(word.span);
        }
        is_behind_name |= names_secret(&word.text);
    }
    spans
}
