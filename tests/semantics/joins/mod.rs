//! Joins of two streams: docs/semantics.md §10. Orders wait ten seconds for shipments.

mod eviction;
mod matching;

use std::sync::Arc;

use stream_runtime::engine::{Progress, QueryBuilder};
use stream_runtime::plan::Plan;
use stream_runtime::prelude::*;
use stream_runtime::source::{MemoryInput, MemorySource};
use stream_runtime::testing::TestQuery;

use super::at;

#[derive(Schema, Clone, Debug, PartialEq)]
struct Row {
    key: Option<String>,
    /// What the conditions of one side look at.
    ok: bool,
    ts: Timestamp,
}

/// The times of the rows that came out together.
#[derive(Schema, Clone, Debug, PartialEq)]
struct Pair {
    left: Option<Timestamp>,
    right: Option<Timestamp>,
}

macro_rules! query {
    ($name:ident: [$($join:ident)+] $o:ident $s:ident [$($bounds:tt)*] -> $left:expr, $right:expr) => {
        stream_query! {
            query $name(orders: Row, shipments: Row) -> Pair {
                from $o in orders watermark($o.ts, seconds(0));
                $($join)+ $s in shipments watermark($s.ts, seconds(0))
                    on $s.key == $o.key && $o.ok && $s.ok $($bounds)*;
                select Pair { left: $left, right: $right };
                output append;
            }
        }
    };
}

query!(Inner: [join] o s [within s.ts in o.ts ..= o.ts + seconds(10)] -> o.ts, s.ts);
query!(Left: [left join] o s [within s.ts in o.ts ..= o.ts + seconds(10)] -> o.ts, s.map(|s| s.ts));
query!(Right: [right join] o s [within s.ts in o.ts ..= o.ts + seconds(10)] -> o.map(|o| o.ts), s.ts);
query!(Full: [full join] o s [within s.ts in o.ts ..= o.ts + seconds(10)] -> o.map(|o| o.ts), s.map(|s| s.ts));
query!(Semi: [semi join] o s [within s.ts in o.ts ..= o.ts + seconds(10)] -> o.ts, None);
query!(Anti: [anti join] o s [within s.ts in o.ts ..= o.ts + seconds(10)] -> o.ts, None);
query!(Unbounded: [join] o s [unbounded] -> o.ts, s.ts);
query!(HalfBounded: [join] o s [within s.ts in o.ts .. unbounded] -> o.ts, s.ts);
query!(SameTime: [left join] o s [&& s.ts == o.ts] -> o.ts, s.map(|s| s.ts));

fn row(key: &str, ts: Timestamp) -> Row {
    Row { key: Some(key.to_owned()), ok: true, ts }
}

fn null_key(ts: Timestamp) -> Row {
    Row { key: None, ok: true, ts }
}

fn not_ok(key: &str, ts: Timestamp) -> Row {
    Row { ok: false, ..row(key, ts) }
}

fn ms(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn both(left: i64, right: i64) -> Pair {
    Pair { left: Some(at(left)), right: Some(at(right)) }
}

fn left_only(second: i64) -> Pair {
    Pair { left: Some(at(second)), right: None }
}

fn right_only(second: i64) -> Pair {
    Pair { left: None, right: Some(at(second)) }
}

/// A query and its two inputs.
struct Test<P: Plan<Output = Pair>, F> {
    orders: MemoryInput<Row>,
    shipments: MemoryInput<Row>,
    query: TestQuery<(MemoryInput<Row>, MemoryInput<Row>), P, F>,
}

type Sources = (MemorySource<Row>, MemorySource<Row>);

impl<P: Plan<Output = Pair>, F: Fn(Sources, MemorySink<Pair>) -> QueryBuilder<P>> Test<P, F> {
    async fn open(build: F) -> Self {
        let (orders, shipments) = (MemoryInput::default(), MemoryInput::default());
        let inputs = (orders.clone(), shipments.clone());
        let query = TestQuery::open_with(inputs, build).await.expect("it opens");
        Self { orders, shipments, query }
    }

    /// A batch to come.
    fn add<const L: usize, const R: usize>(&mut self, left: [Row; L], right: [Row; R]) -> &mut Self {
        self.orders.add(left);
        self.shipments.add(right);
        self
    }

    /// A batch to come, after which the watermark is there: a row of each side that never matches.
    fn tick(&mut self, ts: Timestamp) -> &mut Self {
        self.add([row("left tick", ts)], [row("right tick", ts)])
    }

    async fn run(&mut self) -> (Vec<Pair>, Vec<Arc<Progress>>) {
        let progress = self.query.run().await.expect("nothing fails");
        (self.query.emitted(), progress)
    }

    /// Runs, and gives what came out in its order.
    async fn rows(&mut self) -> Vec<Pair> {
        self.run().await.0
    }

    fn state_rows(&self) -> u64 {
        self.query.progress().last().expect("a batch ran").state_operators[0].num_rows_total
    }
}

macro_rules! open {
    ($query:ident) => {
        open!($query, 1)
    };
    ($query:ident, $workers:expr) => {
        Test::open(|(orders, shipments), sink| {
            $query::query().orders(orders).shipments(shipments).to(sink).workers($workers)
        })
        .await
    };
}

/// Stored, removed and late rows of each batch.
fn counts(progress: &[Arc<Progress>]) -> Vec<(u64, u64, u64)> {
    let operators = progress.iter().map(|batch| &batch.state_operators[0]);
    operators
        .map(|join| (join.num_rows_updated, join.num_rows_removed, join.num_rows_dropped_by_watermark))
        .collect()
}

use open;
