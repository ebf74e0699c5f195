//! From a target to bytes that flow: addresses, sockets, TLS, QUIC.

pub(crate) mod quic;
pub(crate) mod socket;
pub(crate) mod tcp;
mod trust;

pub(crate) use trust::read_roots;

use std::{future::Future, io, net::SocketAddr, path::Path, time::Duration};

use rustls::pki_types::ServerName;
use tokio::task::JoinSet;

use crate::{Connect, ProbeError, Stage, Target, Version, wait::Limit};

/// The Connection Attempt Delay that RFC 8305, section 5, recommends.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Where a target is.
enum Way<'a> {
    Addresses(Vec<SocketAddr>),
    Unix(&'a Path),
}

async fn way(target: &Target, limit: Limit) -> Result<Way<'_>, ProbeError> {
    match &target.connect {
        Connect::Address(address) => Ok(Way::Addresses(vec![*address])),
        Connect::Unix(path) => Ok(Way::Unix(path)),
        Connect::Resolve => {
            let found = limit
                .try_on(
                    Stage::Resolve,
                    tokio::net::lookup_host((target.host.as_str(), target.port)),
                )
                .await?;
            Ok(Way::Addresses(found.collect()))
        }
    }
}

/// The first attempt that succeeds: each address is tried a little after the one before it, or as soon as an attempt
/// has failed. With no success, the last failure.
async fn race<T, A, F>(
    version: Version,
    addresses: Vec<SocketAddr>,
    attempt: A,
) -> Result<T, ProbeError>
where
    T: Send + 'static,
    A: Fn(SocketAddr) -> F,
    F: Future<Output = Result<T, ProbeError>> + Send + 'static,
{
    let mut last = ProbeError::failed(
        version,
        Stage::Resolve,
        io::Error::new(io::ErrorKind::NotFound, "the host has no address"),
    );
    let mut waiting = addresses.into_iter();
    let mut running = JoinSet::new();
    loop {
        let more = waiting.next().map(|address| {
            running.spawn(attempt(address));
        });
        let ended = match more {
            Some(()) => tokio::time::timeout(ATTEMPT_DELAY, running.join_next()).await,
            None => Ok(running.join_next().await),
        };
        match ended {
            Err(_) => {}
            Ok(Some(Ok(Ok(won)))) => return Ok(won),
            Ok(Some(Ok(Err(error)))) => last = error,
            Ok(Some(Err(error))) => last = ProbeError::failed(version, Stage::Connect, error),
            Ok(None) => return Err(last),
        }
    }
}

fn server_name(target: &Target) -> Result<ServerName<'static>, ProbeError> {
    ServerName::try_from(target.host.clone()).map_err(|_| ProbeError::Url {
        url: target.host.clone(),
        reason: "the host is neither a DNS name nor an address",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses() -> Vec<SocketAddr> {
        vec![([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 2).into()]
    }

    fn failure(port: u16) -> Result<u16, ProbeError> {
        Err(ProbeError::failed(
            Version::Http1,
            Stage::Connect,
            format!("port {port}"),
        ))
    }

    #[tokio::test]
    async fn a_failed_attempt_is_followed_by_the_next_address() {
        let won = race(Version::Http1, addresses(), |address| async move {
            match address.port() {
                1 => failure(1),
                port => Ok(port),
            }
        });
        assert_eq!(won.await.unwrap(), 2);
    }

    #[tokio::test]
    async fn a_silent_address_does_not_keep_the_next_one_waiting() {
        let won = race(Version::Http1, addresses(), |address| async move {
            if address.port() == 1 {
                std::future::pending::<()>().await;
            }
            Ok(address.port())
        });
        assert_eq!(won.await.unwrap(), 2);
    }

    #[tokio::test]
    async fn the_last_failure_is_told() {
        let lost = race(Version::Http1, addresses(), |address| async move {
            failure(address.port())
        });
        let error = lost.await.unwrap_err();
        assert_eq!(
            std::error::Error::source(&error).unwrap().to_string(),
            "port 2"
        );
    }
}
