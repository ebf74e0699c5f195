//! Addresses of what is asked over HTTP.

use crate::authority::Authority;
use std::fmt;
use std::str::FromStr;

/// An address: `http` or `https`, a host, and a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    tls: bool,
    authority: Authority,
    path: String,
}

impl Url {
    /// Whether it is an `https` one.
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// Its host and port.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }
}

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").ok_or(NO_URL)?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            other => {
                return Err(format!(
                    "is a URL of `{other}`, and `http` or `https` is needed"
                ));
            }
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.contains('@') {
            return Err(
                "has a user in it, and a configuration is no place for a password: name a file that holds it".to_owned(),
            );
        }
        if path.contains('#') {
            return Err("has a `#` part, which no server is told of".to_owned());
        }
        // RFC 3986 section 3.3 and 3.4; a line break in a request line would be another request
        if !path
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte))
        {
            return Err(
                "has a character in its path that has to be written as `%` with its number"
                    .to_owned(),
            );
        }
        let path = match path.as_bytes().first() {
            None => "/".to_owned(),
            Some(b'?') => format!("/{path}"),
            Some(_) => path.to_owned(),
        };
        let authority: Authority = authority.parse().map_err(|_| NO_URL)?;
        Ok(Self {
            tls,
            authority,
            path,
        })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority, self.path)
    }
}

const NO_URL: &str = "is not a URL as `https://mcp.example.com/mcp`";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_back_as_it_was_written() {
        for text in [
            "http://a.example/",
            "https://[::1]:8443/x?y=%20",
            "http://a/?x",
            "http://a_b:1/a/b",
        ] {
            assert_eq!(
                text.parse::<Url>().map(|url| url.to_string()),
                Ok(text.to_owned())
            );
        }
        assert_eq!(
            "HTTP://A.example".parse::<Url>().map(|url| url.to_string()),
            Ok("http://a.example/".to_owned())
        );
    }

    #[test]
    fn what_cannot_be_asked_is_refused() {
        for text in [
            "",
            "a.example",
            "ftp://a.example",
            "http://u:p@a.example",
            "http://a.example/#x",
            "http://a.example/ x",
            "http://:80/",
            "https://a/b\r\nX: y",
            "https://a b/",
            "https://a:99999/",
        ] {
            assert!(text.parse::<Url>().is_err(), "{text}");
        }
    }
}
