//! Late rows of a query that another one reads: they go to the sinks that the inner query was given.

use stream_runtime::prelude::*;
use stream_runtime::source::MemoryInput;
use stream_runtime::testing::TestQuery;

use super::{Event, Recorder, Watermark, events, late_rows, second};

#[derive(Schema, Clone, Debug, PartialEq)]
struct Count {
    window: Window,
    key: u64,
    n: u64,
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Total {
    window: Window,
    keys: u64,
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Pair {
    key: u64,
    number: u64,
}

stream_query! {
    query Counts(events: Event) -> Count {
        from e in events watermark(e.ts, seconds(0)) late into dropped;
        group by window(e.ts, seconds(5)) as w, e.key;
        select Count { window: w, key: e.key, n: count() };
        output append;
    }
}

stream_query! {
    query Totals() -> Total {
        from c in query Counts;
        group by window(c.window, seconds(10)) as w;
        select Total { window: w, keys: count() };
        output append;
    }
}

stream_query! {
    query WithCounts(others: Event) -> Pair {
        from o in others watermark(o.ts, seconds(0)) late into late_others;
        join c in query Counts on c.key == o.key unbounded;
        select Pair { key: c.key, number: o.number };
        output append;
    }
}

fn window_end(event: &Event) -> Option<i64> {
    second(event).map(|second| second.div_euclid(5) * 5 + 5)
}

#[tokio::test]
async fn late_rows_of_an_inner_query_go_to_its_own_sink() {
    for workers in [1, 2, 7] {
        let batches = events(12, 9);
        let dropped = Recorder::default();
        let mut test = TestQuery::open(|source, sink| {
            let counts = Counts::query().events(source).dropped(dropped.clone());
            Totals::query().counts(counts).to(sink).workers(workers)
        })
        .await
        .expect("it opens");
        for batch in &batches {
            test.add(batch.clone());
        }
        test.run().await.expect("it runs");
        assert_eq!(dropped.batches(batches.len()), late_rows(&batches, window_end), "{workers} workers");
    }
}

#[tokio::test]
async fn an_inner_and_an_outer_query_have_each_their_late_rows() {
    for workers in [1, 2, 7] {
        let (others, inner) = (events(12, 10), events(12, 11));
        let inputs = <(MemoryInput<Event>, MemoryInput<Event>)>::default();
        for (other, event) in others.iter().zip(&inner) {
            inputs.0.add(other.clone());
            inputs.1.add(event.clone());
        }
        let (dropped, late_others) = (Recorder::default(), Recorder::default());
        let mut test = TestQuery::open_with(inputs, |(other, event), sink| {
            let counts = Counts::query().events(event).dropped(dropped.clone());
            let query = WithCounts::query().others(other).counts(counts);
            query.late_others(late_others.clone()).to(sink).workers(workers)
        })
        .await
        .expect("it opens");
        test.run().await.expect("it runs");
        let mut watermark = Watermark::default();
        let (mut of_inner, mut of_outer) = (Vec::new(), Vec::new());
        for (other, event) in others.iter().zip(&inner) {
            let late = watermark.batch(&[other, event]);
            let rows = event.iter().filter(|row| window_end(row).is_some_and(|end| end <= late));
            of_inner.push(rows.cloned().collect::<Vec<_>>());
            let rows = other.iter().filter(|row| second(row).is_some_and(|second| second <= late));
            of_outer.push(rows.cloned().collect::<Vec<_>>());
        }
        assert_eq!(dropped.batches(inner.len()), of_inner, "{workers} workers");
        assert_eq!(late_others.batches(others.len()), of_outer, "{workers} workers");
    }
}
