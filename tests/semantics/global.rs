//! Aggregations over everything: one row, also of nothing.

use stream_runtime::prelude::*;
use stream_runtime::testing::TestQuery;

use super::at;

#[derive(Schema, Clone, Debug, PartialEq)]
struct Event {
    number: i64,
    ts: Timestamp,
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Count {
    n: u64,
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Low {
    n: u64,
    low: i64,
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Mean {
    n: u64,
    mean: Option<f64>,
}

stream_query! {
    query CountUpdate(events: Event) -> Count {
        from e in events;
        where e.number != 0;
        select Count { n: count() };
        output update;
    }
}

stream_query! {
    query CountComplete(events: Event) -> Count {
        from e in events;
        where e.number != 0;
        select Count { n: count() };
        output complete;
    }
}

stream_query! {
    query CountWatermark(events: Event) -> Count {
        from e in events watermark(e.ts, seconds(0));
        where e.number != 0;
        select Count { n: count() };
        output update;
    }
}

stream_query! {
    query LowUpdate(events: Event) -> Low {
        from e in events;
        where e.number != 0;
        select Low { n: count(), low: min(e.number) };
        output update;
    }
}

stream_query! {
    query LowComplete(events: Event) -> Low {
        from e in events;
        where e.number != 0;
        select Low { n: count(), low: min(e.number) };
        output complete;
    }
}

stream_query! {
    query MeanComplete(events: Event) -> Mean {
        from e in events;
        let number = (e.number != 0).then_some(e.number);
        select Mean { n: count(), mean: avg(number) };
        having n != 13;
        output complete;
    }
}

fn event(number: i64) -> Event {
    Event { number, ts: at(100) }
}

macro_rules! open {
    ($query:ident, $workers:expr) => {
        TestQuery::open(|source, sink| $query::query().events(source).to(sink).workers($workers))
            .await
            .expect("it opens")
    };
}

/// The one row after a batch of nothing, one of filtered rows, three rows, a restart, and again nothing.
macro_rules! one_row_always {
    ($test:ident, $query:ident) => {
        #[tokio::test]
        async fn $test() {
            for workers in [1, 3] {
                let mut test = open!($query, workers);
                test.expect([]).await;
                test.add([]);
                test.expect([Count { n: 0 }]).await;
                test.add([event(0), event(0)]);
                test.expect([Count { n: 0 }]).await;
                test.add([event(1), event(0), event(2), event(3)]);
                test.expect([Count { n: 3 }]).await;
                test.restart().await.expect("it opens again");
                test.add([event(0)]);
                test.expect([Count { n: 3 }]).await;
                test.add([event(4)]);
                test.expect([Count { n: 4 }]).await;
            }
        }
    };
}

one_row_always!(a_global_count_has_its_row_in_every_batch_in_update_mode, CountUpdate);
one_row_always!(a_global_count_has_its_row_in_every_batch_in_complete_mode, CountComplete);

#[tokio::test]
async fn a_zero_of_an_empty_first_batch_outlives_a_restart() {
    let mut test = open!(CountUpdate, 1);
    test.add([]);
    test.expect([Count { n: 0 }]).await;
    test.restart().await.expect("it opens again");
    test.add([event(5)]);
    test.expect([Count { n: 1 }]).await;
    assert_eq!(test.progress()[1].state_operators[0].num_rows_total, 1);
}

/// docs/semantics.md 4.2: a no-data batch in update mode emits nothing, not even the row of a global aggregation.
#[tokio::test]
async fn a_batch_without_data_emits_no_global_row() {
    let mut test = open!(CountWatermark, 2);
    test.add([event(1)]);
    test.expect([Count { n: 1 }]).await;
    let batches: Vec<_> = test.progress().iter().map(|batch| batch.num_input_rows).collect();
    assert_eq!(batches, [1, 0], "the batch without data has run");
}

#[tokio::test]
async fn a_row_with_a_minimum_of_nothing_is_left_out_until_there_is_one() {
    let mut update = open!(LowUpdate, 2);
    let mut complete = open!(LowComplete, 2);
    for rows in [vec![], vec![event(0)]] {
        update.add(rows.clone());
        update.expect([]).await;
        complete.add(rows);
        complete.expect([]).await;
    }
    update.add([event(7), event(-7)]);
    update.expect([Low { n: 2, low: -7 }]).await;
    complete.add([event(7), event(-7)]);
    complete.expect([Low { n: 2, low: -7 }]).await;
    // From then on it is there, also for a batch of nothing.
    update.add([event(0)]);
    update.expect([Low { n: 2, low: -7 }]).await;
    complete.add([]);
    complete.expect([Low { n: 2, low: -7 }]).await;
}

#[tokio::test]
async fn a_mean_of_nothing_is_null_where_the_column_may_be_null() {
    let mut test = open!(MeanComplete, 1);
    test.add([]);
    test.expect([Mean { n: 0, mean: None }]).await;
    test.add([event(0)]);
    test.expect([Mean { n: 1, mean: None }]).await;
    test.add([event(1), event(2)]);
    test.expect([Mean { n: 3, mean: Some(1.5) }]).await;
}
