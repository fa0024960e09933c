//! Blocking calls from a sink's asynchronous methods.

use crate::error::{Error, Result};

/// Runs `work` on a thread that may block. Once begun it runs to its end, even if the caller no longer waits.
///
/// A panic goes on in the caller.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Error::Other("the tokio runtime shut down while the query was writing".into())),
        },
    }
}
