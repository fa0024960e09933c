//! [`Frozen`]: rows that stay as they are, as a table of DataFusion.
//!
//! A scan is a task that walks through the rows and makes arrays of them as they are taken. It owns what it walks through, so a
//! snapshot lives as long as the statement that reads it.

use std::fmt;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::{DataFusionError, Result as ScanResult};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};

use super::table::Rows;
use crate::error::{Error, Result};
use crate::format::ColumnError;
use crate::format::columns::arrays::{self, Form};
use crate::schema::{ColumnSet, Schema};

/// How many rows are made arrays at once.
const CHUNK: usize = 8192;
/// How many batches wait to be taken.
const AHEAD: usize = 2;

const FORM: Form = Form { table: "a table of SQL", batch: "an array of Arrow", wide_integers: true };

/// A table as it was at one commit.
pub(super) struct Frozen<T> {
    rows: Arc<T>,
    schema: SchemaRef,
}

impl<T: Rows> Frozen<T> {
    pub(super) fn new(rows: T) -> Result<Self> {
        let nothing = arrays::record_batch::<T::Row, _>(std::iter::empty(), Some(0), 0, FORM);
        let schema = nothing.map_err(|error| Error::Sql { message: cannot_hold::<T::Row>(&error) })?.schema();
        Ok(Self { rows: Arc::new(rows), schema })
    }
}

#[async_trait]
impl<T: Rows> TableProvider for Frozen<T> {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> ScanResult<Arc<dyn ExecutionPlan>> {
        let all = || (0..self.schema.fields().len()).collect();
        let columns = projection.cloned().unwrap_or_else(all);
        let schema = Arc::new(self.schema.project(&columns)?);
        let part = Arc::new(Part { rows: Arc::clone(&self.rows), schema: Arc::clone(&schema), columns });
        Ok(Arc::new(StreamingTableExec::try_new(schema, vec![part], None, None, false, limit)?))
    }
}

/// All rows of a table, some of its columns.
struct Part<T> {
    rows: Arc<T>,
    schema: SchemaRef,
    /// The columns by their place in the row type, in the order in which they are wanted.
    columns: Vec<usize>,
}

impl<T: Rows> PartitionStream for Part<T> {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut stream = RecordBatchReceiverStream::builder(Arc::clone(&self.schema), AHEAD);
        let (batches, rows, columns) = (stream.tx(), Arc::clone(&self.rows), self.columns.clone());
        stream.spawn(async move {
            let mut rows = rows.rows();
            loop {
                let chunk: Vec<_> = rows.by_ref().take(CHUNK).collect();
                if chunk.is_empty() {
                    return Ok(());
                }
                let batch = record_batch(&chunk, &columns)?;
                if batches.send(Ok(batch)).await.is_err() {
                    // Nobody wants the others.
                    return Ok(());
                }
                tokio::task::yield_now().await;
            }
        });
        stream.build()
    }
}

fn record_batch<R: Schema>(rows: &[&R], columns: &[usize]) -> ScanResult<RecordBatch> {
    let wanted = columns.iter().fold(0, |set: ColumnSet, column| set | 1 << column);
    let views = rows.iter().map(|row| Some(row.view()));
    let batch = arrays::record_batch::<R, _>(views, Some(rows.len()), !wanted, FORM)
        .map_err(|error| DataFusionError::Execution(cannot_hold::<R>(&error)))?;
    // The columns are there in declared order.
    let order: Vec<_> =
        columns.iter().map(|column| columns.iter().filter(|other| *other < column).count()).collect();
    Ok(batch.project(&order)?)
}

fn cannot_hold<R: Schema>(error: &ColumnError) -> String {
    format!("no table can be made of `{}` rows: {error}", R::NAME)
}

impl<T: Rows> fmt::Debug for Frozen<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frozen").field("rows", &T::Row::NAME).finish_non_exhaustive()
    }
}

impl<T: Rows> fmt::Debug for Part<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part").field("columns", &self.columns).finish_non_exhaustive()
    }
}
