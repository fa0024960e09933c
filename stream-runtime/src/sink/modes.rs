//! Which output modes a sink takes, as types: a query's output mode that its sink can't take doesn't build.

use crate::mode::{Append, Complete, OutputMode, Update};

/// A sink that takes every output mode.
#[derive(Debug)]
pub struct AnyMode;

/// A sink whose rows are final once written: it takes only `output append`.
#[derive(Debug)]
pub struct AppendOnly;

/// A sink that replaces rows by their key: it takes `output append` and `output update`.
#[derive(Debug)]
pub struct AppendOrUpdate;

/// A sink that keeps a result which changes: it takes `output update` and `output complete`.
#[derive(Debug)]
pub struct ChangingOnly;

/// A sink that replaces all of its rows in every batch: it takes only `output complete`.
#[derive(Debug)]
pub struct CompleteOnly;

/// Which output modes a kind of sink takes: [`Sink::Modes`](super::Sink::Modes).
#[diagnostic::on_unimplemented(
    message = "a sink that is `{Self}` doesn't take the query's output mode",
    label = "doesn't take `output` as the query has it"
)]
pub trait Takes<M> {}

/// An output mode whose rows stay as they are.
#[diagnostic::on_unimplemented(
    message = "this sink takes only `output append`, and the query has another output mode",
    label = "rows written here can't be changed by a later batch",
    note = "write `output append` (which needs a watermark on an aggregation), or use a sink that can replace rows: `KafkaSink`, `ConsoleSink`, `MemorySink`, `ForeachSink`, `ForeachBatchSink`"
)]
pub trait Final: OutputMode {}

/// An output mode whose batches hold what is new.
#[diagnostic::on_unimplemented(
    message = "this sink replaces rows by their key, and the batches of `output complete` are the whole result",
    label = "would keep the rows that a later result no longer has",
    note = "write `output update`, or use a sink that replaces everything, such as `PostgresSink::replace`"
)]
pub trait Incremental: OutputMode {}

/// An output mode in which the result changes.
#[diagnostic::on_unimplemented(
    message = "this sink keeps the latest result, and the rows of `output append` are added to each other",
    label = "a restart couldn't fill it again: rows that are final aren't in the query's state any more",
    note = "write `output update` or `output complete`, or use a sink that writes rows down: `FileSink`, for instance"
)]
pub trait Changing: OutputMode {}

/// An output mode whose batches are the whole result.
#[diagnostic::on_unimplemented(
    message = "this sink takes only `output complete`, and the query has another output mode",
    label = "every batch replaces all rows that were written before",
    note = "write `output complete`, or use a sink that adds rows or replaces them by key, such as `PostgresSink::append` and `PostgresSink::upsert`"
)]
pub trait Whole: OutputMode {}

impl Final for Append {}
impl Incremental for Append {}
impl Incremental for Update {}
impl Changing for Update {}
impl Changing for Complete {}
impl Whole for Complete {}

impl<M: OutputMode> Takes<M> for AnyMode {}
impl<M: Final> Takes<M> for AppendOnly {}
impl<M: Incremental> Takes<M> for AppendOrUpdate {}
impl<M: Changing> Takes<M> for ChangingOnly {}
impl<M: Whole> Takes<M> for CompleteOnly {}
