//! Which batch is next: the one that an earlier run left unfinished, one with new rows, or one without rows that only lets the
//! watermark take effect or a timer fire.

use crate::checkpoint::BatchPlan;
use crate::error::Result;
use crate::source::{Admission, LogEntry, Offset};
use crate::time::Timestamp;

use super::computed::Computed;
use super::execution::Execution;
use super::stages::Range;

/// A batch that is about to run.
pub(super) struct Planned {
    pub(super) plan: BatchPlan,
    /// Source-log entries that go with the plan; nothing is written for a batch that runs again.
    pub(super) fresh: Option<Vec<(usize, LogEntry)>>,
    /// The rows of each source; `None` for one that has nothing new.
    pub(super) ranges: Vec<Option<Range>>,
    /// The newest offset that each source knows of.
    pub(super) latest: Vec<Option<Offset>>,
}

impl Planned {
    /// Whether any source has anything new.
    pub(super) fn has_data(&self) -> bool {
        self.ranges.iter().any(Option::is_some)
    }
}

/// Where each source's part of a batch ends, also for one that the checkpoint says nothing of.
pub(super) fn ends(plan: Option<&BatchPlan>, sources: usize) -> Vec<Option<Offset>> {
    let end = |source| plan.and_then(|plan: &BatchPlan| plan.ends.get(source).cloned().flatten());
    (0..sources).map(end).collect()
}

/// From one offset to another one, if there is anything between them.
fn range(start: Option<&Offset>, end: Option<Offset>) -> Option<Range> {
    let end = end.filter(|end| Some(end) != start)?;
    Some((start.cloned(), end))
}

impl Execution {
    /// The id of the next batch.
    pub(super) fn next_id(&self) -> u64 {
        match (&self.pending, &self.last) {
            (Some(pending), _) => pending.batch,
            (None, Some(last)) => last.batch + 1,
            (None, None) => 0,
        }
    }

    /// Decides on the next batch, if there is anything to do.
    pub(super) async fn plan(&mut self, admission: Admission, now: Timestamp) -> Result<Option<Planned>> {
        let sources = self.stages.info().input_count();
        let starts = ends(self.last.as_ref(), sources);
        self.silence.ask(self.clock.elapsed());
        if let Some(plan) = self.pending.clone() {
            let ends = ends(Some(&plan), sources).into_iter();
            let ranges = starts.iter().zip(ends).map(|(start, end)| range(start.as_ref(), end)).collect();
            return Ok(Some(Planned { plan, fresh: None, ranges, latest: self.stages.reported_offsets() }));
        }
        let advances = self.stages.latest_offsets(&starts, admission).await?;
        let mut ranges = Vec::with_capacity(sources);
        let mut logs = Vec::new();
        for (source, (start, advance)) in starts.iter().zip(advances).enumerate() {
            let (end, log) = advance.map_or((None, None), |advance| (Some(advance.end), advance.log));
            let range = range(start.as_ref(), end);
            logs.extend(log.filter(|_| range.is_some()).map(|log| (source, log)));
            ranges.push(range);
        }
        self.let_time_pass(&ranges);
        // The clock may jump back; the time of a batch doesn't.
        let time_ms = self.last.as_ref().map_or(i64::MIN, |last| last.time_ms).max(now.as_millis());
        let wakes = self.stages.wake_at().is_some_and(|wake_at| self.wakes(wake_at, time_ms));
        if ranges.iter().all(Option::is_none) && !wakes && !self.wants_batch_without_data() {
            return Ok(None);
        }
        let end = |(range, start): (&Option<Range>, Option<Offset>)| {
            range.as_ref().map(|(_, end)| end.clone()).or(start)
        };
        let plan = BatchPlan {
            batch: self.next_id(),
            ends: ranges.iter().zip(starts).map(end).collect(),
            watermark_ms: self.tracker.current_ms(),
            time_ms,
        };
        Ok(Some(Planned { plan, fresh: Some(logs), ranges, latest: self.stages.reported_offsets() }))
    }

    /// Whether a timer fires in a batch of this time. In a run that ends by itself only those wake it that were due when it began: what they
    /// set anew is for the next run, or one that sets itself again would keep it from ending.
    fn wakes(&self, wake_at: Timestamp, time_ms: i64) -> bool {
        match self.wakes_until_ms {
            None => Timestamp::from_millis(time_ms) >= wake_at,
            // A batch of that time or a later one has let all of them fire.
            Some(until_ms) => {
                self.last.as_ref().is_none_or(|last| last.time_ms < until_ms)
                    && Timestamp::from_millis(until_ms) >= wake_at
            }
        }
    }

    /// Moves the watermark on where sources are silent: those that are idle don't hold it back, and if all are silent it may go on
    /// with the clock.
    fn let_time_pass(&mut self, ranges: &[Option<Range>]) {
        let caught_up = self.stages.caught_up();
        self.silence.answer(self.clock.elapsed(), &caught_up, self.tracker.reached_ms());
        let silent = ranges.iter().map(Option::is_none).zip(caught_up);
        let silent: Vec<bool> = silent.map(|(nothing_new, caught_up)| nothing_new && caught_up).collect();
        let idle = silent.iter().enumerate().map(|(source, silent)| *silent && self.silence.is_idle(source));
        self.tracker.set_idle(idle);
        if self.last.is_some()
            && self.waits_for_watermark()
            && silent.iter().all(|silent| *silent)
            && let Some(watermark_ms) = self.silence.flushed_ms()
        {
            self.tracker.rise_to(watermark_ms);
        }
    }

    /// Takes from a batch that has been committed what the next ones depend on.
    pub(super) fn learn(&mut self, computed: &Computed) {
        let report = &computed.report;
        let operators = self.stages.info().all_operators().into_iter().zip(&report.operators);
        let waiting: u64 = operators
            .filter(|(info, _)| info.event_time_key)
            .map(|(_, metrics)| metrics.waiting.unwrap_or(metrics.rows_total))
            .sum();
        let removed: u64 = report.operators.iter().map(|metrics| metrics.rows_removed).sum();
        let left_out: u64 = computed.inputs.iter().map(|input| input.left_out).sum();
        let settles = computed.input_rows() + left_out + computed.output_rows + waiting + removed == 0;
        // A source whose rows needn't be read isn't silent.
        let rows = computed.inputs.iter().map(|input| input.rows + input.left_out);
        self.silence.after_batch(rows, self.tracker.reached_ms(), settles);
    }

    /// Whether the watermark has moved since the last batch ran and an operator waits for it (Spark's no-data
    /// micro-batch). Unlike in Spark this also holds right after a restart.
    fn wants_batch_without_data(&self) -> bool {
        self.waits_for_watermark()
            && self.last.as_ref().is_some_and(|last| self.tracker.current_ms() > last.watermark_ms)
    }

    /// Whether the watermark makes a difference to an operator.
    fn waits_for_watermark(&self) -> bool {
        let info = self.stages.info();
        info.all_operators().iter().any(|operator| operator.waits_for_watermark(info.mode))
    }
}
