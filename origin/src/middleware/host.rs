//! Only for hosts that this origin has: the guard against DNS rebinding.
//!
//! A web page whose own name is pointed at this address speaks to it as to its own server, past every rule of the browser.
//! What it cannot change is the name: `Host` or `:authority` says the page's, not ours. What a proxy claims in
//! `X-Forwarded-Host` does not count here, since a page that reaches a loopback port comes from a peer that may be trusted.

use std::net::IpAddr;

use origin_config::{Authority, Bind, OriginConfig};

use crate::envelope::{Code, Failure};
use crate::proto::Named;

/// Refuses a request for a host that is none of this origin's: 421, or 400 when it names none that could be used.
///
/// Loopback names are always the origin's own. An address is when the origin is bound to it, or to every address: a page
/// at an address was loaded from that address, so there is no name to point elsewhere. Everything else has to be in
/// `allowed_hosts`.
pub fn check(config: &OriginConfig, named: &Named) -> Result<(), Failure> {
    let host = match named {
        Named::Host(host) => host,
        // Browsers have sent `Host` for longer than there is HTTP/1.1: this is no page.
        Named::Nobody => return Ok(()),
        Named::Malformed(reason) => return Err(Failure::new(Code::BadRequest, *reason)),
    };
    if host.is_loopback() || is_bound(config, host) || is_listed(config, host) {
        return Ok(());
    }
    Err(Failure::new(
        Code::MisdirectedRequest,
        format!("this server does not answer for host `{host}`: add it to `allowed_hosts`"),
    ))
}

fn is_bound(config: &OriginConfig, host: &Authority) -> bool {
    let Some(asked) = host.address() else {
        return false;
    };
    let bound = config.bind.iter().chain(&config.tls.insecure_bind);
    let bound = bound.chain(&config.admin_bind);
    bound
        .filter_map(|bind| match bind {
            Bind::Tcp(address) => Some(address.ip()),
            Bind::Unix(_) => None,
        })
        .any(|bound: IpAddr| bound == asked || bound.is_unspecified())
}

fn is_listed(config: &OriginConfig, host: &Authority) -> bool {
    config.allowed_hosts.iter().any(|entry| entry.admits(host))
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    fn verdict(bind: &str, allowed: &[&str], host: &str) -> Result<(), Failure> {
        let (config, _) = origin_config::load(findings::Document::empty());
        let mut config = config.expect("the defaults are valid");
        config.bind = vec![bind.parse().expect("an address")];
        config.allowed_hosts = allowed
            .iter()
            .map(|entry| entry.parse().expect("an entry"))
            .collect();
        check(&config, &Named::Host(host.parse().expect("a host")))
    }

    #[test]
    fn loopback_is_always_answered_and_a_foreign_name_never() {
        for bind in ["127.0.0.1:8000", "unix:/o.sock", "0.0.0.0:80"] {
            for host in ["localhost:8000", "127.0.0.1", "[::1]:1"] {
                assert!(verdict(bind, &[], host).is_ok(), "{bind} {host}");
            }
            let refused = verdict(bind, &["a.example"], "evil.test:8000").expect_err("foreign");
            assert_eq!(refused.status(), StatusCode::MISDIRECTED_REQUEST);
        }
    }

    #[test]
    fn a_refusal_names_the_host_and_the_key() {
        let refused = verdict("127.0.0.1:1", &[], "evil.test:8000").expect_err("foreign");
        for word in ["`evil.test:8000`", "`allowed_hosts`"] {
            assert!(refused.message().contains(word), "{refused:?}");
        }
    }

    #[test]
    fn a_listed_name_is_answered() {
        assert!(verdict("unix:/o.sock", &["a.example"], "a.example:8443").is_ok());
        assert!(verdict("unix:/o.sock", &["*.a.example"], "b.a.example").is_ok());
        assert!(verdict("unix:/o.sock", &["*"], "any.test").is_ok());
    }

    #[test]
    fn an_address_is_answered_where_it_can_be_reached() {
        assert!(verdict("10.0.0.5:80", &[], "10.0.0.5").is_ok());
        assert!(verdict("0.0.0.0:80", &[], "10.0.0.5").is_ok());
        assert!(verdict("127.0.0.1:80", &[], "10.0.0.5").is_err());
        assert!(verdict("unix:/o.sock", &[], "10.0.0.5").is_err());
    }

    #[test]
    fn a_host_that_is_none_is_a_400() {
        let (config, _) = origin_config::load(findings::Document::empty());
        let config = config.expect("the defaults are valid");
        let refused = check(&config, &Named::Malformed("two")).expect_err("no host");
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
        assert!(check(&config, &Named::Nobody).is_ok());
    }
}
