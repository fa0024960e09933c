//! Operators behind one another, each with the watermarks of its own rows: docs/semantics.md §2.

use stream_runtime::prelude::*;
use stream_runtime::source::MemoryInput;
use stream_runtime::testing::TestQuery;

use super::{at, window};

#[derive(Schema, Clone, Debug, PartialEq)]
struct Event {
    key: String,
    ts: Timestamp,
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Count {
    window: Window,
    n: u64,
}

stream_query! {
    query ByTen(events: Event) -> Count {
        from e in events watermark(e.ts, seconds(0));
        group by window(e.ts, seconds(10)) as w;
        select Count { window: w, n: count() };
        output append;
    }
}

stream_query! {
    query ByTwenty() -> Count {
        from c in query ByTen;
        group by window(c.window, seconds(20)) as w;
        select Count { window: w, n: sum(c.n) };
        output append;
    }
}

stream_query! {
    query Unshipped(orders: Event, shipments: Event) -> Count {
        from o in orders watermark(o.ts, seconds(0));
        left join s in shipments watermark(s.ts, seconds(0)) on s.key == o.key
            within s.ts in o.ts ..= o.ts + seconds(10);
        where s.is_none();
        group by window(o.ts, seconds(10)) as w;
        select Count { window: w, n: count() };
        output append;
    }
}

stream_query! {
    query UnshippedByTwenty() -> Count {
        from c in query Unshipped;
        group by window(c.window, seconds(20)) as w;
        select Count { window: w, n: sum(c.n) };
        output append;
    }
}

fn event(second: i64) -> Event {
    Event { key: "a".to_owned(), ts: at(second) }
}

fn count(start: i64, end: i64, n: u64) -> Count {
    Count { window: window(start, end), n }
}

/// docs/semantics.md 2.1 to 2.4 and 6.6.
#[tokio::test]
async fn rows_of_an_inner_query_are_never_late_and_each_is_in_the_window_around_its_own() {
    for workers in [1, 2, 7] {
        let build =
            |source, sink| ByTwenty::query().by_ten(ByTen::query().events(source)).to(sink).workers(workers);
        let mut test = TestQuery::open(build).await.expect("it opens");
        // A window that ends where the outer one does is inside of it: its last microsecond is.
        test.add([event(1), event(11), event(19), event(20)]);
        test.expect([count(0, 20, 3)]).await;
        // 45 comes in the batch that closes its window, and so does what the inner query makes of it.
        test.add([event(25)]).add([event(70)]).add([event(45), event(69)]);
        test.expect([count(20, 40, 2), count(40, 60, 1)]).await;
        let (mut inner_late, mut outer_late) = (0, 0);
        for batch in test.progress() {
            inner_late += batch.state_operators[0].custom_metrics["lateInputRows"];
            outer_late += batch.state_operators[1].custom_metrics["lateInputRows"];
        }
        assert_eq!((inner_late, outer_late), (0, 0));
    }
}

/// docs/semantics.md 2.4: what is late for the inner query is in no window of the outer one.
#[tokio::test]
async fn a_row_that_is_late_for_the_inner_query_is_counted_there_and_nowhere_else() {
    let build = |source, sink| ByTwenty::query().by_ten(ByTen::query().events(source)).to(sink);
    let mut test = TestQuery::open(build).await.expect("it opens");
    test.add([event(1), event(12)]);
    test.expect([]).await;
    test.add([event(5), event(13)]);
    test.expect([]).await;
    test.add([event(40)]);
    test.expect([count(0, 20, 3)]).await;
    let late: Vec<_> = test
        .progress()
        .iter()
        .map(|batch| {
            batch.state_operators.iter().map(|operator| operator.num_rows_dropped_by_watermark).sum()
        })
        .collect::<Vec<u64>>();
    assert_eq!(late.iter().sum::<u64>(), 1);
}

/// docs/semantics.md 2.3: a left row may come out ten seconds and a millisecond after its time.
#[tokio::test]
async fn a_window_behind_a_join_waits_for_rows_that_the_join_may_still_put_out() {
    for workers in [1, 2, 7] {
        let (orders, shipments) = (MemoryInput::default(), MemoryInput::default());
        let build = |(orders, shipments), sink| {
            Unshipped::query().orders(orders).shipments(shipments).to(sink).workers(workers)
        };
        let mut test =
            TestQuery::open_with((orders.clone(), shipments.clone()), build).await.expect("it opens");
        let tick = |millis: i64| {
            let row = |key: &str| Event { key: key.to_owned(), ts: Timestamp::from_millis(millis) };
            orders.add([row("left tick")]);
            shipments.add([row("right tick")]);
        };
        orders.add([event(1), event(9)]);
        tick(11_001);
        test.expect([]).await;
        tick(19_500);
        // Both have come out of the join, and may have been the last, or not.
        test.expect([]).await;
        assert_eq!(test.progress().last().expect("batches ran").state_operators[1].num_rows_total, 1);
        tick(20_000);
        test.expect([]).await;
        tick(20_001);
        test.expect([count(0, 10, 2)]).await;
        let late = |batch: &std::sync::Arc<stream_runtime::engine::Progress>| {
            batch.state_operators[1].num_rows_dropped_by_watermark
        };
        assert!(test.progress().iter().all(|batch| late(batch) == 0));
    }
}

/// docs/semantics.md 2.3: the watermark behind a join goes on to the query that reads it.
#[tokio::test]
async fn a_query_that_reads_a_join_has_the_joins_watermark() {
    let (orders, shipments) = (MemoryInput::default(), MemoryInput::default());
    let build = |(orders, shipments), sink| {
        UnshippedByTwenty::query().unshipped(Unshipped::query().orders(orders).shipments(shipments)).to(sink)
    };
    let mut test = TestQuery::open_with((orders.clone(), shipments.clone()), build).await.expect("it opens");
    let tick = |millis: i64| {
        let row = |key: &str| Event { key: key.to_owned(), ts: Timestamp::from_millis(millis) };
        orders.add([row("tick")]);
        shipments.add([row("tick")]);
    };
    orders.add([event(1), event(11)]);
    tick(30_000);
    test.expect([]).await;
    tick(30_001);
    test.expect([count(0, 20, 2)]).await;
}
