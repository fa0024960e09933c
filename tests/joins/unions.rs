//! Unions: the rows of one input after the other, and a watermark that waits for all of them.

use stream_runtime::prelude::*;
use stream_runtime::source::MemoryInput;
use stream_runtime::testing::TestQuery;

use crate::kinds::{Pair, closed, joined, pair, right_in};
use crate::naive::chains::{Dedup, Windows};
use crate::naive::joins::{Conditions, Item, Join, Kind};
use crate::{Row, Total, property, row, total};

stream_query! {
    query Two(first: Row, second: Row) -> Total {
        from e in first union second watermark(e.ts, seconds(4));
        where e.number != 3;
        group by window(e.ts, seconds(10)) as w, e.key;
        select Total { window: w, key: e.key, numbers: collect_list(e.number) };
        output append;
    }
}

stream_query! {
    query Three(first: Row, second: Row, third: Row) -> Row {
        from e in second union first union third watermark(e.ts, seconds(4));
        dedup by e.key, e.ts;
        select e;
        output append;
    }
}

stream_query! {
    query Joined(shipments: Row, first: Row, second: Row) -> Pair {
        from o in first union second watermark(o.ts, seconds(4));
        full join s in shipments watermark(s.ts, seconds(6)) on s.key == o.key
            within s.ts in o.ts ..= o.ts + seconds(10);
        select pair(o, s);
        output append;
    }
}

fn rows<'a>(inputs: impl IntoIterator<Item = &'a Vec<Item>>) -> Vec<Item> {
    inputs.into_iter().flatten().cloned().collect()
}

property! {
    union_of_two: |first, second| Two::query().first(first).second(second),
    delays [4_000, 4_000],
    {
        let mut windows = Windows::seconds(10);
        move |_, inputs, late, evict| {
            let rows = rows(inputs).into_iter().filter(|row| row.number != 3);
            let groups = windows.batch(rows.map(|row| (row.micros, row.key, row.number)), late, evict);
            (groups.into_iter().map(total).collect(), vec![windows.state_rows()])
        }
    }
}

property! {
    union_of_three: |first, second, third| Three::query().first(first).second(second).third(third),
    delays [4_000, 4_000, 4_000],
    {
        let mut dedup = Dedup::default();
        move |_, inputs, late, evict| {
            let rows = dedup.batch(&rows([&inputs[1], &inputs[0], &inputs[2]]), late, evict);
            (rows.iter().map(row).collect(), vec![dedup.state_rows()])
        }
    }
}

property! {
    join_of_a_union: |shipments, first, second|
        Joined::query().shipments(shipments).first(first).second(second),
    delays [6_000, 4_000, 4_000],
    {
        let mut join = Join::new(Kind::Full, right_in(closed(0, 10)), Conditions::NONE);
        move |_, inputs, late, evict| {
            let rows = join.batch(&rows(&inputs[1..]), &inputs[0], late, evict);
            (rows.iter().map(joined).collect(), vec![join.state_rows()])
        }
    }
}

fn number(number: i64, second: i64) -> Row {
    Row { key: None, number, ts: Some(Timestamp::from_secs(second)) }
}

/// docs/semantics.md 1.7.
#[tokio::test]
async fn an_input_that_never_had_a_row_holds_the_watermark_at_the_epoch() {
    for workers in [1, 2, 7] {
        let (first, second) = (MemoryInput::default(), MemoryInput::default());
        let build =
            |(first, second), sink| Two::query().first(first).second(second).to(sink).workers(workers);
        let mut test =
            TestQuery::open_with((first.clone(), second.clone()), build).await.expect("the query opens");
        first.add([number(1, 1), number(2, 1_000)]);
        test.expect([]).await;
        first.add([number(4, 2), number(5, 100_000)]);
        test.expect([]).await;
        assert!(
            test.progress().iter().all(|batch| batch.event_time.watermark == Some(Timestamp::from_secs(0)))
        );
        // It is the slower one then, and its rows come after those of the other in their batch.
        second.add([number(6, 3), number(7, 16)]);
        first.add([number(8, 4)]);
        let window = Window { start: Timestamp::from_secs(0), end: Timestamp::from_secs(10) };
        test.expect([Total { window, key: None, numbers: vec![1, 4, 8, 6] }]).await;
        let last = test.progress().last().expect("batches ran");
        assert_eq!(last.event_time.watermark, Some(Timestamp::from_secs(12)));
    }
}
