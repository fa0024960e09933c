//! What Apache Spark 4.0.1 answered, batch by batch: rows, watermarks, and the counts of its state operators.
//!
//! Inputs and answers are in `tests/golden`; its README says what each case asks and what the numbers pin down.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stream_runtime::engine::{Progress, QueryBuilder};
use stream_runtime::plan::Plan;
use stream_runtime::prelude::*;
use stream_runtime::sink::MemoryResults;
use stream_runtime::source::Json;

#[derive(Schema)]
struct Event {
    user_id: String,
    action: String,
    amount: f64,
    ts: Timestamp,
}

#[derive(Schema)]
struct ByAction {
    window: Window,
    action: String,
    n: u64,
    total: f64,
    mean: f64,
}

#[derive(Schema)]
struct ByUser {
    window: Window,
    user_id: String,
    n: u64,
    total: f64,
}

macro_rules! w1 {
    ($name:ident, $mode:ident) => {
        stream_query! {
            query $name(events: Event) -> ByAction {
                from e in events watermark(e.ts, minutes(5));
                group by window(e.ts, minutes(10)) as w, e.action;
                select ByAction {
                    window: w, action: e.action, n: count(), total: sum(e.amount), mean: avg(e.amount),
                };
                output $mode;
            }
        }
    };
}

w1!(W1Append, append);
w1!(W1Update, update);
w1!(W1Complete, complete);

macro_rules! w2 {
    ($name:ident, $mode:ident) => {
        stream_query! {
            query $name(events: Event) -> ByUser {
                from e in events watermark(e.ts, minutes(5));
                group by window(e.ts, minutes(10), slide = minutes(5)) as w, e.user_id;
                select ByUser { window: w, user_id: e.user_id, n: count(), total: sum(e.amount) };
                output $mode;
            }
        }
    };
}

w2!(W2Append, append);
w2!(W2Update, update);

#[derive(Schema)]
struct EventId {
    event_id: i64,
    ts: Timestamp,
}

#[derive(Schema)]
struct UserSession {
    window: Window,
    user_id: String,
    n: u64,
}

stream_query! {
    query W5(events: EventId) -> EventId {
        from e in events watermark(e.ts, minutes(10));
        dedup by e.event_id, e.ts;
        select e;
        output append;
    }
}

stream_query! {
    query W5Within(events: EventId) -> EventId {
        from e in events watermark(e.ts, minutes(10));
        dedup by e.event_id within watermark;
        select e;
        output append;
    }
}

stream_query! {
    query W6(events: Event) -> UserSession {
        from e in events watermark(e.ts, minutes(5));
        group by session(e.ts, minutes(1)) as w, e.user_id;
        select UserSession { window: w, user_id: e.user_id, n: count() };
        output append;
    }
}

/// A result row without its batch: the columns that identify it, and the doubles.
type Row = (Vec<String>, Vec<f64>);

impl From<&ByAction> for Row {
    fn from(row: &ByAction) -> Self {
        let columns =
            [row.window.start.to_string(), row.window.end.to_string(), row.action.clone(), row.n.to_string()];
        (columns.to_vec(), vec![row.total, row.mean])
    }
}

impl From<&ByUser> for Row {
    fn from(row: &ByUser) -> Self {
        let columns = [
            row.window.start.to_string(),
            row.window.end.to_string(),
            row.user_id.clone(),
            row.n.to_string(),
        ];
        (columns.to_vec(), vec![row.total])
    }
}

fn golden(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(path)
}

impl From<&EventId> for Row {
    fn from(row: &EventId) -> Self {
        (vec![row.event_id.to_string(), row.ts.to_string()], Vec::new())
    }
}

impl From<&UserSession> for Row {
    fn from(row: &UserSession) -> Self {
        let columns = [
            row.window.start.to_string(),
            row.window.end.to_string(),
            row.user_id.clone(),
            row.n.to_string(),
        ];
        (columns.to_vec(), Vec::new())
    }
}

/// Runs the query over one file a batch, with as many workers, and compares everything with Spark's answer.
async fn check<P, O>(
    size: &str,
    case: &str,
    doubles: usize,
    workers: usize,
    build: impl FnOnce(FileSource<Json>, MemorySink<O>) -> QueryBuilder<P>,
) where
    P: Plan<Output = O>,
    O: stream_runtime::schema::Schema,
    for<'a> Row: From<&'a O>,
{
    let (results, sink) = MemorySink::new();
    let source = FileSource::json(golden(&format!("{size}-input/events"))).max_files_per_trigger(1);
    let query = build(source, sink)
        .workers(workers)
        .trigger(Trigger::AvailableNow)
        .start()
        .await
        .expect("the query starts");
    query.await_termination().await.expect("the query runs to its end");

    let expected = expected_rows(&golden(&format!("{size}/{case}.csv")), doubles);
    compare_rows(&results, &expected);
    let text =
        std::fs::read_to_string(golden(&format!("{size}/{case}.progress.json"))).expect("progress file");
    let expected: Vec<serde_json::Value> = serde_json::from_str(&text).expect("progress is JSON");
    compare_progress(&query.recent_progress(), &expected);
}

fn expected_rows(path: &Path, doubles: usize) -> BTreeMap<u64, BTreeMap<Vec<String>, Vec<f64>>> {
    let text = std::fs::read_to_string(path).expect("golden file");
    let mut batches = BTreeMap::<u64, BTreeMap<_, _>>::new();
    for line in text.lines().skip(1) {
        let mut cells: Vec<String> = line.split(',').map(str::to_owned).collect();
        let values = cells.split_off(cells.len() - doubles);
        let values = values.iter().map(|cell| cell.parse().expect("a double")).collect();
        let batch = cells.remove(0).parse().expect("a batch id");
        assert!(batches.entry(batch).or_default().insert(cells, values).is_none(), "a key twice in {line}");
    }
    assert!(!batches.is_empty());
    batches
}

fn compare_rows<O: stream_runtime::schema::Schema>(
    results: &MemoryResults<O>,
    expected: &BTreeMap<u64, BTreeMap<Vec<String>, Vec<f64>>>,
) where
    for<'a> Row: From<&'a O>,
{
    let mut actual = BTreeMap::<u64, BTreeMap<_, _>>::new();
    for batch in results.batches() {
        for row in batch.rows.iter() {
            let (columns, doubles) = Row::from(row);
            let rows = actual.entry(batch.id).or_default();
            assert!(rows.insert(columns, doubles).is_none(), "a key twice in batch {}", batch.id);
        }
    }
    assert_eq!(actual.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "batches with rows");
    for (batch, rows) in expected {
        let ours = &actual[batch];
        assert_eq!(ours.len(), rows.len(), "rows of batch {batch}");
        for ((columns, doubles), (our_columns, our_doubles)) in rows.iter().zip(ours) {
            assert_eq!(columns, our_columns, "batch {batch}");
            for (double, ours) in doubles.iter().zip(our_doubles) {
                assert!(
                    (double - ours).abs() <= 1e-9 * double.abs(),
                    "batch {batch}, {columns:?}: {ours}, not {double}"
                );
            }
        }
    }
}

fn compare_progress(actual: &[Arc<Progress>], expected: &[serde_json::Value]) {
    assert_eq!(actual.len(), expected.len(), "batches");
    for (ours, spark) in actual.iter().zip(expected) {
        let ours: serde_json::Value = serde_json::from_str(&ours.json()).expect("progress is JSON");
        let batch = &spark["batchId"];
        for field in ["batchId", "numInputRows", "eventTime"] {
            assert_eq!(ours[field], spark[field], "{field} of batch {batch}");
        }
        assert_eq!(ours["sources"][0]["numInputRows"], spark["sources"][0], "source rows of batch {batch}");
        let (ours, spark) = (&ours["stateOperators"][0], &spark["stateOperators"][0]);
        for field in
            ["operatorName", "numRowsTotal", "numRowsUpdated", "numRowsRemoved", "numRowsDroppedByWatermark"]
        {
            assert_eq!(ours[field], spark[field], "{field} of batch {batch}");
        }
    }
}

macro_rules! golden {
    ($($test:ident: $size:literal $case:literal $doubles:literal $query:ident;)*) => {$(
        #[tokio::test]
        async fn $test() {
            for workers in [1, 2, 7] {
                check($size, $case, $doubles, workers, |source, sink| $query::query().events(source).to(sink)).await;
            }
        }
    )*};
}

golden! {
    tumbling_append_matches_spark: "small" "w1.append" 2 W1Append;
    tumbling_update_matches_spark: "small" "w1.update" 2 W1Update;
    tumbling_complete_matches_spark: "small" "w1.complete" 2 W1Complete;
    sliding_append_matches_spark: "small" "w2.append" 1 W2Append;
    sliding_update_matches_spark: "small" "w2.update" 1 W2Update;
    tumbling_append_with_late_rows_matches_spark: "small20" "w1.append" 2 W1Append;
    tumbling_update_with_late_rows_matches_spark: "small20" "w1.update" 2 W1Update;
    sliding_append_with_late_rows_matches_spark: "small20" "w2.append" 1 W2Append;
    dedup_by_event_time_matches_spark: "small" "w5.append" 0 W5;
    dedup_by_event_time_with_late_rows_matches_spark: "small20" "w5.append" 0 W5;
    dedup_within_watermark_matches_spark: "small" "w5within.append" 0 W5Within;
    dedup_within_watermark_with_late_rows_matches_spark: "small20" "w5within.append" 0 W5Within;
    sessions_match_spark: "small" "w6.append" 0 W6;
    sessions_with_late_rows_match_spark: "small20" "w6.append" 0 W6;
}
