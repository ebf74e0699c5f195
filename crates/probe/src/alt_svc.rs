//! The `Alt-Svc` header field (RFC 7838, section 3).

use std::time::Duration;

/// What an `Alt-Svc` field said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AltSvc {
    /// `clear`: every alternative learnt before is void.
    Clear,
    /// The alternatives, in order of the server's preference.
    Entries(Vec<Entry>),
}

/// One alternative service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The ALPN identifier, percent-decoded: `h3`.
    pub protocol: String,
    /// The host of the alternative, an IPv6 address without its brackets; nothing for the origin's own.
    pub host: Option<String>,
    /// The port of the alternative.
    pub port: u16,
    /// How long it is good for; a day where the field does not say (RFC 7838, section 3.1: "24 hours").
    pub max_age: Duration,
    /// Whether it outlives a change of network (`persist=1`).
    pub persist: bool,
}

/// The text is no `Alt-Svc` field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{rest}` is no alternative service: {reason}")]
pub struct AltSvcError {
    /// The text from the fault on.
    pub rest: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

const DEFAULT_MAX_AGE: Duration = Duration::from_hours(24);

/// Reads one field value. Several `Alt-Svc` fields of one head are joined by `, ` first, as for every list.
///
/// Errors: [`AltSvcError`] at the first place that does not follow the grammar; parameters with other names are passed
/// over, as the RFC wants.
pub fn parse(value: &str) -> Result<AltSvc, AltSvcError> {
    let mut rest = Rest(value.trim_matches([' ', '\t']));
    if rest.0 == "clear" {
        return Ok(AltSvc::Clear);
    }
    let mut entries = Vec::new();
    loop {
        entries.push(entry(&mut rest)?);
        rest.skip_space();
        if rest.0.is_empty() {
            return Ok(AltSvc::Entries(entries));
        }
        rest.expect(',', "a comma or the end is missing")?;
    }
}

fn entry(rest: &mut Rest<'_>) -> Result<Entry, AltSvcError> {
    rest.skip_space();
    let start = rest.0;
    let protocol =
        percent_decoded(rest.token("a protocol is missing")?).ok_or_else(|| AltSvcError {
            rest: start.to_owned(),
            reason: "the protocol's percent encoding is broken",
        })?;
    rest.expect('=', "`=` is missing after the protocol")?;
    let start = rest.0;
    let authority = rest.quoted("the authority is not in quotes")?;
    let fault = |reason| AltSvcError {
        rest: start.to_owned(),
        reason,
    };
    let (host, port) = authority
        .rsplit_once(':')
        .ok_or_else(|| fault("the authority has no port"))?;
    let mut entry = Entry {
        protocol,
        host: Some(host.trim_matches(['[', ']']))
            .filter(|host| !host.is_empty())
            .map(str::to_owned),
        port: port
            .parse()
            .map_err(|_| fault("the port is no number from 0 to 65535"))?,
        max_age: DEFAULT_MAX_AGE,
        persist: false,
    };
    loop {
        rest.skip_space();
        if !rest.0.starts_with(';') {
            return Ok(entry);
        }
        rest.expect(';', "")?;
        rest.skip_space();
        let start = rest.0;
        let name = rest.token("a parameter is missing after `;`")?;
        rest.expect('=', "`=` is missing after a parameter")?;
        let value = if rest.0.starts_with('"') {
            rest.quoted("a quote is missing")?
        } else {
            rest.token("a parameter has no value")?.to_owned()
        };
        match name.to_ascii_lowercase().as_str() {
            "ma" => {
                let seconds = value.parse().map_err(|_| AltSvcError {
                    rest: start.to_owned(),
                    reason: "`ma` is no number of seconds",
                })?;
                entry.max_age = Duration::from_secs(seconds);
            }
            "persist" => entry.persist = value == "1",
            _ => {}
        }
    }
}

/// The text that is still to be read.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn fault(&self, reason: &'static str) -> AltSvcError {
        AltSvcError {
            rest: self.0.to_owned(),
            reason,
        }
    }

    fn skip_space(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t']);
    }

    fn expect(&mut self, wanted: char, reason: &'static str) -> Result<(), AltSvcError> {
        self.0 = self
            .0
            .strip_prefix(wanted)
            .ok_or_else(|| self.fault(reason))?;
        Ok(())
    }

    fn token(&mut self, reason: &'static str) -> Result<&'a str, AltSvcError> {
        let end = self
            .0
            .find(|c: char| !(c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)))
            .unwrap_or(self.0.len());
        if end == 0 {
            return Err(self.fault(reason));
        }
        let (token, rest) = self.0.split_at(end);
        self.0 = rest;
        Ok(token)
    }

    fn quoted(&mut self, reason: &'static str) -> Result<String, AltSvcError> {
        let inner = self.0.strip_prefix('"').ok_or_else(|| self.fault(reason))?;
        let mut text = String::new();
        let mut chars = inner.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.0 = &inner[at + 1..];
                    return Ok(text);
                }
                '\\' => text.extend(chars.next().map(|(_, escaped)| escaped)),
                c => text.push(c),
            }
        }
        Err(self.fault("a closing quote is missing"))
    }
}

fn percent_decoded(token: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(token.len());
    let mut rest = token.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        if byte == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &after[2..];
        } else {
            bytes.push(byte);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(value: &str) -> Vec<Entry> {
        match parse(value).unwrap() {
            AltSvc::Entries(entries) => entries,
            AltSvc::Clear => panic!("{value}"),
        }
    }

    #[test]
    fn the_line_that_an_edge_sends_is_read() {
        let [entry] = entries("h3=\":8443\"; ma=86400").try_into().unwrap();
        assert_eq!(
            (entry.protocol.as_str(), entry.host, entry.port),
            ("h3", None, 8443)
        );
        assert_eq!(entry.max_age, Duration::from_hours(24));
    }

    #[test]
    fn several_alternatives_keep_their_order_and_their_parameters() {
        let seen =
            entries("h3=\"alt.example:443\";ma=60;persist=1 , h2=\"[::1]:8000\"; x=\"a,b;c\"");
        assert_eq!(seen[0].host.as_deref(), Some("alt.example"));
        assert_eq!(
            (seen[0].max_age, seen[0].persist),
            (Duration::from_mins(1), true)
        );
        assert_eq!((seen[1].host.as_deref(), seen[1].port), (Some("::1"), 8000));
        assert_eq!((seen[1].max_age, seen[1].persist), (DEFAULT_MAX_AGE, false));
    }

    #[test]
    fn clear_is_no_alternative() {
        assert_eq!(parse(" clear "), Ok(AltSvc::Clear));
    }

    #[test]
    fn a_protocol_is_percent_decoded() {
        assert_eq!(entries("w%3Dx%3Ay#z=\":443\"")[0].protocol, "w=x:y#z");
    }

    #[test]
    fn what_breaks_the_grammar_is_an_error() {
        for value in [
            "",
            "h3",
            "h3=443",
            "h3=\":443",
            "h3=\"443\"",
            "h3=\":x\"",
            "h3=\":443\";",
            "h3=\":443\";ma",
            "h3=\":1\" h2=\":2\"",
            "h%3=\":1\"",
            "h3=\":1\",",
            "h3=\":1\";ma=-1",
        ] {
            assert!(parse(value).is_err(), "{value}: {:?}", parse(value));
        }
    }
}
