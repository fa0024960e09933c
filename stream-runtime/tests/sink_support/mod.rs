//! A result row and the calls that an engine makes, for the tests of the sinks.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::sync::{Arc, Mutex};

use stream_runtime::Result;
use stream_runtime::plan::Mode;
use stream_runtime::prelude::*;
use stream_runtime::sink::{Sink, SinkBatch, SinkContext};
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Schema)]
pub(crate) struct Stat {
    pub(crate) page: String,
    pub(crate) views: u64,
    pub(crate) mean: Option<f64>,
}

pub(crate) fn stat(page: &str, views: u64, mean: Option<f64>) -> Stat {
    Stat { page: page.to_owned(), views, mean }
}

pub(crate) fn context(query_id: u128, mode: Mode) -> SinkContext {
    SinkContext {
        query_id: Uuid::from_u128(query_id),
        query_name: "PageStats".to_owned(),
        mode,
        first_batch: 0,
        first_is_replay: false,
    }
}

pub(crate) fn batch(id: u64, mode: Mode, rows: &[Stat]) -> SinkBatch<'_, Stat> {
    SinkBatch { id, mode, rows, removed: &[], watermark: Some(Timestamp::from_secs(600)) }
}

pub(crate) async fn append(sink: &mut impl Sink<Stat>, id: u64, rows: &[Stat]) -> Result<()> {
    sink.commit(batch(id, Mode::Append, rows)).await
}

/// A writer whose text the test reads.
#[derive(Clone, Default)]
pub(crate) struct Output(Arc<Mutex<Vec<u8>>>);

impl Output {
    pub(crate) fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut self.0.lock().unwrap())).unwrap()
    }
}

impl std::io::Write for Output {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
