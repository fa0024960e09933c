//! [`Computed`]: what the operators made of a batch's rows, for the watermark and the progress.

use crate::plan::Report;
use crate::time::Duration;

/// What a batch's rows came to.
#[derive(Debug)]
pub(crate) struct Computed {
    /// By source.
    pub(crate) inputs: Vec<InputRows>,
    pub(crate) output_rows: u64,
    pub(crate) report: Report,
    pub(crate) took: Took,
}

/// What a batch read from a source.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct InputRows {
    pub(crate) rows: u64,
    /// Rows that weren't read, since the query would have dropped them.
    pub(crate) left_out: u64,
    pub(crate) malformed: u64,
}

/// How long the operators worked on a batch.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Took {
    /// Taking in the rows.
    pub(crate) updates: Duration,
    /// Putting out results, and removing what is behind the watermark.
    pub(crate) removals: Duration,
}

impl Computed {
    /// Nothing, of so many sources.
    pub(crate) fn new(sources: usize) -> Self {
        Self {
            inputs: vec![InputRows::default(); sources],
            output_rows: 0,
            report: Report::default(),
            took: Took::default(),
        }
    }

    /// The rows of all sources, malformed ones left out.
    pub(crate) fn input_rows(&self) -> u64 {
        self.inputs.iter().map(|input| input.rows).sum()
    }
}
