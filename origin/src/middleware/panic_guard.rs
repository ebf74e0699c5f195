//! A panic ends one request.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};

use futures_util::{FutureExt, TryFutureExt};

use crate::envelope::{Code, Failure};

/// Waits for `work`; a panic in it becomes a 500.
///
/// What a panicking request leaves behind is only its own: shared state is behind locks that survive poisoning.
pub fn catch<T>(work: impl Future<Output = T>) -> impl Future<Output = Result<T, Failure>> {
    let work = AssertUnwindSafe(work).catch_unwind();
    work.map_err(|panic| failure(panic.as_ref()))
}

/// Does `work`; a panic in it becomes a 500 as with [`catch`].
pub fn run<T>(work: impl FnOnce() -> T) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| failure(panic.as_ref()))
}

fn failure(panic: &(dyn Any + Send)) -> Failure {
    tracing::error!(reason = reason(panic), "a request panicked");
    Failure::new(Code::InternalError, "the origin failed on this request")
}

/// What the panic said; shown in the log and never to the client.
pub fn reason(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no reason given")
}
