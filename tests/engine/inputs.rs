//! Several inputs: one batch takes what each of them has, the watermark is that of the slowest, and each has its own offsets,
//! policy and counts.

use std::fs;
use std::path::Path;

use stream_runtime::__private::expr::{CollectList, CountRows};
use stream_runtime::__private::{
    Emitter, Groups, Here, InputInfo, OperatorInfo, QueryBuilder, Reading, Reads, Tumbling, WatermarkInfo,
    event_time, from,
};
use stream_runtime::engine::Step;
use stream_runtime::plan::{Append, Mode, Plan, PlanInfo, RowsInfo};
use stream_runtime::prelude::*;
use stream_runtime::source::{MalformedRow, MemoryInput, Offset, Source};
use stream_runtime::testing::TestQuery;

use super::{Event, Number, Stat, Stats, at, event, numbers};

const ALL: u128 = u128::MAX;

/// An input of events whose watermark is so many seconds behind.
const fn input(name: &'static str, delay: i64) -> InputInfo {
    let watermark = WatermarkInfo { column: "ts", delay: seconds(delay) };
    InputInfo { name, row: "Event", watermark: Some(watermark), late: None, columns: None }
}

const WINDOWS: PlanInfo = PlanInfo {
    query: "Windows",
    inputs: &[input("fast", 10), input("slow", 30)],
    queries: &[],
    statics: &[],
    from: RowsInfo::Inputs(&[0, 1]),
    joins: &[],
    clauses: &[],
    operators: &[OperatorInfo {
        name: "stateStoreSave",
        clause: "group by window(ts, seconds(20)), key",
        window: Some((seconds(20), seconds(20), Duration::ZERO)),
        within: None,
        aggregates: &["count()", "collect_list(number)"],
        event_time_key: true,
    }],
    select: "Stat { … }",
    selected: &[],
    having: None,
    order_by: None,
    limit: None,
    mode: Mode::Append,
};

/// The numbers of two inputs, by windows of 20 s: what `stream_query!` makes of the union of two inputs.
pub(crate) fn windows() -> impl Reads<Here, Row = Event, Output = Stat, Mode = Append> {
    type Windows<K, A> = Groups<Tumbling<20_000_000, 0>, K, A>;
    from::<Event, ALL>(&[0, 1])
        .group_by(|e, input: &mut Reading, groups: &mut Windows<_, _>| {
            let time = event_time(e.ts);
            input.observe(time);
            groups.update(time, (e.key,), |acc: &mut (CountRows, CollectList<_>)| {
                acc.0.update();
                acc.1.update(&e.number);
            });
        })
        .select::<Stat, Append, _>(WINDOWS, |window, (key,), acc| {
            let (n, numbers) = (acc.0.finish()?, acc.1.finish()?);
            Ok(Some(Stat { window, key: key.to_owned(), n, numbers }))
        })
}

/// The numbers of two inputs.
fn both() -> impl Reads<Here, Row = Event, Output = Number, Mode = Append> {
    let info = PlanInfo { operators: &[], ..WINDOWS };
    from::<Event, ALL>(&[0, 1])
        .select(|e, input: &mut Reading, out: &mut Emitter<Number>| {
            input.observe(event_time(e.ts));
            out.emit(Number { number: e.number });
        })
        .output::<Append>(info)
}

/// The builder that a query over two inputs has once both have their sources.
pub(crate) fn bound<P: Plan + Reads<Here, Row = Event>>(
    plan: P,
    first: impl Source<Event>,
    second: impl Source<Event>,
) -> QueryBuilder<P> {
    QueryBuilder::new(plan).source::<Here>(first).source::<Here>(second).workers(2)
}

pub(crate) fn window(second: i64, numbers: &[i64]) -> Stat {
    let window = Window { start: at(second), end: at(second + 20) };
    Stat { window, key: "k".to_owned(), n: numbers.len() as u64, numbers: numbers.to_vec() }
}

/// docs/semantics.md 1.4, 1.5, 1.7.
#[tokio::test]
async fn the_watermark_is_that_of_the_slowest_input_and_waits_for_one_without_rows() {
    let (fast, slow) = (MemoryInput::default(), MemoryInput::default());
    let build = |(fast, slow), sink| bound(windows(), fast, slow).to(sink);
    let mut test = TestQuery::open_with((fast.clone(), slow.clone()), build).await.expect("it opens");
    fast.add([event(1, 5), event(2, 500)]);
    test.expect([]).await;
    assert_eq!(test.progress().len(), 1, "the watermark stands, so nothing is to be flushed");

    // 50 s − 30 s, which closes the window of 0 to 20 s, inclusively.
    slow.add([event(3, 6), event(4, 50)]);
    test.expect([window(0, &[1, 3])]).await;
    let watermarks: Vec<_> = test.progress().iter().map(|batch| batch.event_time.watermark).collect();
    assert_eq!(watermarks, [0, 0, 20].map(|second| Some(at(second))));

    // The other input makes no difference, until the slow one moves on.
    fast.add([event(5, 900)]);
    test.expect([]).await;
    slow.add([event(6, 600)]);
    test.expect([window(40, &[4]), window(500, &[2])]).await;
}

/// docs/semantics.md 1.6: of the inputs only the common watermark is in the checkpoint.
#[tokio::test]
async fn after_a_restart_the_watermark_stands_until_every_input_has_had_a_row_again() {
    let (fast, slow) = (MemoryInput::default(), MemoryInput::default());
    let build = |(fast, slow), sink| bound(windows(), fast, slow).to(sink);
    let mut test = TestQuery::open_with((fast.clone(), slow.clone()), build).await.expect("it opens");
    fast.add([event(1, 500)]);
    slow.add([event(2, 50)]);
    test.expect([]).await;
    test.restart().await.expect("it opens again");
    slow.add([event(3, 700)]);
    test.expect([]).await;
    assert_eq!(test.progress().last().and_then(|batch| batch.event_time.watermark), Some(at(20)));
    fast.add([event(4, 100)]);
    test.expect([window(40, &[2])]).await;
}

/// docs/semantics.md 17: one entry a source; event time is that of the first input of the plan that had rows.
#[tokio::test]
async fn each_source_has_its_own_offsets_and_counts_and_stays_where_it_is_without_rows() {
    let (fast, slow) = (MemoryInput::default(), MemoryInput::default());
    let build = |(fast, slow), sink| bound(both(), fast, slow).to(sink);
    let mut test = TestQuery::open_with((fast.clone(), slow.clone()), build).await.expect("it opens");
    fast.add([event(1, 5), event(2, 7)]);
    slow.add([event(3, 100)]);
    slow.add([event(4, 300), event(5, 500), event(6, 100)]);
    test.expect([1, 2, 3, 4, 5, 6].map(|number| Number { number })).await;

    let [first, second] = test.progress() else { panic!("{} batches", test.progress().len()) };
    let of = |batch: &Progress| {
        let source = |index: usize| {
            let source = &batch.sources[index];
            let offset = |offset: &Option<Offset>| offset.as_ref().and_then(|offset| offset.0.as_u64());
            (offset(&source.start_offset), offset(&source.end_offset), source.num_input_rows)
        };
        (batch.num_input_rows, batch.sources.len(), source(0), source(1))
    };
    assert_eq!(of(first), (3, 2, (None, Some(1), 2), (None, Some(1), 1)));
    assert_eq!(of(second), (3, 2, (Some(1), Some(1), 0), (Some(1), Some(2), 3)));
    let times = |batch: &Progress| (batch.event_time.min, batch.event_time.avg, batch.event_time.max);
    assert_eq!(times(first), (Some(at(5)), Some(at(6)), Some(at(7))));
    assert_eq!(times(second), (Some(at(100)), Some(at(300)), Some(at(500))));
}

#[tokio::test]
async fn rows_come_in_the_order_of_inputs_then_of_splits_whatever_the_workers() {
    for workers in 1..=4 {
        let (fast, slow) = (MemoryInput::default(), MemoryInput::default());
        fast.add((0..7).map(|number| event(number, 0)));
        fast.add((7..9).map(|number| event(number, 0)));
        slow.add((9..30).map(|number| event(number, 0)));
        let (results, sink) = MemorySink::new();
        let query = bound(both(), fast.source(), slow.source()).to(sink).workers(workers);
        let query = query.trigger(Trigger::Once).start().await.expect("the query starts");
        query.await_termination().await.expect("it ends");
        assert_eq!(numbers(&results.rows()), (0..30).collect::<Vec<_>>(), "{workers} workers");
    }
}

#[tokio::test]
async fn a_crash_at_any_step_repeats_and_loses_no_row_of_any_input() {
    for step in Step::ALL {
        let (fast, slow) = (MemoryInput::default(), MemoryInput::default());
        let build = |(fast, slow), sink| bound(windows(), fast, slow).to(sink);
        let mut test = TestQuery::open_with((fast.clone(), slow.clone()), build).await.expect("it opens");
        fast.add([event(1, 1)]);
        slow.add([event(2, 2)]);
        test.expect([]).await;
        test.crash_at(step);
        // Only one of them has anything new in the batch that crashes.
        slow.add([event(3, 3), event(4, 100)]);
        test.expect([]).await;
        fast.add([event(5, 100)]);
        slow.add([event(6, 101)]);
        test.expect([window(0, &[1, 2, 3])]).await;
    }
}

fn write(directory: &Path, name: &str, lines: &[&str]) {
    fs::create_dir_all(directory).expect("a directory");
    fs::write(directory.join(name), lines.concat()).expect("a file");
}

fn line(number: i64) -> String {
    format!("{{\"key\":\"k\",\"number\":{number},\"ts\":\"1970-01-01T00:00:01Z\"}}\n")
}

/// Each source has its own log in the checkpoint, which tells it after a restart which files it has read.
#[tokio::test]
async fn each_source_has_its_own_policy_for_malformed_rows_and_its_own_log() {
    let directory = tempfile::tempdir().expect("a directory");
    let (first, second) = (directory.path().join("first"), directory.path().join("second"));
    write(&first, "a.json", &[&line(1), "nonsense\n", &line(2)]);
    write(&second, "a.json", &["1\n", "2\n", &line(3)]);
    let (results, _) = MemorySink::<Number>::new();
    let (rejected, _) = MemorySink::<MalformedRow>::new();
    let start = || {
        let first = FileSource::json(&first).on_malformed(OnMalformed::dead_letter(rejected.sink()));
        let second = FileSource::json(&second).on_malformed(OnMalformed::Drop);
        let query = bound(both(), first, second).to(results.sink()).trigger(Trigger::AvailableNow);
        query.checkpoint(directory.path().join("checkpoint")).start()
    };
    let query = start().await.expect("the query starts");
    query.await_termination().await.expect("it ends");
    assert_eq!(numbers(&results.rows()), [1, 2, 3]);
    let kept: Vec<_> = rejected.rows().into_iter().map(|row| row.bytes).collect();
    assert_eq!(kept, [b"nonsense".to_vec()]);
    let progress = query.last_progress().expect("a batch ran");
    let counts: Vec<_> = progress
        .sources
        .iter()
        .map(|source| (source.num_input_rows, &*source.metrics["malformedRows"]))
        .collect();
    assert_eq!(counts, [(2, "1"), (1, "2")]);

    write(&second, "b.json", &[&line(4)]);
    let query = start().await.expect("the query starts again");
    query.await_termination().await.expect("it ends");
    assert_eq!(numbers(&results.rows()), [1, 2, 3, 4]);
}

#[tokio::test]
async fn a_query_without_all_of_its_sources_does_not_start() {
    let (_, source) = MemorySource::<Event>::new();
    let (_, sink) = MemorySink::new();
    let error = QueryBuilder::new(both()).source::<Here>(source).to(sink).start().await.unwrap_err();
    assert!(error.to_string().contains("has 2 inputs, and 1 source"), "{error}");
}

/// docs/semantics.md 1.5.
#[tokio::test]
async fn with_the_policy_max_windows_close_with_the_fastest_input() {
    let (fast, slow) = (MemoryInput::default(), MemoryInput::default());
    let build =
        |(fast, slow), sink| bound(windows(), fast, slow).to(sink).watermark_policy(WatermarkPolicy::Max);
    let mut test = TestQuery::open_with((fast.clone(), slow.clone()), build).await.expect("it opens");
    fast.add([event(1, 5), event(2, 500)]);
    test.expect([window(0, &[1])]).await;
    slow.add([event(3, 6), event(4, 485)]);
    test.expect([]).await;
    let late = test.progress().last().map(|batch| batch.state_operators[0].num_rows_dropped_by_watermark);
    assert_eq!(late, Some(1), "the slow input's first row comes after its window");
}

/// docs/semantics.md 1.5, "Ours": where Spark goes on with the policy of the first start, this is an error.
#[tokio::test]
async fn a_checkpoint_goes_on_with_its_policy_alone_if_that_makes_a_difference() {
    let directory = tempfile::tempdir().expect("a directory");
    let run = async |policy| {
        let (fast, slow) = (MemorySource::new().1, MemorySource::new().1);
        let query = bound(windows(), fast, slow).to(MemorySink::new().1).watermark_policy(policy);
        let query = query.checkpoint(directory.path().join("two")).trigger(Trigger::Once).start().await?;
        query.await_termination().await
    };
    run(WatermarkPolicy::Max).await.expect("a new checkpoint takes any policy");
    let error = run(WatermarkPolicy::Min).await.expect_err("another policy").to_string();
    assert!(error.contains("watermark policy `max`; this query has `min`"), "{error}");
    run(WatermarkPolicy::Max).await.expect("it goes on");

    for policy in [WatermarkPolicy::Max, WatermarkPolicy::Min] {
        let query =
            Stats::query().events(MemorySource::new().1).to(MemorySink::new().1).watermark_policy(policy);
        let query = query.checkpoint(directory.path().join("one")).trigger(Trigger::Once).start().await;
        query.expect("one watermark is its own policy").await_termination().await.expect("it ends");
    }
}

/// docs/semantics.md 17: what limits have left for later is in `latestOffset`.
#[tokio::test]
async fn the_latest_offset_is_what_the_source_knows_of_not_what_the_batch_has_read() {
    let (fast, slow) = (MemoryInput::default(), MemoryInput::default());
    for number in 0..3 {
        fast.add([event(number, 0)]);
    }
    let build = |(fast, slow), sink| bound(both(), fast, slow).to(sink);
    let mut test = TestQuery::open_with((fast, slow), build).await.expect("it opens");
    let progress = test.run().await.expect("it runs");
    let offsets = progress.iter().map(|batch| {
        let source = &batch.sources[0];
        let number = |offset: &Option<Offset>| offset.as_ref().and_then(|offset| offset.0.as_u64());
        (number(&source.end_offset), number(&source.latest_offset))
    });
    assert_eq!(offsets.collect::<Vec<_>>(), [1, 2, 3].map(|end| (Some(end), Some(3))));
}
