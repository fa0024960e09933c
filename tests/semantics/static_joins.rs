//! Joins of a stream with a table: docs/semantics.md §9.

use stream_runtime::prelude::*;
use stream_runtime::testing::TestQuery;

use super::{at, window};

#[derive(Schema, Clone, Debug, PartialEq)]
struct Event {
    page: Option<String>,
    ts: Timestamp,
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Ad {
    page: Option<String>,
    campaign: i64,
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Shown {
    second: i64,
    campaign: Option<i64>,
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Count {
    window: Window,
    campaign: i64,
    n: u64,
}

fn second(ts: Timestamp) -> i64 {
    ts.as_micros() / 1_000_000
}

macro_rules! lookup {
    ($name:ident: [$($join:ident)+] $e:ident $ad:ident $mode:ident -> $campaign:expr) => {
        stream_query! {
            query $name(events: Event, ads: static Ad) -> Shown {
                from $e in events;
                $($join)+ $ad in ads on $ad.page == $e.page;
                select Shown { second: second($e.ts), campaign: $campaign };
                output $mode;
            }
        }
    };
}

lookup!(Inner: [join] e ad append -> ad.campaign);
lookup!(Left: [left join] e ad update -> ad.map(|ad| ad.campaign));
lookup!(Semi: [semi join] e ad append -> None);
lookup!(Anti: [anti join] e ad update -> None);

macro_rules! counts {
    ($name:ident, $mode:ident) => {
        stream_query! {
            query $name(events: Event, ads: static Ad) -> Count {
                from e in events watermark(e.ts, seconds(0));
                join ad in ads on ad.page == e.page;
                group by window(e.ts, seconds(10)) as w, ad.campaign;
                select Count { window: w, campaign: ad.campaign, n: count() };
                output $mode;
            }
        }
    };
}

counts!(CountsAppend, append);
counts!(CountsUpdate, update);
counts!(CountsComplete, complete);

fn event(page: &str, second: i64) -> Event {
    Event { page: Some(page.to_owned()), ts: at(second) }
}

fn ad(page: &str, campaign: i64) -> Ad {
    Ad { page: Some(page.to_owned()), campaign }
}

fn shown(second: i64, campaign: i64) -> Shown {
    Shown { second, campaign: Some(campaign) }
}

fn alone(second: i64) -> Shown {
    Shown { second, campaign: None }
}

fn count(start: i64, campaign: i64, n: u64) -> Count {
    Count { window: window(start, start + 10), campaign, n }
}

/// Two ads of page a, none of b, and one of no page.
fn ads() -> Vec<Ad> {
    vec![ad("a", 2), ad("c", 3), ad("a", 1), Ad { page: None, campaign: 4 }]
}

macro_rules! open {
    ($query:ident, $ads:expr, $workers:expr) => {
        TestQuery::open(|source, sink| $query::query().events(source).ads($ads).to(sink).workers($workers))
            .await
            .expect("it opens")
    };
}

/// docs/semantics.md 9.1.
#[tokio::test]
async fn each_kind_passes_on_what_it_says_in_the_order_of_the_stream_and_then_of_the_table() {
    macro_rules! check {
        ($($query:ident: $expected:expr;)+) => {$(
            for workers in [1, 2, 7] {
                let mut test = open!($query, ads(), workers);
                test.add([event("a", 1), event("b", 2), Event { page: None, ts: at(3) }, event("c", 4)]);
                let progress = test.run().await.expect("nothing fails");
                assert_eq!(test.emitted(), $expected, "{} with {workers} workers", stringify!($query));
                assert!(progress[0].state_operators.is_empty(), "it keeps no rows");
            }
        )+};
    }
    check! {
        Inner: [shown(1, 2), shown(1, 1), shown(4, 3)];
        Left: [shown(1, 2), shown(1, 1), alone(2), alone(3), shown(4, 3)];
        Semi: [alone(1), alone(4)];
        Anti: [alone(2), alone(3)];
    }
}

/// docs/semantics.md 9.2.
#[tokio::test]
async fn an_aggregation_behind_it_may_have_any_mode() {
    let rows = || [event("a", 1), event("b", 2), event("c", 3), event("a", 4), event("a", 25)];
    let closed = [count(0, 1, 2), count(0, 2, 2), count(0, 3, 1)];
    let open = [count(20, 1, 1), count(20, 2, 1)];
    let mut append = open!(CountsAppend, ads(), 2);
    append.add(rows());
    append.expect(closed.clone()).await;
    let mut update = open!(CountsUpdate, ads(), 2);
    update.add(rows());
    update.expect([&closed[..], &open].concat()).await;
    update.add([event("c", 26)]);
    update.expect([count(20, 3, 1)]).await;
    let mut complete = open!(CountsComplete, ads(), 2);
    complete.add(rows());
    complete.expect([&closed[..], &open].concat()).await;
    complete.add([event("c", 26)]);
    complete.expect([&closed[..], &open, &[count(20, 3, 1)]].concat()).await;
}

/// docs/semantics.md 1.3, "Ours", and 9.1.
#[tokio::test]
async fn rows_without_a_partner_move_the_watermark_too() {
    let mut test = open!(CountsAppend, ads(), 1);
    test.add([event("a", 1), event("nowhere", 10)]);
    test.expect([count(0, 1, 1), count(0, 2, 1)]).await;
}

#[tokio::test]
async fn a_table_that_is_replaced_is_another_one_from_the_next_batch_on_and_by_itself_runs_none() {
    let table = MemoryTable::new([ad("a", 1)]);
    for workers in [1, 2] {
        table.replace([ad("a", 1)]);
        let mut test = open!(Left, table.clone(), workers);
        test.add([event("a", 1)]);
        test.expect([shown(1, 1)]).await;
        table.replace([ad("b", 2)]);
        assert!(test.run().await.expect("nothing fails").is_empty());
        test.add([event("a", 2), event("b", 3)]);
        test.expect([alone(2), shown(3, 2)]).await;
        table.replace([]);
        test.restart().await.expect("it opens again");
        test.add([event("b", 4)]);
        test.expect([alone(4)]).await;
    }
}

#[tokio::test]
async fn rows_that_are_grouped_already_stay_with_the_table_of_their_batch() {
    let table = MemoryTable::new([ad("a", 1)]);
    let mut test = open!(CountsComplete, table.clone(), 1);
    test.add([event("a", 1)]);
    test.expect([count(0, 1, 1)]).await;
    table.replace([ad("a", 2)]);
    test.add([event("a", 2)]);
    test.expect([count(0, 1, 1), count(0, 2, 1)]).await;
}
