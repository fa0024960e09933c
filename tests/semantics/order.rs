//! `order by`, and `limit` behind it (docs/semantics.md 11): whole results in an order, and their first rows.

use std::cell::Cell;

use proptest::prelude::*;
use stream_runtime::engine::Step;
use stream_runtime::prelude::*;
use stream_runtime::testing::TestQuery;

use super::{at, window};

#[derive(Schema, Clone, Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) page: String,
    pub(crate) user: Option<String>,
    pub(crate) amount: f64,
    pub(crate) ts: Timestamp,
}

#[derive(Schema, Clone, Debug, PartialEq)]
pub(crate) struct Page {
    pub(crate) page: String,
    pub(crate) views: u64,
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
        order by views > 1 desc, page.len(), page.to_string().chars().rev().collect::<String>() desc, TOP;
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

pub(crate) fn event(page: &str, second: i64) -> Event {
    Event { page: page.to_owned(), user: None, amount: 1.0, ts: at(second) }
}

pub(crate) fn views(pages: &[&str]) -> Vec<Event> {
    pages.iter().map(|page| event(page, 1)).collect()
}

pub(crate) fn page(page: &str, views: u64) -> Page {
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
}

/// What happens before a batch.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Before {
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
pub(crate) fn batches() -> impl Strategy<Value = Vec<(Before, Vec<(u8, i64)>)>> {
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
            #[allow(unused_mut, reason = "not every expectation remembers")]
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

pub(crate) use property;

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
}
