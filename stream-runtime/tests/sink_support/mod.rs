//! A result row and the calls that an engine makes, for the tests of the sinks.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::sync::{Arc, Mutex};

use stream_runtime::Result;
use stream_runtime::format::{TextRow, csv::Record};
use stream_runtime::plan::Mode;
use stream_runtime::schema::{Arena, Field, RowError, Schema};
use stream_runtime::sink::{Sink, SinkBatch, SinkContext};
use stream_runtime::time::Timestamp;
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stat {
    pub(crate) page: String,
    pub(crate) views: u64,
    pub(crate) mean: Option<f64>,
}

pub(crate) fn stat(page: &str, views: u64, mean: Option<f64>) -> Stat {
    Stat { page: page.to_owned(), views, mean }
}

impl Schema for Stat {
    type View<'a> = (&'a str, u64, Option<f64>);
    const NAME: &'static str = "Stat";
    const FIELDS: &'static [Field] = &[
        Field { name: "page", type_name: "String", nullable: false },
        Field { name: "views", type_name: "u64", nullable: false },
        Field { name: "mean", type_name: "Option<f64>", nullable: true },
    ];

    fn view(&self) -> Self::View<'_> {
        (&self.page, self.views, self.mean)
    }

    fn from_view((page, views, mean): Self::View<'_>) -> Self {
        stat(page, views, mean)
    }

    fn decode_json<'a, const C: u128>(_: &'a str, _: &'a Arena) -> Result<Self::View<'a>, RowError> {
        Err(RowError::new("a result row isn't read"))
    }

    fn decode_csv<'a, const C: u128>(_: Record<'a>, _: &'a Arena) -> Result<Self::View<'a>, RowError> {
        Err(RowError::new("a result row isn't read"))
    }

    fn encode_json(&self, out: &mut Vec<u8>) {
        let row = serde_json::json!({"page": self.page, "views": self.views, "mean": self.mean});
        serde_json::to_writer(out, &row).expect("a vector takes everything");
    }

    fn encode_text(&self, columns: &mut TextRow) {
        columns.cells.push(Some(self.page.clone()));
        columns.cells.push(Some(self.views.to_string()));
        columns.cells.push(self.mean.map(|mean| mean.to_string()));
    }
}

pub(crate) fn context(query_id: u128, mode: Mode) -> SinkContext {
    SinkContext { query_id: Uuid::from_u128(query_id), query_name: "PageStats".to_owned(), mode }
}

pub(crate) fn batch(id: u64, mode: Mode, rows: &[Stat]) -> SinkBatch<'_, Stat> {
    SinkBatch { id, mode, rows, watermark: Some(Timestamp::from_secs(600)) }
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
