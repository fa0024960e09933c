//! [`Sessions`]: the operator behind `group by session(…)`, as a query's row function sees it.
//!
//! Each row opens a session from its event time to its event time plus the gap; sessions of a key that overlap or
//! touch become one. A key's sessions lie in order of their start and never touch.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::expr::Accumulator;
use crate::state::expiring::ExpiringMap;
use crate::state::key::{Key, OwnedKey};
use crate::time::Duration;

use super::groups::LateRows;
use super::route::{Router, Verdict};
use super::windowing::EventTime;

/// A session of a key: from `start` to before `end`, in µs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub(crate) struct Session<A: Accumulator> {
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) accumulator: A,
    /// Whether the state held a session with this start before the batch: Spark counts those whose start is gone as
    /// removed. Set where a batch ends, and the restoring of a checkpoint.
    #[serde(skip)]
    pub(crate) stored: bool,
}

/// The sessions of a key. Most keys have one at a time, which then lies beside the key.
pub(crate) type KeySessions<A> = SmallVec<[Session<A>; 1]>;

/// The gap of a session: a duration, or null for a row that is in none.
#[diagnostic::on_unimplemented(
    message = "the gap of a session is a `Duration`, and this is `{Self}`",
    label = "not a `Duration`",
    note = "write it as `minutes(5)`, or as an expression of the row that gives a `Duration` or an `Option<Duration>`"
)]
pub trait Gap {
    /// The gap in µs; `None` for null.
    fn micros(self) -> Option<i64>;
}

impl Gap for Duration {
    #[inline]
    fn micros(self) -> Option<i64> {
        Some(self.as_micros())
    }
}

impl Gap for Option<Duration> {
    #[inline]
    fn micros(self) -> Option<i64> {
        self.map(Duration::as_micros)
    }
}

/// One worker's keys and their sessions.
#[derive(Debug)]
pub struct Sessions<K, A: Accumulator> {
    pub(crate) by_key: ExpiringMap<K, KeySessions<A>>,
    pub(crate) router: Router,
    pub(crate) late: LateRows,
    /// The number of sessions of all keys.
    pub(crate) count: u64,
    /// Sessions in state before the batch whose place another one has taken.
    pub(crate) replaced: u64,
    closed: i64,
}

impl<K: OwnedKey, A: Accumulator> Sessions<K, A> {
    /// `retention_micros`: about how long after its event time a row's session ends.
    pub(crate) fn new(seed: u64, retention_micros: i64) -> Self {
        Self {
            by_key: ExpiringMap::new(seed, retention_micros),
            router: Router::default(),
            late: LateRows::default(),
            count: 0,
            replaced: 0,
            closed: i64::MIN,
        }
    }

    pub(crate) fn begin(&mut self, closed: i64) {
        self.late = LateRows::default();
        self.replaced = 0;
        self.closed = closed;
    }

    pub(crate) fn hash(&self, key: &impl Key) -> u64 {
        self.by_key.hash(key)
    }

    /// Brings a row into the session of its key. A row without event time or without a positive gap is in none.
    #[inline]
    pub fn update<Q: Key<Owned = K>>(
        &mut self,
        time: impl EventTime,
        gap: impl Gap,
        key: Q,
        update: impl FnOnce(&mut A),
    ) {
        let (Some(start), Some(gap)) = (time.micros(), gap.micros()) else { return };
        if gap <= 0 {
            return;
        }
        let hash = self.hash(&key);
        if self.router.verdict(hash) != Verdict::Apply {
            return;
        }
        let end = start.saturating_add(gap);
        if end <= self.closed {
            self.late.rows += 1;
            self.late.at_hand = true;
            // As Spark: rows that open the same session count once.
            let opened = (start as u64).rotate_left(17) ^ (end as u64).rotate_left(41);
            self.late.groups.insert(hash ^ opened);
            self.late.max_lateness_micros =
                self.late.max_lateness_micros.max(self.closed.saturating_sub(start));
            return;
        }
        let (index, _) = self.by_key.find_or_insert(hash, &key, end, KeySessions::new);
        if let Some(sessions) = self.by_key.touch(index) {
            let before = sessions.len();
            let (session, ends) = join(sessions, start, end, &mut self.replaced);
            update(&mut session.accumulator);
            // One more, or as many fewer as the row has bridged.
            self.count = self.count + sessions.len() as u64 - before as u64;
            self.by_key.expire_by(index, ends);
        }
    }

    /// Puts back what a checkpoint holds of a key.
    pub(crate) fn restore(&mut self, hash: u64, key: &K, sessions: Vec<Session<A>>) {
        if let Some(first) = sessions.iter().map(|session| session.end).min() {
            self.count += sessions.len() as u64;
            self.by_key.find_or_insert(hash, key, first, || sessions.into_iter().collect());
        }
    }
}

/// Makes one session of `start..end` and all that it overlaps or touches; gives it and where it ends.
fn join<'a, A: Accumulator>(
    sessions: &'a mut KeySessions<A>,
    start: i64,
    end: i64,
    replaced: &mut u64,
) -> (&'a mut Session<A>, i64) {
    // Sessions don't touch each other, so those that touch the new one lie side by side.
    let first = sessions.partition_point(|session| session.end < start);
    let last = first + sessions[first..].partition_point(|session| session.start <= end);
    if first == last {
        sessions.insert(first, Session { start, end, accumulator: A::default(), stored: false });
    } else {
        let bridged: Vec<_> = sessions.drain(first + 1..last).collect();
        let session = &mut sessions[first];
        if start < session.start {
            *replaced += u64::from(session.stored);
            session.stored = false;
            session.start = start;
        }
        session.end = session.end.max(end);
        for other in bridged {
            *replaced += u64::from(other.stored);
            session.end = session.end.max(other.end);
            session.accumulator.merge(other.accumulator);
        }
    }
    let session = &mut sessions[first];
    let end = session.end;
    (session, end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::CountRows;
    use crate::time::{Timestamp, seconds};

    fn spans(rows: &[(i64, i64)]) -> Vec<(i64, i64)> {
        let mut sessions = KeySessions::<(CountRows,)>::new();
        for &(start, end) in rows {
            join(&mut sessions, start, end, &mut 0);
        }
        sessions.iter().map(|session| (session.start, session.end)).collect()
    }

    #[test]
    fn sessions_that_touch_or_overlap_are_one_and_a_row_can_bridge_two() {
        assert_eq!(spans(&[(0, 10), (10, 20)]), [(0, 20)]);
        assert_eq!(spans(&[(0, 10), (11, 20)]), [(0, 10), (11, 20)]);
        assert_eq!(spans(&[(0, 10), (20, 30), (10, 20)]), [(0, 30)]);
        assert_eq!(spans(&[(20, 30), (0, 10), (40, 50), (5, 45)]), [(0, 50)]);
        assert_eq!(spans(&[(0, 100), (10, 20)]), [(0, 100)], "the end isn't always the last row's");
    }

    #[test]
    fn late_rows_that_would_open_the_same_session_count_once_and_with_another_gap_apart() {
        let mut sessions = Sessions::<(u64,), (CountRows,)>::new(0, 0);
        sessions.begin(10_000_000);
        for gap in [1, 1, 2] {
            sessions.update(Timestamp::from_secs(3), seconds(gap), (7_u64,), |_| panic!("the row is late"));
        }
        assert_eq!((sessions.late.rows, sessions.late.groups.len()), (3, 2));
        assert_eq!(sessions.late.max_lateness_micros, 7_000_000);
    }
}
