//! `order by` and `limit` (docs/semantics.md 11): whole results in an order, and the first rows of a query's life.

use std::cell::Cell;

use proptest::prelude::*;
use stream_runtime::engine::Step;
use stream_runtime::prelude::*;
use stream_runtime::testing::TestQuery;

use super::{at, window};

#[derive(Schema, Clone, Debug, PartialEq)]
struct Event {
    page: String,
    user: Option<String>,
    amount: f64,
    ts: Timestamp,
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Page {
    page: String,
    views: u64,
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Total {
    window: Window,
    page: String,
    views: u64,
    user: Option<String>,
    most: f64,
    amounts: Vec<f64>,
}

const TOP: u64 = 3;

stream_query! {
    query Top(events: Event) -> Page {
        from e in events;
        group by e.page unbounded;
        select Page { page: e.page, views: count() };
        order by views desc;
        limit TOP;
        output complete;
    }
}

stream_query! {
    query FirstGroups(events: Event) -> Page {
        from e in events;
        group by e.page unbounded;
        select Page { page: e.page, views: count() };
        having views > 1;
        limit 2;
        output complete;
    }
}

stream_query! {
    query ByComputed(events: Event) -> Page {
        from e in events;
        group by e.page unbounded;
        select Page { page: e.page, views: count() };
        order by views > 1 desc, page.len(), format!("{page}").chars().rev().collect::<String>() desc, TOP;
        output complete;
    }
}

macro_rules! ordered {
    ($($name:ident: [$($key:tt)*]),*) => {$(
        stream_query! {
            query $name(events: Event) -> Total {
                from e in events;
                group by window(e.ts, seconds(10)) as window, e.page unbounded;
                select Total {
                    window, page: e.page, views: count(), user: max(e.user), most: max(e.amount),
                    amounts: collect_list(e.amount),
                };
                order by $($key)*;
                output complete;
            }
        }
    )*};
}

ordered! {
    ByWindow: [window desc, page desc],
    ByStart: [window.start],
    ByUser: [user],
    ByUserDown: [user desc],
    ByMost: [most],
    ByMostDown: [most desc],
    ByAmounts: [amounts desc]
}

stream_query! {
    query First(events: Event) -> Event {
        from e in events watermark(e.ts, seconds(5));
        select e;
        limit 5;
        output append;
    }
}

stream_query! {
    query Nothing(events: Event) -> Event {
        from e in events;
        select e;
        limit 0;
        output append;
    }
}

stream_query! {
    query FirstWindows(events: Event) -> Page {
        from e in events watermark(e.ts, seconds(5));
        group by window(e.ts, seconds(10)), e.page;
        select Page { page: e.page, views: count() };
        limit 3;
        output append;
    }
}

stream_query! {
    query FirstUsers() -> Page {
        from f in query First;
        where f.amount > 0.0;
        group by window(f.ts, seconds(10)), f.page;
        select Page { page: f.page, views: count() };
        output append;
    }
}

fn event(page: &str, second: i64) -> Event {
    Event { page: page.to_owned(), user: None, amount: 1.0, ts: at(second) }
}

fn views(pages: &[&str]) -> Vec<Event> {
    pages.iter().map(|page| event(page, 1)).collect()
}

fn page(page: &str, views: u64) -> Page {
    Page { page: page.to_owned(), views }
}

/// The results of these rows in a single batch.
macro_rules! result {
    ($query:ident, $workers:expr, $rows:expr) => {{
        let mut test =
            TestQuery::open(|source, sink| $query::query().events(source).to(sink).workers($workers))
                .await
                .expect("the query opens");
        test.add($rows);
        test.run().await.expect("it runs");
        test.emitted()
    }};
}

#[tokio::test]
async fn each_result_is_ordered_and_equal_keys_stay_in_the_order_of_the_groups() {
    for workers in [1, 2, 7] {
        let mut test = TestQuery::open(|source, sink| Top::query().events(source).to(sink).workers(workers))
            .await
            .expect("the query opens");
        test.add(views(&["d", "c", "b", "a", "c"]));
        test.run().await.expect("it runs");
        assert_eq!(test.emitted(), [page("c", 2), page("a", 1), page("b", 1)], "{workers} workers");
        // Groups that didn't come out are there all the same.
        test.add(views(&["d", "d"]));
        test.restart().await.expect("it opens again");
        test.run().await.expect("it runs");
        assert_eq!(test.emitted(), [page("d", 3), page("c", 2), page("a", 1)], "{workers} workers");
        assert_eq!(test.progress()[1].sink.num_output_rows, 3);
    }
}

#[tokio::test]
async fn a_limit_without_an_order_takes_the_first_groups_that_having_has_kept() {
    for workers in [1, 2, 7] {
        let rows = result!(FirstGroups, workers, views(&["d", "c", "b", "a", "c", "d", "b"]));
        assert_eq!(rows, [page("b", 2), page("c", 2)]);
    }
}

#[tokio::test]
async fn a_key_is_any_expression_of_the_fields() {
    let rows = result!(ByComputed, 1, views(&["ab", "x", "ba", "xyz", "xyz", "y"]));
    let pages: Vec<_> = rows.iter().map(|row| row.page.as_str()).collect();
    assert_eq!(pages, ["xyz", "y", "x", "ab", "ba"]);
}

#[tokio::test]
async fn windows_and_times_are_in_the_order_of_time() {
    let rows = || [event("a", 1), event("b", 1), event("a", 11), event("c", 25)];
    let found = |rows: Vec<Total>| -> Vec<_> { rows.into_iter().map(|row| (row.window, row.page)).collect() };
    let group = |start, page: &str| (window(start, start + 10), page.to_owned());
    let expected = [group(20, "c"), group(10, "a"), group(0, "b"), group(0, "a")];
    assert_eq!(found(result!(ByWindow, 2, rows())), expected);
    let expected = [group(0, "a"), group(0, "b"), group(10, "a"), group(20, "c")];
    assert_eq!(found(result!(ByStart, 2, rows())), expected);
}

#[tokio::test]
async fn nulls_come_first_and_under_desc_last() {
    let of = |page: &str, user: Option<&str>| Event { user: user.map(str::to_owned), ..event(page, 1) };
    let rows = || [of("1", Some("eve")), of("2", None), of("3", Some("ada")), of("4", None)];
    let found = |rows: Vec<Total>| rows.into_iter().map(|row| row.page).collect::<String>();
    assert_eq!(found(result!(ByUser, 1, rows())), "2431");
    assert_eq!(found(result!(ByUserDown, 1, rows())), "1324");
}

#[tokio::test]
async fn nan_is_greater_than_every_number_and_zeros_are_equal() {
    let of = |page: &str, amount| Event { amount, ..event(page, 1) };
    let rows = || {
        let amounts = [f64::NAN, f64::INFINITY, 0.0, -0.0, f64::NEG_INFINITY, -f64::NAN, 0.0];
        ["1", "2", "3", "4", "5", "6", "7"]
            .into_iter()
            .zip(amounts)
            .map(move |(page, amount)| of(page, amount))
    };
    let found = |rows: Vec<Total>| rows.into_iter().map(|row| row.page).collect::<String>();
    assert_eq!(found(result!(ByMost, 1, rows())), "5347216");
    assert_eq!(found(result!(ByMostDown, 1, rows())), "1623475");
    assert_eq!(found(result!(ByAmounts, 1, rows())), "1623475");
}

#[tokio::test]
async fn lists_are_ordered_by_the_first_values_that_differ_and_the_shorter_comes_first() {
    let of = |page: &str, amount| Event { amount, ..event(page, 1) };
    let rows = [of("1", 2.0), of("2", 2.0), of("2", 1.0), of("3", 1.0), of("3", 9.0), of("4", 2.0)];
    let pages: String = result!(ByAmounts, 1, rows).into_iter().map(|row| row.page).collect();
    assert_eq!(pages, "2143");
}

#[tokio::test]
async fn in_append_mode_only_the_first_rows_of_the_querys_life_come_out() {
    for workers in [1, 2, 7] {
        let mut test =
            TestQuery::open(|source, sink| First::query().events(source).to(sink).workers(workers))
                .await
                .expect("the query opens");
        let counts = |test: &TestQuery<_, _, _>| {
            let batch = test.progress().last().expect("batches ran").clone();
            let operator = &batch.state_operators[0];
            assert_eq!((operator.operator_name, batch.state_operators.len()), ("globalLimit", 1));
            (batch.sink.num_output_rows, operator.num_rows_total, operator.num_rows_updated)
        };
        test.add([event("a", 1), event("b", 2), event("c", 3)]);
        test.run().await.expect("it runs");
        assert_eq!(test.emitted(), [event("a", 1), event("b", 2), event("c", 3)]);
        assert_eq!(counts(&test), (3, 1, 1));
        test.restart().await.expect("it opens again");
        test.add([event("d", 4), event("e", 50), event("f", 5)]);
        test.run().await.expect("it runs");
        assert_eq!(test.emitted(), [event("d", 4), event("e", 50)]);
        assert_eq!(counts(&test), (2, 1, 1));
        test.add([event("g", 60)]);
        test.run().await.expect("it runs");
        assert_eq!(test.emitted(), []);
        assert_eq!(counts(&test), (0, 1, 0));
        // A limit doesn't wait for the watermark.
        assert_eq!(test.progress().len(), 3);
    }
}

#[tokio::test]
async fn a_limit_of_nothing_lets_nothing_through() {
    let rows = result!(Nothing, 2, views(&["a", "b"]));
    assert_eq!(rows, []);
}

#[tokio::test]
async fn a_limit_counts_the_groups_that_the_watermark_has_closed() {
    for workers in [1, 2, 7] {
        let mut test =
            TestQuery::open(|source, sink| FirstWindows::query().events(source).to(sink).workers(workers))
                .await
                .expect("the query opens");
        test.add([event("b", 1), event("a", 2), event("a", 11), event("c", 20)]);
        // The batch without data, which closes the first window.
        test.run().await.expect("it runs");
        assert_eq!(test.emitted(), [page("a", 1), page("b", 1)]);
        test.restart().await.expect("it opens again");
        test.add([event("a", 100)]);
        test.run().await.expect("it runs");
        assert_eq!(test.emitted(), [page("a", 1)], "{workers} workers");
        // Groups leave the state though their rows don't come out.
        let operators = &test.progress().last().expect("batches ran").state_operators;
        let found: Vec<_> = operators.iter().map(|of| (of.operator_name, of.num_rows_total)).collect();
        assert_eq!(found, [("stateStoreSave", 1), ("globalLimit", 1)]);
    }
}

#[tokio::test]
async fn another_query_reads_the_first_rows() {
    for workers in [1, 2, 7] {
        let mut test = TestQuery::open(|source, sink| {
            FirstUsers::query().first(First::query().events(source)).to(sink).workers(workers)
        })
        .await
        .expect("the query opens");
        test.add([event("a", 1), event("b", 2), event("a", 3)]);
        test.run().await.expect("it runs");
        test.restart().await.expect("it opens again");
        test.add([event("a", 4), event("a", 5), event("a", 6), event("b", 100)]);
        test.run().await.expect("it runs");
        assert_eq!(test.emitted(), [page("a", 4), page("b", 1)], "{workers} workers");
        let operators = &test.progress()[0].state_operators;
        let names: Vec<_> = operators.iter().map(|operator| operator.operator_name).collect();
        assert_eq!(names, ["globalLimit", "stateStoreSave"]);
    }
}

macro_rules! limited {
    ($($name:ident $limit:literal),*) => {$(
        stream_query! {
            query $name(events: Event) -> Event {
                from e in events;
                select e;
                limit $limit;
                output append;
            }
        }
    )*};
}

limited!(Two 2, Three 3, One 1);

stream_query! {
    query Unlimited(events: Event) -> Event {
        from e in events;
        select e;
        output append;
    }
}

#[tokio::test]
async fn the_number_of_a_limit_may_change_between_runs_and_the_count_goes_on() {
    let directory = tempfile::tempdir().expect("a directory");
    let checkpoint = directory.path().join("checkpoint");
    let (input, _) = MemorySource::new();
    macro_rules! run {
        ($query:ident) => {{
            let (results, sink) = MemorySink::new();
            let query = $query::query().events(input.source()).to(sink).checkpoint(&checkpoint);
            match query.trigger(Trigger::AvailableNow).start().await {
                Ok(query) => query.await_termination().await.map(|()| results.rows()),
                Err(error) => Err(error),
            }
        }};
    }
    input.add(views(&["a", "b", "c"]));
    assert_eq!(run!(Two).expect("it runs"), views(&["a", "b"]));
    input.add(views(&["d", "e"]));
    assert_eq!(run!(Three).expect("another number is compatible"), views(&["d"]));
    input.add(views(&["f"]));
    assert_eq!(run!(One).expect("so is one that has been passed"), []);
    let error = run!(Unlimited).expect_err("the count has nowhere to go").to_string();
    assert!(error.contains("one operator that keeps state (`limit`)"), "{error}");
}

#[test]
fn the_plan_shows_the_order_and_the_limit() {
    let text = Top::explain().to_string();
    let expected = "\
Top
└─ output complete
   └─ limit 3
      └─ order by views desc
         └─ select Page { page: page, views: count() }
";
    assert!(text.starts_with(expected), "{text}");
    let text = FirstWindows::explain().to_string();
    let expected = "\
FirstWindows
└─ output append
   └─ limit 3
      ·  state is the number of rows put out
      └─ select Page { page: page, views: count() }
         └─ group by window(ts, seconds(10)), page
";
    assert!(text.starts_with(expected), "{text}");
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

/// Batches of rows, and what happens before each.
fn batches() -> impl Strategy<Value = Vec<(Before, Vec<(u8, i64)>)>> {
    prop::collection::vec((before(), prop::collection::vec((0..6_u8, -20..40_i64), 1..6)), 1..8)
}

/// Runs the batches and checks the rows of each, in their order; every start has its own number of workers.
macro_rules! property {
    ($query:ident, $batches:expr, $workers:expr, $expected:expr) => {{
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let starts = Cell::new(0);
        runtime.block_on(async {
            let mut test = TestQuery::open(|source, sink| {
                starts.set(starts.get() + 1);
                $query::query().events(source).to(sink).workers($workers[starts.get() % $workers.len()])
            })
            .await
            .expect("the query opens");
            let mut expected = $expected;
            let mut seen = Vec::new();
            for (before, rows) in &$batches {
                match before {
                    Before::Nothing => {}
                    Before::Restart => test.restart().await.expect("the query opens again"),
                    Before::Crash(step) => drop(test.crash_at(*step)),
                }
                let rows: Vec<_> =
                    rows.iter().map(|(key, second)| event(&format!("k{key}"), *second)).collect();
                seen.extend(rows.clone());
                test.add(rows.clone());
                test.run().await.expect("it runs");
                assert_eq!(test.emitted(), expected(&rows, &seen));
            }
        });
    }};
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48, failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(7),
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_limited_order_is_that_of_a_naive_sort_through_restarts_and_crashes(
        batches in batches(), workers in prop::collection::vec(1..8_usize, 3),
    ) {
        property!(Top, batches, workers, |_: &[Event], seen: &[Event]| {
            let mut names: Vec<_> = seen.iter().map(|event| event.page.clone()).collect();
            names.sort();
            names.dedup();
            let count = |name: &String| seen.iter().filter(|event| event.page == *name).count() as u64;
            let mut pages: Vec<_> = names.iter().map(|name| page(name, count(name))).collect();
            pages.sort_by_key(|page| (u64::MAX - page.views, page.page.clone()));
            pages.truncate(3);
            pages
        });
    }

    #[test]
    fn the_first_rows_come_out_once_through_restarts_and_crashes(
        batches in batches(), workers in prop::collection::vec(1..8_usize, 3),
    ) {
        let mut left = 5;
        property!(First, batches, workers, |rows: &[Event], _: &[Event]| {
            let rows: Vec<_> = rows.iter().take(left).cloned().collect();
            left -= rows.len();
            rows
        });
    }
}
