//! What may stand in front of a processor, and what a key may be.

use stream_runtime::__private::{Append, Deduplicated, OperatorInfo, Processing, Reading, from};
use stream_runtime::error::BoxError;
use stream_runtime::prelude::*;
use stream_runtime::process::{Context, KeyedProcessor, ProcessorState, Timer, ValueState};

use super::support::*;

#[derive(Default, ProcessorState)]
struct Seen {
    count: ValueState<u64>,
}

/// Counts the rows of a key and tells at second 30.
struct Counter;

impl KeyedProcessor for Counter {
    type Key = (String, Option<i64>);
    type Row = Event;
    type Output = Said;
    type State = Seen;

    fn process(
        &self,
        _: (&str, Option<i64>),
        _: EventView<'_>,
        state: &mut Seen,
        context: &mut Context<'_, Said>,
    ) -> Result<(), BoxError> {
        *state.count.or_default() += 1;
        Ok(context.processing_timer(at(30))?)
    }

    fn on_timer(
        &self,
        (key, second): (&str, Option<i64>),
        _: Timer,
        state: &mut Seen,
        context: &mut Context<'_, Said>,
    ) -> Result<(), BoxError> {
        context.emit(said(key, format!("{second:?} {:?}", state.count.take())));
        Ok(())
    }
}

#[tokio::test]
async fn a_deduplication_stands_in_front_and_the_key_is_a_tuple() {
    let plan = || {
        let dedupe = OperatorInfo { name: "dedupe", ..WITHOUT_WATERMARK.operators[0] };
        let info = stream_runtime::__private::PlanInfo {
            operators: Vec::leak(vec![dedupe, WITHOUT_WATERMARK.operators[0]]),
            ..WITHOUT_WATERMARK
        };
        from::<Event, { u128::MAX }>(&[0])
            .push(|event: EventView<'_>, _: &mut Reading<_>, op: &mut Deduplicated<_, Processing<_>>| {
                if op.admit_unbounded(None::<Timestamp>, (event.key, event.what)) {
                    let second = (event.what.len() > 1).then_some(1_i64);
                    op.next.process(None::<Timestamp>, (event.key, second), event);
                }
            })
            .process::<Append>(info, Counter)
    };
    for workers in [1, 2, 7] {
        let mut query = open(workers, plan).await;
        let rows = ["x", "y", "x", "long", "longer"].map(|what| event("a", what, 0));
        query.add(rows.clone()).expect([]).await;
        query.restart().await.unwrap();
        query.clock().set(at(31));
        query.add(rows).expect([said("a", "None Some(2)"), said("a", "Some(1) Some(2)")]).await;
        let totals = query.progress().last().unwrap().state_operators.iter();
        assert_eq!(totals.map(|operator| operator.num_rows_total).collect::<Vec<_>>(), [4, 0]);
    }
}
