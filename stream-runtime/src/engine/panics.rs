//! Panics of the service's own code become errors: sources, sinks, listeners and a query's expressions all run inside
//! the engine, and a task that unwinds would leave everyone waiting for the query's end.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use crate::error::{Error, Result};

/// Runs `work`; a panic inside ends it with [`Error::Panic`]. What it worked on may be half done then, and is good for
/// nothing but being closed and dropped.
pub(super) async fn caught<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let mut work = pin!(work);
    std::future::poll_fn(|context| {
        catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)))
            .unwrap_or_else(|panic| Poll::Ready(Err(error(panic.as_ref()))))
    })
    .await
}

/// The error for what [`catch_unwind`] has caught.
pub(super) fn error(panic: &(dyn Any + Send)) -> Error {
    let message = panic
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    Error::Panic { message }
}
