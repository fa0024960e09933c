//! Progress on the terminal while a query with a bounded trigger works.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::progress::Progress;

/// A line on standard error that follows a bounded query; nothing where that isn't a terminal, or where a sink
/// prints.
#[derive(Debug)]
pub(super) struct TerminalProgress {
    bar: Option<ProgressBar>,
    rows: u64,
}

impl TerminalProgress {
    pub(super) fn new(query: &str, shown: bool) -> Self {
        let bar = shown.then(|| {
            // `stderr()` draws nothing where standard error isn't a terminal.
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix}: {msg} [{elapsed}]") {
                bar.set_style(style);
            }
            bar.set_prefix(query.to_owned());
            bar
        });
        Self { bar, rows: 0 }
    }

    /// Shows what a batch has added.
    pub(super) fn batch(&mut self, progress: &Progress) {
        self.rows += progress.num_input_rows;
        if let Some(bar) = &self.bar {
            let state: u64 = progress.state_operators.iter().map(|operator| operator.num_rows_total).sum();
            let rate = progress.processed_rows_per_second.unwrap_or_default();
            bar.set_message(format!(
                "batch {}, {} rows, {rate:.0} rows/s, {state} groups in state",
                progress.batch_id, self.rows
            ));
            bar.tick();
        }
    }

    pub(super) fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
