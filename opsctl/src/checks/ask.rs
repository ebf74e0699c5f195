//! The probe's questions, boxed: the state of a connection attempt over three versions is some 16 KiB, and dozens of them are
//! under way at once.

use std::future::Future;
use std::pin::Pin;

use probe::{Answer, Ask, ProbeError, Stage, Stream, Target, Timing, Version};

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How often a QUIC handshake that nobody answered is begun anew. Whether handshakes are lost is for the check `http3`, which
/// makes many and begins none again; the others ask for something else, and a worker of an older configuration that drops
/// their packets must not answer in its place.
const HANDSHAKES: usize = 5;

async fn patient<'t, T>(
    mut ask: impl FnMut() -> Boxed<'t, Result<T, ProbeError>>,
) -> Result<T, ProbeError> {
    for _ in 1..HANDSHAKES {
        match ask().await {
            Err(ProbeError::Timeout {
                stage: Stage::Quic, ..
            }) => {}
            answered => return answered,
        }
    }
    ask().await
}

/// As [`probe::fetch`], once: a version that nobody serves is found out soon.
pub(crate) fn fetch_once(
    target: &Target,
    version: Version,
    ask: Ask,
) -> Boxed<'_, Result<Answer, ProbeError>> {
    Box::pin(probe::fetch(target, version, ask))
}

/// As [`probe::fetch`].
pub(crate) fn fetch(
    target: &Target,
    version: Version,
    ask: Ask,
) -> Boxed<'_, Result<Answer, ProbeError>> {
    Box::pin(patient(move || {
        Box::pin(probe::fetch(target, version, ask.clone()))
    }))
}

/// As [`probe::open`].
pub(crate) fn open(
    target: &Target,
    version: Version,
    ask: Ask,
) -> Boxed<'_, Result<Stream, ProbeError>> {
    Box::pin(patient(move || {
        Box::pin(probe::open(target, version, ask.clone()))
    }))
}

/// As [`probe::handshakes`].
pub(crate) fn handshakes(
    target: &Target,
    version: Version,
    count: usize,
) -> Boxed<'_, Vec<Result<Timing, ProbeError>>> {
    Box::pin(probe::handshakes(target, version, count))
}
