//! Hundreds of small batches on a checkpoint on disk, started again and again with another number of workers.

use std::path::Path;

use stream_runtime::prelude::*;

use super::naive::{Model, Row, Shape};
use super::{Event, Stat, Stats};

const BATCHES: usize = 300;
const BATCHES_A_RUN: usize = 37;
/// One segment of sled's file, and beside it no more than a run's batches: all others have been folded into it.
const LARGEST_BYTES: u64 = (4 << 20) + (128 << 10);

macro_rules! query {
    ($name:ident, $mode:ident) => {
        stream_query! {
            query $name(events: Event) -> Stat {
                from e in events watermark(e.ts, seconds(10));
                where e.number != 0;
                group by window(e.ts, seconds(20)) as w, e.key;
                select Stat { window: w, key: e.key, n: count(), numbers: collect_list(e.number) };
                output $mode;
            }
        }
    };
}

query!(StatsUpdate, update);
query!(StatsComplete, complete);

/// Rows of a stream that runs forward by about a second a row, with late ones, filtered ones, and several keys.
fn rows() -> Vec<Vec<Row>> {
    let mut random = 1_u64;
    let mut draw = move |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    (0..BATCHES)
        .map(|batch| {
            let count = 1 + draw(4);
            (0..count)
                .map(|_| {
                    let late = if draw(9) == 0 { 60_000 } else { 0 };
                    let ms = batch as i64 * 3_000 + draw(12_000) as i64 - late;
                    Row { key: format!("key {}", draw(5)), number: draw(7) as i64, ms }
                })
                .collect()
        })
        .collect()
}

fn event(row: &Row) -> Event {
    Event { key: row.key.clone(), number: row.number, ts: Timestamp::from_millis(row.ms) }
}

/// Bytes of all files below a directory.
fn bytes(directory: &Path) -> u64 {
    let entries = std::fs::read_dir(directory).expect("the directory can be listed");
    let entries = entries.map(|entry| entry.expect("the directory can be listed"));
    entries
        .map(|entry| {
            let metadata = entry.metadata().expect("nobody removes files now");
            if metadata.is_dir() { bytes(&entry.path()) } else { metadata.len() }
        })
        .sum()
}

/// Runs the same batches in one output mode.
macro_rules! restarted {
    ($test:ident, $query:ident, $shape:expr) => {
        #[tokio::test]
        async fn $test() {
            let directory = tempfile::tempdir().expect("a directory");
            let checkpoint = directory.path().join("checkpoint");
            let rows = rows();
            let mut model = Model::new($shape);
            let mut expected: Vec<Vec<Stat>> = Vec::new();
            let (input, _) = MemorySource::new();
            let (results, _) = MemorySink::new();
            let mut largest = 0;
            for (run, batches) in rows.chunks(BATCHES_A_RUN).enumerate() {
                for batch in batches {
                    input.add(batch.iter().map(event));
                    expected.push(model.batch(batch).into_iter().map(stat).collect());
                }
                let moved = model.batch_without_data();
                let query = $query::query()
                    .events(input.source().max_chunks_per_trigger(1))
                    .to(results.sink())
                    .checkpoint(&checkpoint)
                    .trigger(Trigger::AvailableNow)
                    .workers([1, 3, 2, 5][run % 4])
                    .start()
                    .await
                    .expect("the query starts");
                query.await_termination().await.expect("it ends");
                // The batch without data ran exactly if the last batch of the run has moved the watermark.
                if results.batches().len() > expected.len() {
                    expected.push(moved.into_iter().map(stat).collect());
                } else {
                    assert!(moved.is_empty(), "run {run} lacks its batch without data");
                }
                largest = largest.max(bytes(&checkpoint));
            }
            let emitted = results.batches();
            assert_eq!(emitted.len(), expected.len());
            for (batch, expected) in emitted.iter().zip(&expected) {
                assert_eq!(batch.rows[..], expected[..], "batch {}", batch.id);
            }
            assert!(expected.iter().flatten().count() > 100, "the query has results");
            assert!(largest < LARGEST_BYTES, "{largest} bytes");
        }
    };
}

restarted!(
    hundreds_of_batches_over_many_restarts_are_what_the_model_says_in_append_mode,
    Stats,
    Shape::tumbling(20).append()
);
restarted!(
    hundreds_of_batches_over_many_restarts_are_what_the_model_says_in_update_mode,
    StatsUpdate,
    Shape::tumbling(20).update()
);
restarted!(
    hundreds_of_batches_over_many_restarts_are_what_the_model_says_in_complete_mode,
    StatsComplete,
    Shape::tumbling(20).complete()
);

fn stat(group: super::naive::Group) -> Stat {
    let at = Timestamp::from_millis;
    Stat {
        window: Window { start: at(group.start_ms), end: at(group.end_ms) },
        key: group.key,
        n: group.numbers.len() as u64,
        numbers: group.numbers,
    }
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Count {
    key: String,
    n: u64,
}

stream_query! {
    query Counts(events: Event) -> Count {
        from e in events;
        group by e.key unbounded;
        select Count { key: e.key, n: count() };
        output update;
    }
}

/// Each start reads what all earlier runs have written of a key, and takes the last.
#[tokio::test]
async fn groups_that_live_through_many_restarts_never_fall_back_to_an_earlier_value() {
    let directory = tempfile::tempdir().expect("a directory");
    let (input, _) = MemorySource::new();
    let (results, _) = MemorySink::new();
    let mut keys: Vec<String> = (0..60).map(|key| format!("key {key}")).collect();
    keys.sort_unstable();
    for run in 1..=8 {
        input.add(keys.iter().map(|key| Event { key: key.clone(), number: 1, ts: Timestamp::UNIX_EPOCH }));
        let query = Counts::query().events(input.source()).to(results.sink()).checkpoint(directory.path());
        let query = query.trigger(Trigger::Once).workers(1 + run as usize % 3).start().await;
        query.expect("the query starts").await_termination().await.expect("it ends");
        let batches = results.batches();
        let last = batches.last().expect("a batch ran");
        let expected: Vec<_> = keys.iter().map(|key| Count { key: key.clone(), n: run }).collect();
        assert_eq!(last.rows[..], expected[..], "run {run}");
    }
}
