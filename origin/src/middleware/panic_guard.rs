//! A panic ends one request.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

use crate::envelope::{Code, Failure};

/// Runs `work`; a panic in it becomes a 500.
///
/// What a panicking request leaves behind is only its own: shared state is behind locks that survive poisoning.
pub async fn catch<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    AssertUnwindSafe(work)
        .catch_unwind()
        .await
        .map_err(|panic| {
            tracing::error!(reason = reason(panic.as_ref()), "a request panicked");
            Failure::new(Code::InternalError, "the origin failed on this request")
        })
}

/// What the panic said; shown in the log and never to the client.
pub fn reason(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no reason given")
}
