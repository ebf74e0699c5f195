//! The command line of `opsctl init`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

/// `opsctl init`
#[derive(Debug, Args)]
pub struct Init {
    /// Name of the deployment: units, files and users are called after it
    #[arg(long, default_value = "mcp")]
    pub name: String,
    /// Public name; may be given several times
    #[arg(long = "server-name", value_name = "NAME", default_value = "localhost")]
    pub server_names: Vec<String>,
    /// Where TLS ends
    #[arg(long, default_value = "h3-termination", value_parser = ["h3-termination", "stream-passthrough"])]
    pub topology: String,
    /// An MCP server behind the origin, as `git=mcp-server-git --repository /srv/repo`; may be given several times
    #[arg(long = "server", value_name = "NAME=COMMAND", value_parser = parse_server)]
    pub servers: Vec<(String, Vec<String>)>,
    /// Certificate chain, PEM
    #[arg(long, value_name = "FILE", requires = "private_key")]
    pub certificate: Option<PathBuf>,
    /// Private key of the certificate, PEM
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub private_key: Option<PathBuf>,
    /// Let opsctl make a certificate, for development (the default)
    #[arg(long, conflicts_with = "certificate")]
    pub self_signed: bool,
    /// Let certbot get a certificate from Let's Encrypt, to whose terms you agree by this
    #[arg(long, conflicts_with_all = ["certificate", "self_signed"])]
    pub acme: bool,
    /// Whom Let's Encrypt may write to
    #[arg(long, value_name = "ADDRESS", requires = "acme", value_hint = ValueHint::EmailAddress)]
    pub email: Option<String>,
    /// Where to write; the spec (`--spec`) when absent
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: Option<PathBuf>,
    /// Replace a file that is there
    #[arg(long)]
    pub force: bool,
}

/// Reads `NAME=COMMAND`; the command is split at spaces, quotes hold a word together.
fn parse_server(text: &str) -> Result<(String, Vec<String>), String> {
    let (name, command) = text
        .split_once('=')
        .ok_or_else(|| "has no `=` between name and command".to_owned())?;
    let words = split_words(command)?;
    if words.is_empty() {
        return Err("has no command after `=`".to_owned());
    }
    Ok((name.to_owned(), words))
}

/// Splits as a shell splits plain words: spaces part, single and double quotes hold together, a backslash takes the next
/// character as it is. Nothing is expanded.
fn split_words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, ' ' | '\t') => words.extend(word.take()),
            (None | Some('"'), '\\') => word
                .get_or_insert_default()
                .push(characters.next().ok_or("ends with a lone backslash")?),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err("has a quote that is not closed".to_owned());
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_a_name_and_words() {
        let (name, command) = parse_server("git=run 'a b' \"c\\\"d\" e\\ f ''").expect("valid");
        assert_eq!(name, "git");
        assert_eq!(command, ["run", "a b", "c\"d", "e f", ""]);
        for bad in ["git", "git=", "git=  ", "git='x", "git=x\\"] {
            assert!(parse_server(bad).is_err(), "{bad}");
        }
    }
}
