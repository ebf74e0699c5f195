//! What is not shown: an environment of a server may hold secrets.

use std::fmt::Write as _;

/// The text of an `origin.toml` with the values of every server's environment hidden: in the table
/// `[servers.environment]`, and in an inline table of that key.
pub fn without_secrets(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    for line in text.split_inclusive('\n') {
        let bare = line.trim();
        if bare.starts_with('[') {
            inside = bare.replace([' ', '"', '\''], "").contains(".environment]");
        }
        let names_value = bare.split_once('=');
        let inline = names_value.is_some_and(|(key, _)| is_environment(key));
        let hides = inline || (inside && !bare.starts_with(['[', '#']) && !bare.is_empty());
        match names_value.filter(|_| hides) {
            Some((key, _)) => {
                let _ = write!(out, "{} = {HIDDEN}", key.trim());
                out.push_str(line_end(line));
            }
            // a value that goes on: nothing of it is shown
            None if hides => {
                out.push_str(HIDDEN);
                out.push_str(line_end(line));
            }
            None => out.push_str(line),
        }
    }
    out
}

fn is_environment(key: &str) -> bool {
    key.trim().rsplit('.').next() == Some("environment")
}

fn line_end(line: &str) -> &str {
    let text = line.trim_end_matches(['\r', '\n']);
    &line[text.len()..]
}

const HIDDEN: &str = "(hidden)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_of_an_environment_are_hidden_and_nothing_else() {
        let text = "[[servers]]\nname = \"a\"\nenvironment_pass = [\"HOME\"]\n\n[servers.environment]\n\"TOKEN\" = \"s3cret\"\n\n[[servers]]\nname = \"b\"\n";
        let hidden = without_secrets(text);
        assert!(
            !hidden.contains("s3cret") && hidden.contains("\"TOKEN\" = (hidden)\n"),
            "{hidden}"
        );
        assert!(
            hidden.contains("HOME") && hidden.ends_with("[[servers]]\nname = \"b\"\n"),
            "{hidden}"
        );
    }

    #[test]
    fn however_a_hand_writes_it_nothing_shows() {
        for text in [
            "environment = { TOKEN = \"s3cret\" }\n",
            "servers.environment = { A = \"s3cret\" }\n",
            "[ servers . \"environment\" ]\r\nA = \"\"\"\r\ns3cret\"\"\"\r\n",
        ] {
            assert!(!without_secrets(text).contains("s3cret"), "{text}");
        }
    }
}
