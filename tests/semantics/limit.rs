//! `limit` by itself (docs/semantics.md 11): the first rows of a query's life, counted in state.

use std::cell::Cell;

use proptest::prelude::*;
use stream_runtime::prelude::*;
use stream_runtime::testing::TestQuery;

use super::order::{Before, Event, Page, batches, event, page, property, views};

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
    let mut test = TestQuery::open(|source, sink| Nothing::query().events(source).to(sink).workers(2))
        .await
        .expect("the query opens");
    test.add(views(&["a", "b"]));
    test.expect([]).await;
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
fn the_plan_shows_what_a_limit_keeps() {
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

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48, failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(7),
        ..ProptestConfig::default()
    })]

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
