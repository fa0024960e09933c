//! Deduplication and sessions: any cut of the same rows into batches, any number of workers, any restart and any crash
//! gives what a naive evaluation of those batches gives, and as many rows stay in state.

mod naive;

use std::cell::Cell;

use naive::stateful::{Dedup, Keep, Session, Sessions, gap_ms};
use naive::{Model, Row, Shape};
use proptest::prelude::*;
use stream_runtime::engine::Step;
use stream_runtime::prelude::*;
use stream_runtime::testing::TestQuery;

#[derive(Schema, Clone, Debug, PartialEq)]
struct Event {
    key: String,
    number: i64,
    ts: Timestamp,
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Total {
    window: Window,
    key: String,
    n: u64,
    /// In input order; of a session only their sum, since sessions merge in order of their start.
    numbers: Vec<i64>,
}

stream_query! {
    query ByEventTime(events: Event) -> Event {
        from e in events watermark(e.ts, seconds(10));
        dedup by e.key, e.ts;
        select e;
        output append;
    }
}

stream_query! {
    query WithinWatermark(events: Event) -> Event {
        from e in events watermark(e.ts, seconds(10));
        dedup by e.key within watermark;
        select e;
        output update;
    }
}

stream_query! {
    query Unbounded(events: Event) -> Event {
        from e in events watermark(e.ts, seconds(10));
        dedup by e.key unbounded;
        select e;
        output append;
    }
}

stream_query! {
    query DedupThenWindow(events: Event) -> Total {
        from e in events watermark(e.ts, seconds(10));
        dedup by e.key, e.ts;
        where e.number != 0;
        group by window(e.ts, seconds(20)) as w, e.key;
        select Total { window: w, key: e.key, n: count(), numbers: collect_list(e.number) };
        output append;
    }
}

stream_query! {
    query BySession(events: Event) -> Total {
        from e in events watermark(e.ts, seconds(10));
        group by session(e.ts, seconds(5) * e.number) as w, e.key;
        select Total { window: w, key: e.key, n: count(), numbers: vec![sum(e.number)] };
        output append;
    }
}

stream_query! {
    query DedupThenSession(events: Event) -> Total {
        from e in events watermark(e.ts, seconds(10));
        dedup by e.key, e.ts;
        group by session(e.ts, seconds(5) * e.number) as w, e.number;
        select Total { window: w, key: format!("{}", e.number), n: count(), numbers: vec![sum(e.number)] };
        output append;
    }
}

/// What happens before a batch.
#[derive(Clone, Copy, Debug)]
enum Before {
    Nothing,
    Restart,
    Crash(Step),
}

fn before() -> impl Strategy<Value = Before> {
    prop_oneof![
        3 => Just(Before::Nothing),
        1 => Just(Before::Restart),
        2 => proptest::sample::select(&Step::ALL[..]).prop_map(Before::Crash),
    ]
}

/// Few keys and few times, so that there are duplicates and sessions that touch.
fn row() -> impl Strategy<Value = Row> {
    (0..3_u8, -1..4_i64, -20..60_i64).prop_map(|(key, number, seconds)| Row {
        key: format!("k{key}"),
        number,
        ms: seconds * 1_000,
    })
}

fn batches() -> impl Strategy<Value = Vec<(Before, Vec<Row>)>> {
    prop::collection::vec((before(), prop::collection::vec(row(), 1..12)), 1..8)
}

fn event(row: &Row) -> Event {
    Event { key: row.key.clone(), number: row.number, ts: Timestamp::from_millis(row.ms) }
}

fn total(key: String, start_ms: i64, end_ms: i64, numbers: &[i64]) -> Total {
    Total {
        window: Window { start: Timestamp::from_millis(start_ms), end: Timestamp::from_millis(end_ms) },
        key,
        n: numbers.len() as u64,
        numbers: numbers.to_vec(),
    }
}

fn session(session: Session) -> Total {
    let numbers: Vec<i64> = session.rows.iter().map(|row| row.number).collect();
    let sum = vec![numbers.iter().sum()];
    Total { numbers: sum, ..total(session.key, session.start_ms, session.end_ms, &numbers) }
}

/// A naive evaluation, step by step: the rows of a batch, of the batch without rows that may follow it, and how many
/// rows are in the state of the first operator then.
trait Oracle {
    type Output;
    fn batch(&mut self, rows: &[Row]) -> Vec<Self::Output>;
    fn batch_without_data(&mut self) -> Vec<Self::Output>;
    fn state_rows(&self) -> usize;
}

impl Oracle for Dedup {
    type Output = Event;
    fn batch(&mut self, rows: &[Row]) -> Vec<Event> {
        Dedup::batch(self, rows).iter().map(event).collect()
    }
    fn batch_without_data(&mut self) -> Vec<Event> {
        if self.watermark.moved() { Oracle::batch(self, &[]) } else { Vec::new() }
    }
    fn state_rows(&self) -> usize {
        Dedup::state_rows(self)
    }
}

impl Oracle for Sessions {
    type Output = Total;
    fn batch(&mut self, rows: &[Row]) -> Vec<Total> {
        Sessions::batch(self, rows).into_iter().map(session).collect()
    }
    fn batch_without_data(&mut self) -> Vec<Total> {
        if self.watermark.moved() { Oracle::batch(self, &[]) } else { Vec::new() }
    }
    fn state_rows(&self) -> usize {
        Sessions::state_rows(self)
    }
}

/// Deduplication, and what is left of the rows in windows.
struct DedupWindows(Dedup, Model);

impl Oracle for DedupWindows {
    type Output = Total;
    fn batch(&mut self, rows: &[Row]) -> Vec<Total> {
        let first = self.0.batch(rows);
        let groups = self.1.batch_after(rows, &first);
        groups
            .into_iter()
            .map(|group| total(group.key, group.start_ms, group.end_ms, &group.numbers))
            .collect()
    }
    fn batch_without_data(&mut self) -> Vec<Total> {
        if self.0.watermark.moved() { self.batch(&[]) } else { Vec::new() }
    }
    fn state_rows(&self) -> usize {
        self.0.state_rows()
    }
}

/// Deduplication, and what is left of the rows in sessions by number.
struct DedupSessions(Dedup, Sessions);

impl Oracle for DedupSessions {
    type Output = Total;
    fn batch(&mut self, rows: &[Row]) -> Vec<Total> {
        let first = self.0.batch(rows);
        let renamed: Vec<Row> =
            first.iter().map(|row| Row { key: row.number.to_string(), ..row.clone() }).collect();
        self.1.batch_after(rows, &renamed).into_iter().map(session).collect()
    }
    fn batch_without_data(&mut self) -> Vec<Total> {
        if self.0.watermark.moved() { self.batch(&[]) } else { Vec::new() }
    }
    fn state_rows(&self) -> usize {
        self.0.state_rows()
    }
}

macro_rules! property {
    ($test:ident, $query:ident, $oracle:expr) => {
        proptest! {
            #![proptest_config(ProptestConfig {
                cases: 64, failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(11),
                ..ProptestConfig::default()
            })]
            #[test]
            fn $test(batches in batches(), workers in prop::collection::vec(1..5_usize, 3)) {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
                runtime.block_on(async {
                    let starts = Cell::new(0);
                    let mut test = TestQuery::open(|source, sink| {
                        starts.set(starts.get() + 1);
                        $query::query().events(source).to(sink).workers(workers[starts.get() % workers.len()])
                    })
                    .await
                    .expect("the query opens");
                    let mut oracle = $oracle;
                    for (before, rows) in &batches {
                        match before {
                            Before::Nothing => {}
                            Before::Restart => test.restart().await.expect("the query opens again"),
                            Before::Crash(step) => drop(test.crash_at(*step)),
                        }
                        test.add(rows.iter().map(event));
                        let mut expected = Oracle::batch(&mut oracle, rows);
                        expected.extend(oracle.batch_without_data());
                        test.expect(expected).await;
                        // A crash after the commit takes the batch's progress with it.
                        let told = !matches!(before, Before::Crash(Step::Committed | Step::Finished));
                        if let Some(progress) = test.progress().last().filter(|_| told) {
                            let rows = progress.state_operators[0].num_rows_total;
                            assert_eq!(rows, Oracle::state_rows(&oracle) as u64, "rows in state");
                        }
                    }
                });
            }
        }
    };
}

property!(dedup_by_event_time, ByEventTime, Dedup::new(Keep::EventTime));
property!(dedup_within_watermark, WithinWatermark, Dedup::new(Keep::WithinWatermark));
property!(dedup_unbounded, Unbounded, Dedup::new(Keep::Unbounded));
property!(
    dedup_then_window,
    DedupThenWindow,
    DedupWindows(Dedup::new(Keep::EventTime), Model::new(Shape::tumbling(20).append()))
);
property!(sessions_with_a_gap_of_each_row, BySession, Sessions::default());
property!(
    dedup_then_session,
    DedupThenSession,
    DedupSessions(Dedup::new(Keep::EventTime), Sessions::default())
);

#[test]
fn the_naive_gap_is_the_gap_of_the_queries() {
    assert_eq!(gap_ms(&Row { key: String::new(), number: 3, ms: 0 }), (seconds(5) * 3).as_millis());
}

#[tokio::test]
async fn the_order_of_rows_behind_dedup_is_the_inputs_whatever_the_number_of_workers() {
    for workers in [1, 2, 7] {
        let mut test =
            TestQuery::open(|source, sink| ByEventTime::query().events(source).to(sink).workers(workers))
                .await
                .expect("the query opens");
        let rows: Vec<Event> = (0..200_i64)
            .map(|n| event(&Row { key: format!("k{}", n * 7 % 50), number: n, ms: n % 3 * 1_000 + 1 }))
            .collect();
        test.add(rows.clone());
        test.run().await.expect("nothing fails");
        let mut first = Vec::<Event>::new();
        for row in rows {
            if !first.iter().any(|other| other.key == row.key && other.ts == row.ts) {
                first.push(row);
            }
        }
        assert!(first.len() > 100);
        assert_eq!(test.emitted(), first, "{workers} workers");
    }
}
