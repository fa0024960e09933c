//! State variables with a TTL: what is gone when, and that nothing else keeps a key in memory.

use stream_runtime::error::BoxError;
use stream_runtime::prelude::*;
use stream_runtime::process::{Context, KeyedProcessor, ListState, MapState, ProcessorState, ValueState};

use super::support::*;

#[derive(Default, ProcessorState)]
struct Kept {
    #[state(ttl = seconds(10))]
    value: ValueState<u32>,
    #[state(ttl = seconds(10))]
    list: ListState<u32>,
    #[state(ttl = seconds(10))]
    map: MapState<u32, u32>,
    forever: ValueState<u32>,
}

/// `value`, `list`, `map` and `forever` update a variable by the number that follows; `show` tells what there is.
struct Keeper;

impl KeyedProcessor for Keeper {
    type Key = String;
    type Row = Event;
    type Output = Said;
    type State = Kept;

    fn process(
        &self,
        key: &str,
        row: EventView<'_>,
        state: &mut Kept,
        context: &mut Context<'_, Said>,
    ) -> Result<(), BoxError> {
        let (what, number) = row.what.split_once(' ').unwrap_or((row.what, "0"));
        let number = number.parse()?;
        match what {
            "value" => *state.value.or_default() += number,
            "list" => state.list.push(number),
            "map" => *state.map.or_default(number) += 1,
            "forever" => state.forever.set(number),
            "reset" => {
                *state = Kept::default();
                state.value.set(number);
            }
            _ => {
                let Kept { value, list, map, forever } = state;
                context.emit(said(key, format!("{value:?} {list:?} {map:?} {forever:?}")));
            }
        }
        Ok(())
    }
}

fn keys(progress: &Progress) -> u64 {
    progress.state_operators[0].num_rows_total
}

#[tokio::test]
async fn each_value_goes_when_its_own_time_since_its_update_is_over() {
    let mut query = open(2, || plan(Keeper)).await;
    query.add(["value 1", "list 1", "map 1", "map 2", "forever 1"].map(|what| event("a", what, 0)));
    query.expect([]).await;
    query.advance(seconds(6));
    query.add(["value 1", "list 2", "map 2"].map(|what| event("a", what, 0))).expect([]).await;
    query.advance(milliseconds(3_999));
    let all = "Some(2) [1, 2] {1: 1, 2: 2} Some(1)";
    query.add([event("a", "show", 0)]).expect([said("a", all)]).await;
    query.advance(milliseconds(1));
    query.add([event("a", "show", 0)]).expect([said("a", "Some(2) [2] {2: 2} Some(1)")]).await;
    query.advance(seconds(6));
    query.add([event("a", "show", 0)]).expect([said("a", "None [] {} Some(1)")]).await;
}

#[tokio::test]
async fn a_key_of_which_nothing_is_left_is_forgotten_in_the_next_batch_of_any_key() {
    let mut query = open(2, || plan(Keeper)).await;
    query.add(["a", "b", "c"].map(|key| event(key, "list 1", 0)));
    query.add([event("d", "forever 1", 0), event("e", "show", 0)]);
    query.expect([said("e", "None [] {} None")]).await;
    assert_eq!(query.progress().iter().map(|batch| keys(batch)).collect::<Vec<_>>(), [3, 4]);
    query.advance(seconds(10));
    assert!(query.run().await.unwrap().is_empty(), "a TTL starts no batch");
    query.add([event("b", "list 2", 0)]).expect([]).await;
    let operator = &query.progress().last().unwrap().state_operators[0];
    assert_eq!((operator.num_rows_total, operator.num_rows_removed), (2, 2));
    query.restart().await.unwrap();
    query.add(["a", "b", "d"].map(|key| event(key, "show", 0)));
    query
        .expect([
            said("a", "None [] {} None"),
            said("b", "None [2] {} None"),
            said("d", "None [] {} Some(1)"),
        ])
        .await;
}

#[tokio::test]
async fn a_time_that_has_begun_goes_on_over_a_restart() {
    let mut query = open(2, || plan(Keeper)).await;
    query.add([event("a", "value 1", 0), event("b", "map 1", 0)]).expect([]).await;
    query.advance(seconds(5));
    query.restart().await.unwrap();
    query.add([event("b", "map 2", 0)]).expect([]).await;
    query.advance(seconds(5));
    query.add(["a", "b"].map(|key| event(key, "show", 0)));
    query.expect([said("a", "None [] {} None"), said("b", "None [] {2: 1} None")]).await;
    assert_eq!(keys(query.progress().last().unwrap()), 1);
}

#[tokio::test]
async fn a_state_that_is_put_in_anothers_place_counts_from_its_batch() {
    let mut query = open(1, || plan(Keeper)).await;
    query.add([event("a", "reset 7", 0)]).expect([]).await;
    query.advance(milliseconds(9_999));
    query.add([event("a", "show", 0)]).expect([said("a", "Some(7) [] {} None")]).await;
    query.advance(milliseconds(1));
    query.add([event("b", "forever 1", 0)]).expect([]).await;
    assert_eq!(keys(query.progress().last().unwrap()), 1);
}
