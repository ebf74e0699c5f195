//! The probe's questions, boxed: the state of a connection attempt over three versions is some 16 KiB, and dozens of them are
//! under way at once.

use std::future::Future;
use std::pin::Pin;

use probe::{Answer, Ask, ProbeError, Stream, Target, Timing, Version};

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// As [`probe::fetch`].
pub(crate) fn fetch(
    target: &Target,
    version: Version,
    ask: Ask,
) -> Boxed<'_, Result<Answer, ProbeError>> {
    Box::pin(probe::fetch(target, version, ask))
}

/// As [`probe::open`].
pub(crate) fn open(
    target: &Target,
    version: Version,
    ask: Ask,
) -> Boxed<'_, Result<Stream, ProbeError>> {
    Box::pin(probe::open(target, version, ask))
}

/// As [`probe::handshakes`].
pub(crate) fn handshakes(
    target: &Target,
    version: Version,
    count: usize,
) -> Boxed<'_, Vec<Result<Timing, ProbeError>>> {
    Box::pin(probe::handshakes(target, version, count))
}
