//! What a query begins with.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use stream_runtime::engine::Step;
use stream_runtime::error::BoxError;
use stream_runtime::prelude::*;
use stream_runtime::process::{Context, KeyedProcessor, ProcessorState, ValueState};

use super::support::*;

#[derive(Default, ProcessorState)]
struct Balance {
    #[state(ttl = seconds(10))]
    recent: ValueState<i64>,
    balance: ValueState<i64>,
}

/// Adds up numbers, from what each key begins with.
struct Accounts {
    initial: Vec<&'static str>,
    asked: Arc<AtomicUsize>,
}

impl KeyedProcessor for Accounts {
    type Key = String;
    type Row = Event;
    type Output = Said;
    type State = Balance;

    fn process(
        &self,
        key: &str,
        row: EventView<'_>,
        state: &mut Balance,
        context: &mut Context<'_, Said>,
    ) -> Result<(), BoxError> {
        *state.balance.or_default() += row.what.parse::<i64>()?;
        context.emit(said(key, format!("{:?} {:?}", state.balance, state.recent)));
        Ok(())
    }

    fn initial_state(&self) -> Result<Vec<(String, Balance)>, BoxError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.initial.is_empty() {
            return Err("the accounts can't be read".into());
        }
        let account = |key: &&str| {
            let mut balance = Balance::default();
            balance.balance.set(100);
            balance.recent.set(1);
            ((*key).to_owned(), balance)
        };
        Ok(self.initial.iter().map(account).collect())
    }
}

#[tokio::test]
async fn it_is_in_place_once_before_the_first_row() {
    for workers in [1, 2, 7] {
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let mut query = open(workers, move || {
            plan(Accounts { initial: vec!["a", "b", "c"], asked: Arc::clone(&counted) })
        })
        .await;
        query.add([event("a", "1", 0), event("x", "1", 0), event("a", "1", 0)]);
        query
            .expect([
                said("a", "Some(101) Some(1)"),
                said("a", "Some(102) Some(1)"),
                said("x", "Some(1) None"),
            ])
            .await;
        assert_eq!(query.progress()[0].state_operators[0].num_rows_total, 4);
        query.restart().await.unwrap();
        // What it begins with has a TTL that counts from the first batch.
        query.advance(seconds(10));
        query.add([event("b", "1", 0), event("a", "1", 0)]);
        query.expect([said("b", "Some(101) None"), said("a", "Some(103) None")]).await;
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }
}

#[tokio::test]
async fn a_first_batch_that_runs_again_begins_with_it_again() {
    for step in Step::ALL {
        let mut query = open(2, || plan(Accounts { initial: vec!["a"], asked: Arc::default() })).await;
        query.crash_at(step).add([event("a", "1", 0)]);
        query.expect([said("a", "Some(101) Some(1)")]).await;
        query.add([event("a", "1", 0)]).expect([said("a", "Some(102) Some(1)")]).await;
    }
}

#[tokio::test]
async fn what_is_wrong_with_it_ends_the_query() {
    let cases = [
        (vec![], "initial state: the accounts can't be read"),
        (vec!["a", "b", "a"], "initial state of key \"a\": it is given twice"),
    ];
    for (initial, text) in cases {
        for workers in [1, 2] {
            let initial = initial.clone();
            let mut query =
                open(workers, move || plan(Accounts { initial: initial.clone(), asked: Arc::default() }))
                    .await;
            query.add([event("x", "1", 0)]);
            let error = query.run().await.unwrap_err().to_string();
            assert!(error.ends_with(&format!("processor `Accounts`, {text}")), "{error}");
        }
    }
}
