//! [`Trigger`]: when the next batch starts.

use crate::time::{Duration, Timestamp};

/// When batches start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trigger {
    /// The next batch starts as soon as the last one has ended and there is data (Spark's default).
    #[default]
    AsFastAsPossible,
    /// Batches start at multiples of this interval of the wall clock, the first one at once. A batch that
    /// overruns its interval is followed by the next one immediately; missed starts aren't made up for.
    ProcessingTime(Duration),
    /// Reads everything that is there at the start, in as many batches as the sources' limits ask for, then
    /// stops. Timers of processing time fire that are due at the start; what is set for later is for the next run, unless
    /// a batch with rows gets to it.
    AvailableNow,
    /// Reads everything that is there at the start in one batch, whatever the limits, then stops. A batch
    /// that an earlier run left unfinished counts as that batch.
    Once,
}

impl Trigger {
    /// [`Trigger::ProcessingTime`]: a batch each `interval`. An interval of zero or less is
    /// [`Trigger::AsFastAsPossible`].
    pub fn every(interval: impl Into<Duration>) -> Self {
        let interval = interval.into();
        if interval <= Duration::ZERO { Self::AsFastAsPossible } else { Self::ProcessingTime(interval) }
    }

    /// Whether a query with this trigger ends by itself.
    pub(crate) fn is_bounded(self) -> bool {
        matches!(self, Self::AvailableNow | Self::Once)
    }
}

/// The start after a batch that started at `started`: the next multiple of the interval.
pub(crate) fn next_start(interval: Duration, started: Timestamp) -> Timestamp {
    let interval = interval.as_micros().max(1);
    let slot = started.as_micros().div_euclid(interval);
    Timestamp::from_micros(slot.saturating_add(1).saturating_mul(interval))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::seconds;

    #[test]
    fn batches_start_at_multiples_of_the_interval() {
        let at = |secs| Timestamp::from_secs(secs);
        assert_eq!(next_start(seconds(10), at(3)), at(10));
        assert_eq!(next_start(seconds(10), at(10)), at(20));
        assert_eq!(next_start(seconds(10), at(-3)), at(0));
    }

    #[test]
    fn an_interval_of_zero_means_as_fast_as_possible() {
        assert_eq!(Trigger::every(Duration::ZERO), Trigger::AsFastAsPossible);
        assert_eq!(Trigger::every(std::time::Duration::from_secs(1)), Trigger::ProcessingTime(seconds(1)));
    }
}
