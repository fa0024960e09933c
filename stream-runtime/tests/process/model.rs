//! Any rows, in any cut into batches, with any number of workers, restarts and crashes: what comes out, in its order, and
//! what stays in state is what a naive evaluation gives.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use stream_runtime::__private::Here;
use stream_runtime::engine::{QueryBuilder, Step};
use stream_runtime::error::BoxError;
use stream_runtime::prelude::*;
use stream_runtime::process::{
    Context, KeyedProcessor, ListState, ProcessorState, Timer, TimerKind, ValueState,
};
use stream_runtime::testing::TestQuery;

use super::support::*;

const TTL: Duration = seconds(5);

#[derive(Default, ProcessorState)]
struct Tallied {
    count: ValueState<u64>,
    #[state(ttl = TTL)]
    recent: ListState<u64>,
}

/// Counts, remembers numbers for a while, and sets timers, of which some set others.
struct Tally;

impl KeyedProcessor for Tally {
    type Key = String;
    type Row = Event;
    type Output = Said;
    type State = Tallied;

    fn process(
        &self,
        key: &str,
        row: EventView<'_>,
        state: &mut Tallied,
        context: &mut Context<'_, Said>,
    ) -> Result<(), BoxError> {
        let (what, number) = row.what.split_once(' ').ok_or("a number is missing")?;
        let number: u64 = number.parse()?;
        let time = at(number as i64);
        match what {
            "count" => *state.count.or_default() += number,
            "push" => state.recent.push(number),
            "event" => context.event_timer(time)?,
            "processing" => context.processing_timer(time)?,
            "cancel" => {
                context.cancel_event_timer(time);
                context.cancel_processing_timer(time);
            }
            _ => state.count.clear(),
        }
        context.emit(said(key, format!("{:?} {:?}", state.count, state.recent)));
        Ok(())
    }

    fn on_timer(
        &self,
        key: &str,
        timer: Timer,
        state: &mut Tallied,
        context: &mut Context<'_, Said>,
    ) -> Result<(), BoxError> {
        *state.count.or_default() += 1;
        context.emit(said(key, format!("{:?} {:?}", timer.time, state.count)));
        if !state.count.get().is_some_and(|count| count.is_multiple_of(3)) {
            let next = timer.time + seconds(3);
            match timer.kind {
                TimerKind::EventTime => context.event_timer(next)?,
                TimerKind::ProcessingTime => context.processing_timer(next)?,
            }
        }
        Ok(())
    }
}

#[derive(Default)]
struct NaiveKey {
    count: Option<u64>,
    recent: Vec<(u64, Timestamp)>,
    timers: BTreeSet<(TimerKind, Timestamp)>,
}

/// Evaluates the rules one after the other, without an index of anything.
struct Naive {
    keys: BTreeMap<String, NaiveKey>,
    now: Timestamp,
    /// The watermarks of the last batch and the next one.
    late: Timestamp,
    next: Timestamp,
    said: Vec<Said>,
}

impl Naive {
    fn run(&mut self, batches: Vec<Vec<Event>>, now: Timestamp) {
        self.now = self.now.max(now);
        for rows in batches {
            self.batch(&rows);
        }
        while self.next > self.late || self.due(TimerKind::ProcessingTime).is_some() {
            self.batch(&[]);
        }
    }

    fn due(&self, kind: TimerKind) -> Option<(TimerKind, Timestamp, String)> {
        let threshold = if kind == TimerKind::EventTime { self.next } else { self.now };
        let all = self.keys.iter().flat_map(|(key, kept)| kept.timers.iter().map(move |timer| (timer, key)));
        let due = all.filter(|((of_kind, time), _)| *of_kind == kind && *time <= threshold);
        due.min().map(|(&(kind, time), key)| (kind, time, key.clone()))
    }

    fn batch(&mut self, rows: &[Event]) {
        let now = self.now;
        for kept in self.keys.values_mut() {
            kept.recent.retain(|(_, updated)| *updated + TTL > now);
        }
        for row in rows.iter().filter(|row| row.timestamp > self.late) {
            let kept = self.keys.entry(row.key.clone()).or_default();
            let (what, number) = row.what.split_once(' ').unwrap();
            let number: u64 = number.parse().unwrap();
            let time = at(number as i64);
            match what {
                "count" => kept.count = Some(kept.count.unwrap_or(0) + number),
                "push" => kept.recent.push((number, now)),
                "event" => drop(kept.timers.insert((TimerKind::EventTime, time))),
                "processing" => drop(kept.timers.insert((TimerKind::ProcessingTime, time))),
                "cancel" => kept.timers.retain(|(_, other)| *other != time),
                _ => kept.count = None,
            }
            let recent: Vec<_> = kept.recent.iter().map(|(number, _)| number).collect();
            self.said.push(said(&row.key, format!("{:?} {recent:?}", kept.count)));
        }
        while let Some((kind, time, key)) =
            self.due(TimerKind::EventTime).or_else(|| self.due(TimerKind::ProcessingTime))
        {
            let kept = self.keys.get_mut(&key).unwrap();
            kept.timers.remove(&(kind, time));
            let count = kept.count.unwrap_or(0) + 1;
            kept.count = Some(count);
            if !count.is_multiple_of(3) {
                kept.timers.insert((kind, time + seconds(3)));
            }
            self.said.push(said(&key, format!("{time:?} {:?}", kept.count)));
        }
        self.keys
            .retain(|_, kept| kept.count.is_some() || !kept.recent.is_empty() || !kept.timers.is_empty());
        self.late = self.next;
        self.next = rows.iter().map(|row| row.timestamp).fold(self.next, Timestamp::max);
    }
}

#[derive(Clone, Debug)]
enum Happening {
    Rows(Vec<Event>),
    Advance(i64),
    Restart(usize),
    Crash(Step),
    Run,
}

fn rows() -> impl Strategy<Value = Vec<Event>> {
    let what = prop::sample::select(vec![
        "count",
        "push",
        "push",
        "event",
        "event",
        "processing",
        "cancel",
        "clear",
    ]);
    let row = ("[a-d]", what, 0_u64..40, 0_i64..40)
        .prop_map(|(key, what, number, second)| event(&key, &format!("{what} {number}"), second));
    prop::collection::vec(row, 1..12)
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        5 => rows().prop_map(Happening::Rows),
        3 => (0_i64..8).prop_map(Happening::Advance),
        1 => prop::sample::select(vec![1, 2, 7]).prop_map(Happening::Restart),
        2 => prop::sample::select(Step::ALL.to_vec()).prop_map(Happening::Crash),
        4 => Just(Happening::Run),
    ]
}

/// Lets everything happen to the query and to the naive evaluation, and compares.
async fn compare(happenings: Vec<Happening>) {
    let workers = Cell::new(1);
    let mut query = TestQuery::open(|source, sink| {
        QueryBuilder::new(plan_with_watermark(Tally)).source::<Here>(source).to(sink).workers(workers.get())
    })
    .await
    .unwrap();
    let epoch = Timestamp::UNIX_EPOCH;
    let mut naive =
        Naive { keys: BTreeMap::new(), now: Timestamp::MIN, late: epoch, next: epoch, said: Vec::new() };
    let mut waiting = Vec::new();
    let mut now = at(0);
    for happening in happenings.into_iter().chain([Happening::Run]) {
        match happening {
            Happening::Rows(rows) => {
                query.add(rows.clone());
                waiting.push(rows);
            }
            Happening::Advance(by) => {
                query.advance(seconds(by));
                now += seconds(by);
            }
            Happening::Restart(count) => {
                workers.set(count);
                query.restart().await.unwrap();
            }
            Happening::Crash(step) => drop(query.crash_at(step)),
            Happening::Run => {
                let ran = query.run().await.unwrap();
                naive.run(std::mem::take(&mut waiting), now);
                assert_eq!(query.emitted(), std::mem::take(&mut naive.said));
                if let Some(last) = ran.last() {
                    assert_eq!(last.state_operators[0].num_rows_total, naive.keys.len() as u64);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(12),
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_query_gives_what_a_naive_evaluation_gives(happenings in prop::collection::vec(happening(), 1..24)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(compare(happenings));
    }
}

#[tokio::test]
async fn a_crash_at_any_step_of_any_batch_changes_nothing() {
    let mut rows = Vec::new();
    for (second, what) in
        ["count 1", "push 7", "event 20", "processing 4", "count 2", "event 23"].iter().enumerate()
    {
        for key in ["a", "b", "c"] {
            rows.push(event(key, what, 10 + 3 * second as i64));
        }
    }
    for crashed in 0..6 {
        for step in Step::ALL {
            let mut happenings = vec![Happening::Restart(2)];
            for (batch, rows) in rows.chunks(3).enumerate() {
                happenings.push(Happening::Rows(rows.to_vec()));
                if batch == crashed {
                    happenings.push(Happening::Crash(step));
                }
                happenings.extend([Happening::Run, Happening::Advance(2)]);
            }
            compare(happenings).await;
        }
    }
}
