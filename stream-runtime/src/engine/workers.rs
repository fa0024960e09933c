//! [`WorkerPool`]: the threads that do row work, so that no tokio thread ever does.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;

use tokio::sync::oneshot;

use crate::error::{Error, Result};

use super::panics;

type Job = Box<dyn FnOnce() + Send>;

/// A fixed number of threads of one query. Dropping the pool ends them after their current job.
#[derive(Debug)]
pub(crate) struct WorkerPool {
    threads: Vec<mpsc::Sender<Job>>,
}

impl WorkerPool {
    /// Starts `count` threads named after the query.
    pub(crate) fn new(query: &str, count: usize) -> Result<Self> {
        let threads = (0..count.max(1))
            .map(|index| {
                let (jobs, queue) = mpsc::channel::<Job>();
                std::thread::Builder::new()
                    .name(format!("{query}-{index}"))
                    .spawn(move || {
                        for job in queue {
                            job();
                        }
                    })
                    .map(|_| jobs)
                    .map_err(|error| Error::Other(format!("starting a worker thread failed: {error}").into()))
            })
            .collect::<Result<_>>()?;
        Ok(Self { threads })
    }

    /// The number of threads.
    pub(crate) fn len(&self) -> usize {
        self.threads.len()
    }

    /// Runs each task on a thread of its own (the first on the first, and so on) and waits for all of them.
    ///
    /// # Errors
    /// [`Error::Panic`] if a task panics: the service's own expressions run inside.
    pub(crate) async fn run<T, F>(&self, tasks: impl IntoIterator<Item = F>) -> Result<Vec<T>>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let mut waiting = Vec::new();
        for (index, task) in tasks.into_iter().enumerate() {
            let (answer, answered) = oneshot::channel();
            let job: Job = Box::new(move || {
                let result =
                    catch_unwind(AssertUnwindSafe(task)).map_err(|panic| panics::error(panic.as_ref()));
                // Nobody waits any more if the query was dropped meanwhile.
                let _ = answer.send(result);
            });
            if self.threads[index % self.threads.len()].send(job).is_err() {
                return Err(Error::Other("a worker thread is gone".into()));
            }
            waiting.push(answered);
        }
        let mut results = Vec::with_capacity(waiting.len());
        for answered in waiting {
            results.push(answered.await.map_err(|_| Error::Other("a worker thread is gone".into()))??);
        }
        Ok(results)
    }

    /// Runs one task on the first thread.
    pub(crate) async fn run_one<T, F>(&self, task: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let mut results = self.run([task]).await?;
        results.pop().ok_or_else(|| Error::Other("a worker thread is gone".into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error_and_the_thread_lives_on() {
        let pool = WorkerPool::new("test", 2).unwrap();
        let error = pool.run_one(|| panic!("row {}", 7)).await.map(|(): ()| ()).unwrap_err();
        assert!(matches!(error, Error::Panic { message } if message == "row 7"));
        assert_eq!(pool.run([|| 1, || 2]).await.unwrap(), [1, 2]);
    }
}
