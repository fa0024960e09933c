//! The order in which a service's own writer is called.

mod sink_support;

use std::sync::{Arc, Mutex};

use sink_support::{Stat, append, stat};
use stream_runtime::Error;
use stream_runtime::error::BoxError;
use stream_runtime::sink::{ForeachSink, ForeachWriter};

#[derive(Clone, Default)]
struct Calls(Arc<Mutex<Vec<String>>>);

impl Calls {
    fn push(&self, call: impl Into<String>) {
        self.0.lock().unwrap().push(call.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

struct Writer {
    calls: Calls,
    skip: u64,
    fail_on: &'static str,
}

impl ForeachWriter<Stat> for Writer {
    async fn open(&mut self, batch_id: u64) -> Result<bool, BoxError> {
        self.calls.push(format!("open {batch_id}"));
        if self.fail_on == "open" {
            return Err("no connection".into());
        }
        Ok(batch_id != self.skip)
    }

    async fn process(&mut self, row: &Stat) -> Result<(), BoxError> {
        self.calls.push(row.page.clone());
        if row.page == self.fail_on { Err("row refused".into()) } else { Ok(()) }
    }

    async fn close(&mut self, error: Option<&Error>) -> Result<(), BoxError> {
        self.calls.push(format!("close {error:?}"));
        if self.fail_on == "close" { Err("not closed".into()) } else { Ok(()) }
    }
}

fn sink(calls: &Calls, fail_on: &'static str) -> ForeachSink<Writer> {
    ForeachSink::writer(Writer { calls: calls.clone(), skip: 7, fail_on })
}

fn rows() -> [Stat; 3] {
    [stat("a", 1, None), stat("b", 2, None), stat("c", 3, None)]
}

#[tokio::test]
async fn each_batch_is_opened_processed_and_closed() {
    let calls = Calls::default();
    append(&mut sink(&calls, ""), 0, &rows()).await.unwrap();
    assert_eq!(calls.take(), ["open 0", "a", "b", "c", "close None"]);
    append(&mut sink(&calls, ""), 1, &[]).await.unwrap();
    assert_eq!(calls.take(), ["open 1", "close None"]);
}

#[tokio::test]
async fn a_batch_that_open_refuses_is_skipped_and_closed() {
    let calls = Calls::default();
    append(&mut sink(&calls, ""), 7, &rows()).await.unwrap();
    assert_eq!(calls.take(), ["open 7", "close None"]);
}

#[tokio::test]
async fn a_failed_row_ends_the_batch_and_close_learns_why() {
    let calls = Calls::default();
    let error = append(&mut sink(&calls, "b"), 0, &rows()).await.unwrap_err();
    assert_eq!(error.to_string(), "row refused");
    assert_eq!(calls.take(), ["open 0", "a", "b", r#"close Some(Other("row refused"))"#]);
}

#[tokio::test]
async fn a_failed_open_is_not_closed_and_a_failed_close_fails_the_batch() {
    let calls = Calls::default();
    let error = append(&mut sink(&calls, "open"), 0, &rows()).await.unwrap_err();
    assert_eq!(error.to_string(), "no connection");
    assert_eq!(calls.take(), ["open 0"]);
    let error = append(&mut sink(&calls, "close"), 0, &rows()).await.unwrap_err();
    assert_eq!(error.to_string(), "not closed");
}

#[tokio::test]
async fn a_function_is_called_with_each_row() {
    let calls = Calls::default();
    let mut sink = ForeachSink::new({
        let calls = calls.clone();
        move |row: &Stat| {
            calls.push(&*row.page);
            if row.page == "b" { Err("row refused".into()) } else { Ok(()) }
        }
    });
    assert_eq!(append(&mut sink, 0, &rows()).await.unwrap_err().to_string(), "row refused");
    assert_eq!(calls.take(), ["a", "b"]);
}
