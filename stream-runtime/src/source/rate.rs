//! [`RateSource`]: rows at a fixed rate, for load tests and demonstrations.
//!
//! An offset counts the seconds since the first start, whose time is in the source's log. What a second holds depends
//! on nothing else, so a replay, a restart and any cut into batches give the same rows.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;

use super::{Admission, Advance, Chunk, LogEntry, Offset, Rows, Source, SourceContext, Split};
use crate::engine::Clock;
use crate::error::{Error, Result};
use crate::schema::Schema;
use crate::time::{Duration, Timestamp, microseconds, seconds};

const MICROS_PER_SECOND: u64 = 1_000_000;
/// How many rows a split makes at once.
const CHUNK: usize = 8_192;
const VERSION: u8 = 1;

/// A row of a [`RateSource`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Schema)]
pub struct RateRow {
    /// When the row was due.
    pub timestamp: Timestamp,
    /// The row's number, from 0.
    pub value: u64,
}

/// A source of [`RateRow`]s: so many a second, spread evenly, numbered without a gap.
///
/// The rows of a second are there when the second has passed. After a pause the source makes up for all that passed.
///
/// ```
/// use stream_runtime::prelude::*;
/// use stream_runtime::source::RateSource;
///
/// let source = RateSource::new(1_000).ramp_up_time(seconds(10));
/// # drop(source);
/// ```
#[derive(Debug)]
pub struct RateSource {
    rate: Rate,
    ramp_up: Duration,
    opened: Option<Opened>,
}

/// How many rows there are by when.
#[derive(Clone, Copy, Debug)]
struct Rate {
    rows_per_second: u64,
    ramp_up_seconds: u64,
}

impl Rate {
    /// The number of rows in the first `seconds`. While the rate ramps up, second *n* has `rows_per_second · n /
    /// (ramp_up_seconds + 1)` rows, rounded so that the sums are exact.
    fn rows_by(self, seconds: u64) -> u64 {
        let rate = u128::from(self.rows_per_second);
        let ramp = u128::from(self.ramp_up_seconds);
        let ramped = u128::from(seconds.min(self.ramp_up_seconds));
        let full = u128::from(seconds.saturating_sub(self.ramp_up_seconds));
        // ramped < 2^64 / 10^6, since offsets come from microseconds: the products fit.
        let rows = (rate.saturating_mul(ramped * (ramped + 1)) / (2 * (ramp + 1)))
            .saturating_add(rate.saturating_mul(full));
        u64::try_from(rows).unwrap_or(u64::MAX)
    }
}

struct Opened {
    clock: Arc<dyn Clock>,
    start: Timestamp,
    /// The last second that was handed out, or looked at and found empty.
    handed_out: u64,
    /// The end that [`Source::prepare_available_now`] has fixed.
    last: Option<u64>,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { clock: _, start, handed_out, last } = self;
        let mut opened = f.debug_struct("Opened");
        opened
            .field("start", start)
            .field("handed_out", handed_out)
            .field("last", last)
            .finish_non_exhaustive()
    }
}

impl Opened {
    /// The whole seconds that have passed since the first start.
    fn seconds(&self) -> u64 {
        let micros = u64::try_from((self.clock.now() - self.start).as_micros()).unwrap_or(0);
        // A clock that jumps back doesn't take back what was handed out.
        (micros / MICROS_PER_SECOND).max(self.handed_out)
    }
}

impl RateSource {
    /// A source of so many rows a second.
    pub fn new(rows_per_second: u64) -> Self {
        Self { rate: Rate { rows_per_second, ramp_up_seconds: 0 }, ramp_up: Duration::ZERO, opened: None }
    }

    /// How long it takes, in whole seconds, until the rate is reached; none by default.
    #[must_use]
    pub fn ramp_up_time(mut self, time: impl Into<Duration>) -> Self {
        self.ramp_up = time.into();
        self
    }

    fn name(&self) -> String {
        format!("RateSource[{} rows/s]", self.rate.rows_per_second)
    }

    fn opened(&mut self) -> Result<&mut Opened> {
        let name = self.name();
        self.opened.as_mut().ok_or_else(|| Error::source(name, "the source isn't open; call `open` first"))
    }

    fn seconds(&self, offset: Option<&Offset>) -> Result<u64> {
        let Some(Offset(value)) = offset else { return Ok(0) };
        // Rows are dated in microseconds, which hold so many seconds only.
        match value.as_u64().filter(|&seconds| seconds <= i64::MAX as u64 / MICROS_PER_SECOND) {
            Some(seconds) => Ok(seconds),
            None => Err(Error::source(
                self.name(),
                format!(
                    "the checkpoint holds `{value}`, which is no offset of a rate source; restore the source that the \
                     query had, or start with a new checkpoint"
                ),
            )),
        }
    }

    fn ramp_up_seconds(&self) -> Result<u64> {
        let micros =
            u64::try_from(self.ramp_up.as_micros()).ok().filter(|micros| micros % MICROS_PER_SECOND == 0);
        micros.map(|micros| micros / MICROS_PER_SECOND).ok_or_else(|| Error::InvalidOption {
            option: "ramp_up_time",
            message: format!("it takes whole seconds, and this is {}", self.ramp_up),
        })
    }
}

/// The first start's time from the source's log.
fn decode_start(log: &[Vec<u8>]) -> Option<Timestamp> {
    let (&VERSION, micros) = log.last()?.split_first()? else { return None };
    Some(Timestamp::from_micros(i64::from_le_bytes(micros.try_into().ok()?)))
}

fn encode_start(start: Timestamp) -> Vec<u8> {
    let mut entry = vec![VERSION];
    entry.extend_from_slice(&start.as_micros().to_le_bytes());
    entry
}

#[async_trait]
impl Source<RateRow> for RateSource {
    fn description(&self) -> String {
        self.name()
    }

    async fn open(&mut self, context: SourceContext) -> Result<()> {
        if self.rate.rows_per_second == 0 {
            return Err(Error::InvalidOption {
                option: "rows_per_second",
                message: "a source without rows is no source; give at least 1".to_owned(),
            });
        }
        self.rate.ramp_up_seconds = self.ramp_up_seconds()?;
        let handed_out = self.seconds(context.end.as_ref())?;
        let start = match (&context.end, decode_start(&context.log)) {
            (None, _) => context.clock.now(),
            (Some(_), Some(start)) => start,
            (Some(_), None) => {
                return Err(Error::source(
                    self.name(),
                    "the checkpoint has lost the time of the first start; restore it from a copy, or start with a new one",
                ));
            }
        };
        self.opened = Some(Opened { clock: context.clock, start, handed_out, last: None });
        Ok(())
    }

    async fn latest_offset(&mut self, start: Option<&Offset>, _: Admission) -> Result<Option<Advance>> {
        let started = start.is_some();
        let start = self.seconds(start)?;
        let rate = self.rate;
        let opened = self.opened()?;
        let now = opened.seconds();
        let end = opened.last.map_or(now, |last| last.min(now));
        opened.handed_out = opened.handed_out.max(end);
        if rate.rows_by(end) <= rate.rows_by(start) {
            return Ok(None);
        }
        // The time of the first start goes with the first batch, and again if that one wasn't planned.
        let log = (!started).then(|| LogEntry::Replace(encode_start(opened.start)));
        Ok(Some(Advance { end: Offset(end.into()), log }))
    }

    async fn prepare_available_now(&mut self) -> Result<()> {
        let opened = self.opened()?;
        opened.last = Some(opened.seconds());
        Ok(())
    }

    async fn plan(
        &mut self,
        start: Option<&Offset>,
        end: &Offset,
        parallelism: usize,
    ) -> Result<Vec<Box<dyn Split<RateRow>>>> {
        let between = self.seconds(start)?..self.seconds(Some(end))?;
        let rate = self.rate;
        let origin = self.opened()?.start;
        let values = rate.rows_by(between.start)..rate.rows_by(between.end);
        let share =
            (values.end.saturating_sub(values.start)).div_ceil(parallelism.max(1) as u64).max(CHUNK as u64);
        let mut splits: Vec<Box<dyn Split<RateRow>>> = Vec::new();
        let mut from = values.start;
        while from < values.end {
            let to = from.saturating_add(share).min(values.end);
            splits.push(Box::new(RateSplit { rate, origin, seconds: between.clone(), values: from..to }));
            from = to;
        }
        Ok(splits)
    }

    fn is_caught_up(&self) -> bool {
        self.opened.as_ref().is_none_or(|opened| opened.seconds() <= opened.handed_out)
    }

    fn report_latest_offset(&self) -> Option<Offset> {
        self.opened.as_ref().map(|opened| Offset(opened.seconds().into()))
    }
}

/// Some of the rows of some seconds.
struct RateSplit {
    rate: Rate,
    origin: Timestamp,
    seconds: Range<u64>,
    values: Range<u64>,
}

impl Split<RateRow> for RateSplit {
    fn weight(&self) -> u64 {
        self.values.end - self.values.start
    }

    fn read(&mut self, rows: &mut dyn Rows<RateRow>) -> Result<()> {
        let mut chunk = Vec::with_capacity(CHUNK.min(self.weight() as usize));
        for second in self.seconds.clone() {
            let (first, next) = (self.rate.rows_by(second), self.rate.rows_by(second + 1));
            let begin = self.origin + seconds(second as i64);
            for value in first.max(self.values.start)..next.min(self.values.end) {
                let part =
                    u128::from(value - first) * u128::from(MICROS_PER_SECOND) / u128::from(next - first);
                chunk.push(RateRow { timestamp: begin + microseconds(part as i64), value });
                if chunk.len() == CHUNK {
                    rows.push(Chunk::Rows(&chunk))?;
                    chunk.clear();
                }
            }
        }
        if chunk.is_empty() { Ok(()) } else { rows.push(Chunk::Rows(&chunk)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_ramps_up_as_in_spark() {
        let rate = Rate { rows_per_second: 10, ramp_up_seconds: 4 };
        let by: Vec<_> = (0..=7).map(|second| rate.rows_by(second)).collect();
        assert_eq!(by, [0, 2, 6, 12, 20, 30, 40, 50]);
        let rate = Rate { rows_per_second: 10, ramp_up_seconds: 0 };
        assert_eq!((rate.rows_by(0), rate.rows_by(1), rate.rows_by(7)), (0, 10, 70));
    }

    #[test]
    fn a_rate_below_a_row_a_second_on_the_ramp_still_adds_up() {
        let rate = Rate { rows_per_second: 1, ramp_up_seconds: 9 };
        assert_eq!(rate.rows_by(9), 4);
        assert_eq!(rate.rows_by(19), 14);
        assert_eq!(Rate { rows_per_second: u64::MAX, ramp_up_seconds: 0 }.rows_by(2), u64::MAX);
    }
}
