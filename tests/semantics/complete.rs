//! Complete mode: what sessions and a `dedup by` in front of an aggregation do in it (docs/semantics.md 3.3, 4.3 and 8).

use stream_runtime::prelude::*;
use stream_runtime::testing::TestQuery;

use super::{at, window};

#[derive(Schema, Clone, Debug, PartialEq)]
struct Event {
    key: String,
    ts: Timestamp,
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Total {
    window: Window,
    key: String,
    n: u64,
}

stream_query! {
    query SessionsOfAll(events: Event) -> Total {
        from e in events watermark(e.ts, seconds(10));
        group by session(e.ts, seconds(5)) as s, e.key;
        select Total { window: s, key: e.key, n: count() };
        output complete;
    }
}

stream_query! {
    query WindowsOfFirst(events: Event) -> Total {
        from e in events watermark(e.ts, seconds(10));
        dedup by e.key within watermark;
        group by window(e.ts, seconds(100)) as w, e.key;
        select Total { window: w, key: e.key, n: count() };
        output complete;
    }
}

fn event(key: &str, second: i64) -> Event {
    Event { key: key.to_owned(), ts: at(second) }
}

fn total(start: i64, end: i64, key: &str, n: u64) -> Total {
    Total { window: window(start, end), key: key.to_owned(), n }
}

#[tokio::test]
async fn sessions_stay_and_take_late_rows() {
    for workers in [1, 3] {
        let mut test =
            TestQuery::open(|source, sink| SessionsOfAll::query().events(source).to(sink).workers(workers))
                .await
                .expect("the query opens");
        test.add([event("a", 1), event("a", 5), event("b", 1)]);
        test.expect([total(1, 10, "a", 2), total(1, 6, "b", 1)]).await;
        test.add([event("a", 100)]);
        test.expect([total(1, 10, "a", 2), total(1, 6, "b", 1), total(100, 105, "a", 1)]).await;
        test.restart().await.expect("the query opens again");
        // The watermark is at 90 s.
        test.add([event("a", 3), event("b", 6)]);
        test.expect([total(1, 10, "a", 3), total(1, 11, "b", 2), total(100, 105, "a", 1)]).await;
        test.add([event("c", 2)]);
        let all = [total(1, 10, "a", 3), total(1, 11, "b", 2), total(2, 7, "c", 1), total(100, 105, "a", 1)];
        test.expect(all).await;
    }
}

#[tokio::test]
async fn dedup_before_an_aggregation_drops_late_rows_and_old_keys_all_the_same() {
    for workers in [1, 3] {
        let mut test =
            TestQuery::open(|source, sink| WindowsOfFirst::query().events(source).to(sink).workers(workers))
                .await
                .expect("the query opens");
        test.add([event("a", 1), event("a", 2), event("b", 99)]);
        // The deduplication asks for a batch without data (5.1), which drops the key `a`, whose time is over at 11 s, and
        // puts the table out once more.
        let table = || [total(0, 100, "a", 1), total(0, 100, "b", 1)];
        test.expect(table().into_iter().chain(table())).await;
        let dedup = test.progress().last().expect("batches ran").state_operators[0].clone();
        assert_eq!((dedup.num_rows_removed, dedup.num_rows_total), (1, 1));
        // The watermark is at 89 s: all of these are late, though their window is there.
        test.add([event("a", 89), event("c", 3), event("d", 89)]);
        test.expect(table()).await;
        test.add([event("a", 90), event("b", 98)]);
        test.expect([total(0, 100, "a", 2), total(0, 100, "b", 1)]).await;
    }
}
