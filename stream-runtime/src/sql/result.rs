//! [`SqlResult`]: what a statement has answered.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use arrow_array::{Array as _, RecordBatch};
use arrow_buffer::{Buffer, NullBuffer};
use arrow_schema::{ArrowError, SchemaRef};
use datafusion::arrow::array::ArrayData;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool};
use futures_util::TryStreamExt as _;

use super::problem::problem;
use crate::error::{Error, Result};
use crate::format::columns::{Differences, arrow};
use crate::format::{Arena, TextRow, table};
use crate::schema::Schema;

/// How many rows are printed where nothing says how many.
const SHOWN: usize = 20;

/// The answer to a statement: [typed rows](Self::rows), [Arrow's record batches](Self::batches), or a table to look at.
///
/// As text it is a table of the first 20 rows, as Spark's `show()` prints it, no wider than 120 columns: `{result:80}` is one of at most 80
/// columns, `{result:.5}` one of 5 rows.
///
/// ```text
/// ┌───────┬───────┐
/// │ page  ┆ views │
/// ╞═══════╪═══════╡
/// │ /     ┆     2 │
/// │ /help ┆     1 │
/// └───────┴───────┘
/// ```
#[derive(Clone, Debug)]
pub struct SqlResult {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl SqlResult {
    /// Takes the whole answer, which may have so many rows, and as much memory as the pool has.
    pub(super) async fn collect(
        mut stream: SendableRecordBatchStream,
        most: usize,
        pool: &Arc<dyn MemoryPool>,
    ) -> Result<Self> {
        let schema = stream.schema();
        let (mut rows, mut batches) = (0, Vec::new());
        let memory = MemoryConsumer::new("the answer").register(pool);
        let mut counted = HashSet::new();
        while let Some(batch) = stream.try_next().await.map_err(|error| problem(&error))? {
            rows += batch.num_rows();
            if rows > most {
                return Err(Error::Sql {
                    message: format!(
                        "the answer has more than {most} rows: ask for fewer by `LIMIT`, or allow more by `SqlSession::max_rows`"
                    ),
                });
            }
            let bytes = batch.columns().iter().map(|column| bytes(&column.to_data(), &mut counted)).sum();
            memory.try_grow(bytes).map_err(|error| problem(&error))?;
            batches.push(batch);
        }
        Ok(Self { schema, batches })
    }

    /// The rows as structs: each column of `R` out of the result's column of that name.
    ///
    /// Numbers may be of another type, as long as each of them fits; further columns of the result are left out. A column of `R` may be missing
    /// only if it has a default.
    ///
    /// ```
    /// # use stream_runtime::prelude::*;
    /// # #[derive(Schema)]
    /// # struct Views { page: String, views: u64 }
    /// #[derive(Debug, PartialEq, Schema)]
    /// struct Summary {
    ///     pages: u64,
    ///     views: Option<u64>,
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> stream_runtime::Result<()> {
    /// # let (views, _sink) = TableSink::by(|row: &Views| row.page.clone());
    /// # let sql = SqlSession::new().table("views", &views)?;
    /// let result = sql.query("SELECT count(*) AS pages, sum(views) AS views FROM views").await?;
    /// assert_eq!(result.rows::<Summary>()?, [Summary { pages: 0, views: None }]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The columns don't fit `R`: all that differ are in the error. Or two columns have the name of one of `R`'s. Or a row doesn't: a null where `R` has none, a number that is too large.
    pub fn rows<R: Schema>(&self) -> Result<Vec<R>> {
        for field in R::FIELDS {
            if self.schema.fields().iter().filter(|column| column.name() == field.name).nth(1).is_some() {
                let message = format!("the result has two columns `{}`: name them by `AS`", field.name);
                return Err(Error::Sql { message });
            }
        }
        // Without rows the columns have to fit all the same.
        read::<R>(&RecordBatch::new_empty(SchemaRef::clone(&self.schema)), 0, &mut Vec::new())?;
        let mut rows = Vec::with_capacity(self.len());
        for batch in &self.batches {
            let first = rows.len();
            read::<R>(batch, first, &mut rows)?;
        }
        Ok(rows)
    }

    /// The rows as Arrow's record batches; none, if there are no rows.
    pub fn batches(&self) -> &[RecordBatch] {
        &self.batches
    }

    /// The columns: their names and Arrow's types.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// How many bytes an array takes beside those that are counted: batches are often slices of the same buffers, which are known by their addresses.
fn bytes(data: &ArrayData, counted: &mut HashSet<usize>) -> usize {
    let buffers = data.buffers().iter().chain(data.nulls().map(NullBuffer::buffer));
    let own: usize =
        buffers.filter(|buffer| counted.insert(buffer.data_ptr().addr().get())).map(Buffer::capacity).sum();
    own + data.child_data().iter().map(|child| bytes(child, counted)).sum::<usize>()
}

/// Reads the rows of a batch, before which there are `first` others.
fn read<R: Schema>(batch: &RecordBatch, first: usize, rows: &mut Vec<R>) -> Result<()> {
    const ALL: u128 = u128::MAX;
    let arena = Arena::default();
    let fields = arrow::fields(batch, arrow::Decimals::Whole);
    let mut differences = Differences::of_result();
    let bound = R::bind_columns::<ALL>(&fields, &mut differences);
    if !differences.is_empty() {
        return Err(Error::Sql {
            message: format!(
                "the result's columns don't fit `{}`: {differences}; correct the statement or the row type",
                R::NAME
            ),
        });
    }
    for index in 0..batch.num_rows() {
        let row = R::read_columns::<ALL>(&bound, index, &arena).map_err(|error| Error::Sql {
            message: format!("row {} of the result doesn't fit `{}`: {error}", first + index + 1, R::NAME),
        })?;
        rows.push(R::from_view(row));
    }
    Ok(())
}

impl fmt::Display for SqlResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = f.precision().unwrap_or(SHOWN);
        let width = f.width().map_or(table::WIDTH, |width| u16::try_from(width).unwrap_or(u16::MAX));
        let headings: Vec<_> = self
            .schema
            .fields()
            .iter()
            .map(|field| table::Heading::new(field.name(), field.data_type().is_numeric()))
            .collect();
        let mut shown = Vec::new();
        for batch in &self.batches {
            let rows = batch.num_rows().min(most - shown.len());
            push_cells(&batch.slice(0, rows), &mut shown);
        }
        let mut text = String::new();
        table::render(&headings, &shown, width, true, &mut text);
        table::push_rest(self.len(), shown.len(), &mut text);
        f.write_str(text.trim_end_matches('\n'))
    }
}

fn push_cells(batch: &RecordBatch, rows: &mut Vec<TextRow>) {
    // A value that can't be shown is its error, and so is each value of a column none of which can.
    let options = FormatOptions::default().with_display_error(true).with_null("NULL");
    let columns = batch.columns().iter().map(|column| ArrayFormatter::try_new(column.as_ref(), &options));
    let columns: Vec<_> = columns.collect();
    let cell = |column: &Result<ArrayFormatter<'_>, ArrowError>, row| match column {
        Ok(values) => values.value(row).to_string(),
        Err(error) => format!("ERROR: {error}"),
    };
    rows.extend(
        (0..batch.num_rows())
            .map(|row| TextRow { cells: columns.iter().map(|column| Some(cell(column, row))).collect() }),
    );
}
