//! [`AnySink`]: sinks of one row type in one list, whatever output modes they take.

use async_trait::async_trait;

use crate::error::Result;
use crate::schema::Schema;

use super::{Sink, SinkBatch, SinkContext};

/// [`Sink`] without its type for output modes, which the builder has checked by then.
#[async_trait]
pub(crate) trait AnySink<R: Schema>: Send {
    fn describe(&self) -> String;
    fn needs_checkpoint(&self) -> bool;
    fn is_on_terminal(&self) -> bool;
    fn keeps_result_any(&self) -> bool;
    async fn open_any(&mut self, context: SinkContext) -> Result<()>;
    async fn restore_any(&mut self, result: SinkBatch<'_, R>) -> Result<()>;
    async fn commit_any(&mut self, batch: SinkBatch<'_, R>) -> Result<()>;
    fn committed_any(&mut self, batch: u64);
    async fn close_any(&mut self) -> Result<()>;
}

#[async_trait]
impl<R: Schema, S: Sink<R>> AnySink<R> for S {
    fn describe(&self) -> String {
        self.description()
    }

    fn needs_checkpoint(&self) -> bool {
        self.requires_checkpoint()
    }

    fn is_on_terminal(&self) -> bool {
        self.writes_to_terminal()
    }

    fn keeps_result_any(&self) -> bool {
        self.keeps_result()
    }

    async fn restore_any(&mut self, result: SinkBatch<'_, R>) -> Result<()> {
        self.restore(result).await
    }

    fn committed_any(&mut self, batch: u64) {
        self.committed(batch);
    }

    async fn open_any(&mut self, context: SinkContext) -> Result<()> {
        self.open(context).await
    }

    async fn commit_any(&mut self, batch: SinkBatch<'_, R>) -> Result<()> {
        self.commit(batch).await
    }

    async fn close_any(&mut self) -> Result<()> {
        self.close().await
    }
}
