//! When `flush_after` has nothing left to do: rows in state that no watermark closes don't keep it going.

use stream_runtime::prelude::*;
use stream_runtime::source::MemoryInput;
use stream_runtime::testing::TestQuery;

use super::at;

#[derive(Schema, Clone, Debug, PartialEq)]
struct Event {
    key: u64,
    ts: Option<Timestamp>,
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Count {
    ts: Option<Timestamp>,
    n: u64,
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Pair {
    left: u64,
    right: Option<u64>,
}

stream_query! {
    query Instants(events: Event) -> Count {
        from e in events watermark(e.ts, seconds(10));
        group by e.ts;
        select Count { ts: e.ts, n: count() };
        output append;
    }
}

stream_query! {
    query Once(events: Event) -> Event {
        from e in events watermark(e.ts, seconds(10));
        dedup by e.key, e.ts;
        select e;
        output append;
    }
}

stream_query! {
    query OnceWithin(events: Event) -> Event {
        from e in events watermark(e.ts, seconds(10));
        dedup by e.key within watermark;
        select e;
        output append;
    }
}

stream_query! {
    query After(lefts: Event, rights: Event) -> Pair {
        from l in lefts watermark(l.ts, seconds(10));
        join r in rights watermark(r.ts, seconds(10)) on r.key == l.key within r.ts in l.ts .. unbounded;
        select Pair { left: l.key, right: Some(r.key) };
        output append;
    }
}

stream_query! {
    query SoonAfter(lefts: Event, rights: Event) -> Pair {
        from l in lefts watermark(l.ts, seconds(10));
        full join r in rights watermark(r.ts, seconds(10)) on r.key == l.key within r.ts in l.ts ..= l.ts + seconds(10);
        select Pair { left: l.map_or(0, |l| l.key), right: r.map(|r| r.key) };
        output append;
    }
}

fn event(key: u64, second: Option<i64>) -> Event {
    Event { key, ts: second.map(at) }
}

/// Two rows with a time, and one without, which stays.
fn events() -> [Event; 3] {
    [event(1, Some(100)), event(2, Some(101)), event(3, None)]
}

macro_rules! settles {
    ($test:ident, $rows:expr) => {{
        $test.run().await.expect("it runs");
        $test.advance(minutes(1)).run().await.expect("it runs");
        let closed = $test.progress().len();
        let left = $test.progress()[closed - 1].state_operators[0].num_rows_total;
        assert_eq!(left, $rows, "what has a time is closed, the rest stays");
        $test.advance(minutes(1)).run().await.expect("it runs");
        assert_eq!($test.progress().len(), closed + 1, "a step that changes nothing");
        $test.advance(days(1)).run().await.expect("it runs");
        assert_eq!($test.progress().len(), closed + 1, "is the last");
        // Also if the rows come out of a checkpoint.
        $test.restart().await.expect("it opens again");
        $test.advance(minutes(1)).run().await.expect("it runs");
        $test.advance(minutes(1)).run().await.expect("it runs");
        assert_eq!($test.progress().len(), closed + 2, "once after a restart");
    }};
}

macro_rules! settles_with_one_input {
    ($query:ident) => {
        for workers in [1, 3] {
            let build = |source, sink| {
                $query::query().events(source).to(sink).workers(workers).flush_after(minutes(1))
            };
            let mut test = TestQuery::open(build).await.expect("it opens");
            test.add(events());
            settles!(test, 1);
        }
    };
}

#[tokio::test]
async fn groups_and_keys_without_an_event_time_are_not_waited_for() {
    settles_with_one_input!(Instants);
    settles_with_one_input!(Once);
    settles_with_one_input!(OnceWithin);
}

macro_rules! settles_with_two_inputs {
    ($query:ident, $rows:expr) => {
        for workers in [1, 3] {
            let inputs = <(MemoryInput<Event>, MemoryInput<Event>)>::default();
            let build = |(lefts, rights), sink| {
                let query = $query::query().lefts(lefts).rights(rights);
                query.to(sink).workers(workers).flush_after(minutes(1))
            };
            let mut test = TestQuery::open_with(inputs.clone(), build).await.expect("it opens");
            inputs.0.add(events());
            inputs.1.add([event(8, Some(100)), event(9, None)]);
            settles!(test, $rows);
        }
    };
}

#[tokio::test]
async fn rows_of_a_side_of_a_join_that_nothing_bounds_are_not_waited_for() {
    // Left rows stay for ever; a right row without an event time is within nothing, and isn't kept.
    settles_with_two_inputs!(After, 2);
    settles_with_two_inputs!(SoonAfter, 0);
}
