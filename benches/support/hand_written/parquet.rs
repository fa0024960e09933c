//! Over Parquet files with arrow's reader: the columns that the case needs, a slice each, and a loop over their rows.

use std::fs::File;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, TimestampMicrosecondType};
use arrow_array::{RecordBatch, StringArray};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use stream_runtime::prelude::*;

use super::super::input::EventView;
use super::{Case, W1, W3};

/// Rows of a batch of columns.
pub(crate) trait OverColumns: Case {
    /// The columns that it reads.
    const COLUMNS: &'static [&'static str];

    /// Takes in the rows.
    fn rows(&mut self, batch: &RecordBatch);
}

fn event<'a>() -> EventView<'a> {
    EventView { user_id: "", page: "", action: "", amount: 0.0, event_id: 0, ts: Timestamp::UNIX_EPOCH }
}

fn text<'a>(batch: &'a RecordBatch, name: &str) -> &'a StringArray {
    batch.column_by_name(name).expect("the column").as_string()
}

fn times(batch: &RecordBatch) -> &[i64] {
    batch.column_by_name("ts").expect("the column").as_primitive::<TimestampMicrosecondType>().values()
}

impl OverColumns for W1 {
    const COLUMNS: &'static [&'static str] = &["action", "amount", "ts"];

    fn rows(&mut self, batch: &RecordBatch) {
        let actions = text(batch, "action");
        let amounts = batch.column_by_name("amount").expect("the column").as_primitive::<Float64Type>();
        let (amounts, times) = (amounts.values(), times(batch));
        for row in 0..batch.num_rows() {
            let ts = Timestamp::from_micros(times[row]);
            self.row(EventView { action: actions.value(row), amount: amounts[row], ts, ..event() });
        }
    }
}

impl OverColumns for W3 {
    const COLUMNS: &'static [&'static str] = &["page", "action", "ts"];

    fn rows(&mut self, batch: &RecordBatch) {
        let (pages, actions, times) = (text(batch, "page"), text(batch, "action"), times(batch));
        for (row, &ts) in times.iter().enumerate() {
            let ts = Timestamp::from_micros(ts);
            self.row(EventView { page: pages.value(row), action: actions.value(row), ts, ..event() });
        }
    }
}

/// Over files, one a batch; gives the number of result rows.
pub(crate) fn over_parquet<C: OverColumns>(files: &[impl AsRef<Path>]) -> usize {
    let mut case = C::default();
    let mut results = 0;
    for file in files {
        let file = File::open(file).expect("the input is there");
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).expect("the input is Parquet");
        let mask = ProjectionMask::columns(builder.parquet_schema(), C::COLUMNS.iter().copied());
        let reader = builder.with_projection(mask).with_batch_size(8192).build().expect("a reader");
        for batch in reader {
            case.rows(&batch.expect("the input is well-formed"));
        }
        results += case.end_batch();
    }
    results + case.end_batch()
}
