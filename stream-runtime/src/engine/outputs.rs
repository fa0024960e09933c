//! Where a query's rows go: its sinks, and those of late rows and of rows that can't be decoded.

use crate::error::{Error, Result};
use crate::mode::Mode;
use crate::plan::{OutputMode, Plan};
use crate::sink::erased::AnySink;
use crate::sink::{SinkBatch, SinkContext};
use crate::source::{MalformedRow, OnMalformed};
use crate::time::Timestamp;

use super::late::LateOutput;
use super::stages::TypedStages;

impl<P: Plan> TypedStages<P> {
    /// The sinks of rows that can't be decoded, with the number of the source.
    fn dead_letters(&mut self) -> impl Iterator<Item = (usize, &mut Box<dyn AnySink<MalformedRow>>)> {
        self.on_malformed.iter_mut().enumerate().filter_map(|(source, policy)| match policy {
            OnMalformed::DeadLetter(sink) => Some((source, &mut sink.0)),
            _ => None,
        })
    }

    pub(super) fn output_that_needs_checkpoint(&self) -> Option<String> {
        let dead_letters = self.on_malformed.iter().filter_map(|policy| match policy {
            OnMalformed::DeadLetter(sink) if sink.0.needs_checkpoint() => Some(sink.0.describe()),
            _ => None,
        });
        let late = self.late.iter().map(|late| late.output()).filter(|late| late.needs_checkpoint());
        let sinks = self.sinks.iter().filter(|sink| sink.needs_checkpoint()).map(|sink| sink.describe());
        dead_letters.chain(late.map(LateOutput::describe)).chain(sinks).next()
    }

    pub(super) async fn open_outputs(&mut self, context: SinkContext) -> Result<()> {
        for (_, sink) in self.dead_letters() {
            sink.open_any(SinkContext { mode: Mode::Append, ..context.clone() }).await?;
        }
        for late in &mut self.late {
            late.output_mut().open(context.clone()).await?;
        }
        for sink in &mut self.sinks {
            sink.open_any(context.clone()).await?;
        }
        Ok(())
    }

    pub(super) async fn restore_outputs(
        &mut self,
        committed: Option<u64>,
        watermark: Option<Timestamp>,
    ) -> Result<()> {
        let Some(keeper) = self.sinks.iter().find(|sink| sink.keeps_result_any()) else { return Ok(()) };
        let keeper = keeper.describe();
        let standing = self.with_workers(|plan, workers| {
            plan.standing(&workers.iter().map(|worker| &**worker).collect::<Vec<_>>())
        });
        let Some(rows) = standing.await?? else {
            return Err(Error::InvalidOption {
                option: "to",
                message: format!(
                    "`{keeper}` keeps the whole result, which the state of query `{}` doesn't hold after a restart: it takes an \
                     aggregation in update mode without `having`, or in complete mode",
                    self.plan.info().query
                ),
            });
        };
        let Some(id) = committed else { return Ok(()) };
        for sink in self.sinks.iter_mut().filter(|sink| sink.keeps_result_any()) {
            let mode = P::Mode::MODE;
            sink.restore_any(SinkBatch { id, mode, rows: &rows, removed: &[], watermark }).await?;
        }
        // Freed by the thread that allocated them.
        self.with_workers(move |_, _| drop(rows)).await
    }

    pub(super) async fn write_outputs(&mut self, batch: u64, watermark: Option<Timestamp>) -> Result<()> {
        let malformed = std::mem::take(&mut self.malformed);
        for (source, sink) in self.dead_letters() {
            let rows = &malformed[source];
            sink.commit_any(SinkBatch { id: batch, mode: Mode::Append, rows, removed: &[], watermark })
                .await?;
        }
        self.malformed = malformed;
        for late in &mut self.late {
            late.output_mut().commit(batch, watermark).await?;
        }
        for sink in &mut self.sinks {
            let mode = P::Mode::MODE;
            let (rows, removed) = (&self.output, &self.removed);
            sink.commit_any(SinkBatch { id: batch, mode, rows, removed, watermark }).await?;
        }
        Ok(())
    }

    pub(super) async fn close_outputs(&mut self) -> Result<()> {
        let mut closed = Ok(());
        // Each sink is closed, whatever the ones before it answer.
        for (_, sink) in self.dead_letters() {
            closed = closed.and(sink.close_any().await);
        }
        for late in &mut self.late {
            closed = closed.and(late.output_mut().close().await);
        }
        for sink in &mut self.sinks {
            closed = closed.and(sink.close_any().await);
        }
        closed
    }
}
