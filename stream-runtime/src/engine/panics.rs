//! Panics of the service's own code (expressions, sources, sinks, listeners) as errors: a query that stops has to
//! say so, or whoever waits for its end waits for ever.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use crate::error::{Error, Result};

/// A panic as an error.
pub(super) fn panicked(panic: &(dyn Any + Send)) -> Error {
    let message = panic
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    Error::Panic { message }
}

/// Does `work`.
///
/// # Errors
/// [`Error::Panic`]. As with [`guarded`], what it was working on may be half done then.
pub(super) fn catch<T>(work: impl FnOnce() -> T) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| panicked(panic.as_ref()))
}

/// Awaits `work`.
///
/// # Errors
/// What `work` answers, or [`Error::Panic`]. What it was working on may be half done then, and isn't to be used for
/// another batch.
pub(super) async fn guarded<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let mut work = pin!(work);
    std::future::poll_fn(|context| {
        catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)))
            .unwrap_or_else(|panic| Poll::Ready(Err(panicked(panic.as_ref()))))
    })
    .await
}
