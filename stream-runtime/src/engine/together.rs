//! Waiting for several sources at once.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use crate::error::Result;

type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Waits for all of them, and gives what they answer in their order.
///
/// # Errors
/// The first error in that order, once all have answered: none is left half done.
pub(super) async fn all<'a, T>(pending: impl IntoIterator<Item = Pending<'a, Result<T>>>) -> Result<Vec<T>> {
    let mut pending: Vec<_> = pending.into_iter().collect();
    let mut answers: Vec<Option<Result<T>>> = pending.iter().map(|_| None).collect();
    poll_fn(|context| {
        let mut done = true;
        for (future, answer) in pending.iter_mut().zip(&mut answers) {
            if answer.is_none() {
                match future.as_mut().poll(context) {
                    Poll::Ready(ready) => *answer = Some(ready),
                    Poll::Pending => done = false,
                }
            }
        }
        if done { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    answers.into_iter().flatten().collect()
}

/// Waits for the first of them that ends.
pub(super) async fn any<'a>(pending: impl IntoIterator<Item = Pending<'a, ()>>) {
    let mut pending: Vec<_> = pending.into_iter().collect();
    poll_fn(|context| {
        // All are polled, so that each of them will wake the task.
        let mut ended = Poll::Pending;
        for future in &mut pending {
            if future.as_mut().poll(context).is_ready() {
                ended = Poll::Ready(());
            }
        }
        ended
    })
    .await;
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Notify;

    use super::*;
    use crate::error::Error;

    #[tokio::test]
    async fn all_are_under_way_at_once_and_answer_in_their_order() {
        let (first, second) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (wait, wake) = (Arc::clone(&first), Arc::clone(&second));
        // The first can only end once the second has begun, and the second once the first has.
        let futures: [Pending<'_, Result<u8>>; 2] = [
            Box::pin(async move {
                wake.notify_one();
                wait.notified().await;
                Ok(1)
            }),
            Box::pin(async move {
                first.notify_one();
                second.notified().await;
                Ok(2)
            }),
        ];
        assert_eq!(all(futures).await.unwrap(), [1, 2]);
    }

    #[tokio::test]
    async fn the_first_error_in_order_is_the_answer() {
        let fail = |text: &str| {
            let error = Error::Other(text.to_owned().into());
            Box::pin(std::future::ready(Err(error))) as Pending<'_, Result<()>>
        };
        let error = all([Box::pin(std::future::ready(Ok(()))) as _, fail("one"), fail("two")]).await;
        assert!(error.unwrap_err().to_string().contains("one"));
    }

    #[tokio::test]
    async fn any_ends_with_the_first_that_does() {
        let never = || Box::pin(std::future::pending()) as Pending<'_, ()>;
        any([never(), Box::pin(std::future::ready(())), never()]).await;
    }
}
