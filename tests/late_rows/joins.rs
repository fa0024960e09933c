//! Both sides of a join, each with late rows of its own, and the inputs of a union, which share theirs.

use stream_runtime::prelude::*;
use stream_runtime::source::MemoryInput;
use stream_runtime::testing::TestQuery;

use super::{Event, Recorder, Watermark, events, second};

#[derive(Schema, Clone, Debug, PartialEq)]
struct Pair {
    left: u64,
    right: Option<u64>,
}

stream_query! {
    query Joined(lefts: Event, rights: Event) -> Pair {
        from l in lefts watermark(l.ts, seconds(0)) late into late_lefts;
        where l.number % 5 != 0;
        left join r in rights watermark(r.ts, seconds(0)) late into late_rights
            on r.key == l.key within r.ts in l.ts ..= l.ts + seconds(5);
        select Pair { left: l.number, right: r.map(|r| r.number) };
        output append;
    }
}

stream_query! {
    query JoinedOnce(lefts: Event, rights: Event) -> Pair {
        from l in lefts watermark(l.ts, seconds(0)) late into late_lefts;
        where l.number % 5 != 0;
        dedup by l.key, l.ts;
        join r in rights watermark(r.ts, seconds(0)) late into late_rights on r.key == l.key unbounded;
        select Pair { left: l.number, right: r.number };
        output append;
    }
}

stream_query! {
    query United(lefts: Event, rights: Event) -> Pair {
        from e in lefts union rights watermark(e.ts, seconds(0)) late into dropped;
        dedup by e.key within watermark;
        select Pair { left: e.number, right: e.key };
        output append;
    }
}

type Inputs = (MemoryInput<Event>, MemoryInput<Event>);

/// Inputs that hold a chunk a batch.
fn filled(lefts: &[Vec<Event>], rights: &[Vec<Event>]) -> Inputs {
    let inputs = Inputs::default();
    for (left, right) in lefts.iter().zip(rights) {
        inputs.0.add(left.clone());
        inputs.1.add(right.clone());
    }
    inputs
}

/// The late rows of two inputs, by batch.
fn late(lefts: &[Vec<Event>], rights: &[Vec<Event>]) -> Vec<(Vec<Event>, Vec<Event>)> {
    let mut watermark = Watermark::default();
    let of_batch = |(left, right): (&Vec<Event>, &Vec<Event>)| {
        let late = watermark.batch(&[left, right]);
        let is_late = |row: &&Event| second(row).is_some_and(|second| second <= late);
        let of = |rows: &Vec<Event>| rows.iter().filter(is_late).cloned().collect();
        (of(left), of(right))
    };
    lefts.iter().zip(rights).map(of_batch).collect()
}

macro_rules! check_join {
    ($query:ident) => {
        for workers in [1, 2, 7] {
            let (lefts, rights) = (events(12, 5), events(12, 6));
            let (late_lefts, late_rights) = (Recorder::default(), Recorder::default());
            let mut test = TestQuery::open_with(filled(&lefts, &rights), |(left, right), sink| {
                let query = $query::query().lefts(left).rights(right);
                query
                    .late_lefts(late_lefts.clone())
                    .late_rights(late_rights.clone())
                    .to(sink)
                    .workers(workers)
            })
            .await
            .expect("it opens");
            test.run().await.expect("it runs");
            let (mut left, right): (Vec<_>, Vec<_>) = late(&lefts, &rights).into_iter().unzip();
            for rows in &mut left {
                // What is before the join drops them.
                rows.retain(|row| row.number % 5 != 0);
            }
            assert!(left.iter().chain(&right).map(Vec::len).sum::<usize>() > 30);
            assert_eq!(late_lefts.batches(lefts.len()), left, "{workers} workers");
            assert_eq!(late_rights.batches(rights.len()), right, "{workers} workers");
        }
    };
}

#[tokio::test]
async fn each_side_of_a_join_has_its_late_rows() {
    check_join!(Joined);
}

#[tokio::test]
async fn a_deduplication_in_front_of_a_join_drops_late_rows_for_it() {
    check_join!(JoinedOnce);
}

#[tokio::test]
async fn the_inputs_of_a_union_share_their_late_rows_one_input_after_the_other() {
    for workers in [1, 2, 7] {
        let (lefts, rights) = (events(12, 7), events(12, 8));
        let dropped = Recorder::default();
        let mut test = TestQuery::open_with(filled(&lefts, &rights), |(left, right), sink| {
            United::query().lefts(left).rights(right).dropped(dropped.clone()).to(sink).workers(workers)
        })
        .await
        .expect("it opens");
        test.run().await.expect("it runs");
        let late: Vec<Vec<_>> =
            late(&lefts, &rights).into_iter().map(|(left, right)| [left, right].concat()).collect();
        assert!(late.iter().map(Vec::len).sum::<usize>() > 30);
        assert_eq!(dropped.batches(lefts.len()), late, "{workers} workers");
    }
}
