//! Windows and sessions whose ends are no whole milliseconds, as the watermark is: what a query emits is never late for the one that reads
//! it, docs/semantics.md 2.4 and 3.1.

use stream_runtime::prelude::*;
use stream_runtime::source::MemoryInput;
use stream_runtime::testing::TestQuery;

#[derive(Schema, Clone, Debug, PartialEq)]
struct Event {
    key: u64,
    ts: Timestamp,
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Count {
    window: Window,
    n: u64,
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Pair {
    window: Window,
    left: u64,
    right: Option<u64>,
}

stream_query! {
    query Windows(events: Event) -> Count {
        from e in events watermark(e.ts, seconds(0));
        group by window(e.ts, seconds(10), start = microseconds(1)) as w, e.key;
        select Count { window: w, n: count() };
        output append;
    }
}

stream_query! {
    query Others(events: Event) -> Count {
        from e in events watermark(e.ts, seconds(0));
        group by window(e.ts, seconds(10), start = microseconds(1)) as w, e.key;
        select Count { window: w, n: count() };
        output append;
    }
}

stream_query! {
    query Sessions(events: Event) -> Count {
        from e in events watermark(e.ts, seconds(0));
        group by session(e.ts, microseconds(5_000_001)) as s, e.key;
        select Count { window: s, n: count() };
        output append;
    }
}

stream_query! {
    query WindowsOnce() -> Count {
        from c in query Windows;
        dedup by c.window;
        select c;
        output append;
    }
}

stream_query! {
    query SessionsOnce() -> Count {
        from c in query Sessions;
        dedup by c.window;
        select c;
        output append;
    }
}

stream_query! {
    query WindowsOfWindows() -> Count {
        from c in query Windows;
        group by window(c.window, seconds(20), start = microseconds(1)) as w;
        select Count { window: w, n: sum(c.n) };
        output append;
    }
}

stream_query! {
    query Pairs() -> Pair {
        from l in query Windows;
        left join r in query Others on r.window == l.window;
        select Pair { window: l.window, left: l.n, right: r.map(|r| r.n) };
        output append;
    }
}

/// So many microseconds after a second.
fn instant(second: i64, micros: i64) -> Timestamp {
    Timestamp::from_micros(second * 1_000_000 + micros)
}

fn event(second: i64) -> Event {
    Event { key: 1, ts: instant(second, 0) }
}

fn window(start: i64, end: i64) -> Window {
    Window { start: instant(start, 1), end: instant(end, 1) }
}

/// Batches after which the watermark is at 10 s, a microsecond before the first window's end and the first session's, and then past both.
fn batches() -> [Vec<Event>; 3] {
    [vec![event(3), event(5)], vec![event(10)], vec![event(40)]]
}

#[tokio::test]
async fn a_window_that_closes_a_microsecond_after_the_watermark_is_not_late_for_a_deduplication() {
    for workers in [1, 3] {
        let build = |source, sink| {
            WindowsOnce::query().windows(Windows::query().events(source)).to(sink).workers(workers)
        };
        let mut test = TestQuery::open(build).await.expect("it opens");
        for batch in batches() {
            test.add(batch);
        }
        test.expect([Count { window: window(0, 10), n: 3 }]).await;
        let late = |operator: usize| {
            let operators = test.progress().iter().map(|batch| &batch.state_operators[operator]);
            operators.map(|operator| operator.num_rows_dropped_by_watermark).sum::<u64>()
        };
        assert_eq!([late(0), late(1)], [0, 0]);
    }
}

#[tokio::test]
async fn neither_is_a_session() {
    let build = |source, sink| SessionsOnce::query().sessions(Sessions::query().events(source)).to(sink);
    let mut test = TestQuery::open(build).await.expect("it opens");
    // The session of the first two ends at 10.000001 s.
    test.add([event(3), event(5)]);
    test.expect([]).await;
    test.add([Event { key: 2, ts: instant(10, 0) }]);
    test.expect([]).await;
    test.add([Event { key: 3, ts: instant(40, 0) }]);
    let session = |start, end| Window { start: instant(start, 0), end: instant(end, 1) };
    test.expect([Count { window: session(3, 10), n: 2 }, Count { window: session(10, 15), n: 1 }]).await;
}

#[tokio::test]
async fn nor_is_one_late_for_windows_around_it() {
    let build = |source, sink| WindowsOfWindows::query().windows(Windows::query().events(source)).to(sink);
    let mut test = TestQuery::open(build).await.expect("it opens");
    for batch in batches() {
        test.add(batch);
    }
    test.expect([Count { window: window(0, 20), n: 3 }]).await;
}

#[tokio::test]
async fn nor_for_a_join_and_its_partner_is_still_there() {
    for workers in [1, 3] {
        let inputs = <(MemoryInput<Event>, MemoryInput<Event>)>::default();
        let build = |(left, right), sink| {
            let query = Pairs::query().windows(Windows::query().events(left));
            query.others(Others::query().events(right)).to(sink).workers(workers)
        };
        let mut test = TestQuery::open_with(inputs.clone(), build).await.expect("it opens");
        for batch in batches() {
            inputs.0.add(batch.clone());
            inputs.1.add(batch);
        }
        test.expect([Pair { window: window(0, 10), left: 3, right: Some(3) }]).await;
    }
}
