//! A service that comes back with another version of its state goes on with what it left.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stream_runtime::__private::{Here, Reads, Update};
use stream_runtime::engine::QueryBuilder;
use stream_runtime::error::BoxError;
use stream_runtime::prelude::*;
use stream_runtime::process::{Context, KeyedProcessor, ListState, MapState, ProcessorState, ValueState};
use stream_runtime::source::MemoryInput;
use stream_runtime::testing::ManualClock;
use tempfile::TempDir;

use super::support::*;

/// A processor that adds to its state and tells what is there.
macro_rules! counter {
    (|$state:ident, $number:ident: $type:ty| $update:expr) => {
        pub(super) struct Counter;

        impl KeyedProcessor for Counter {
            type Key = String;
            type Row = Event;
            type Output = Said;
            type State = Totals;

            fn process(
                &self,
                key: &str,
                row: EventView<'_>,
                $state: &mut Totals,
                context: &mut Context<'_, Said>,
            ) -> Result<(), BoxError> {
                let $number: $type = row.what.parse()?;
                $update;
                context.emit(said(key, format!("{:?}", $state)));
                Ok(())
            }
        }
    };
}

mod first {
    use super::*;

    #[derive(Debug, Default, Serialize, Deserialize)]
    pub(super) struct Total {
        note: String,
        sum: i32,
        mean: f32,
        kind: Kind,
    }

    #[derive(Debug, Default, Serialize, Deserialize)]
    enum Kind {
        #[default]
        Small,
        Large(u8),
    }

    #[derive(Debug, Default, ProcessorState)]
    pub(super) struct Totals {
        total: ValueState<Total>,
        seen: ListState<i32>,
        by_number: MapState<i32, u8>,
        gone: ListState<Total>,
    }

    counter!(|state, number: i32| {
        let total = state.total.or_default();
        total.sum += number;
        total.mean = 0.5;
        "first".clone_into(&mut total.note);
        total.kind = if number > 5 { Kind::Large(1) } else { Kind::Small };
        state.seen.push(number);
        *state.by_number.or_default(number) += 1;
        state.gone.push(Total::default());
    });
}

mod second {
    use super::*;

    #[derive(Debug, Default, Serialize, Deserialize)]
    pub(super) struct Total {
        #[serde(default)]
        count: u64,
        sum: i64,
        mean: f64,
        kind: Kind,
        last: Option<i32>,
    }

    #[derive(Debug, Default, Serialize, Deserialize)]
    enum Kind {
        Huge,
        Large(u16),
        #[default]
        Small,
    }

    #[derive(Debug, Default, ProcessorState)]
    pub(super) struct Totals {
        new: MapState<String, u8>,
        #[state(ttl = seconds(10))]
        seen: ListState<i64>,
        by_number: MapState<i64, u32>,
        total: ValueState<Total>,
    }

    counter!(|state, number: i64| {
        let total = state.total.or_default();
        total.sum += number;
        total.count += 1;
        if number > 1_000 {
            total.kind = Kind::Huge;
        }
        state.new.insert("n".to_owned(), 1);
        state.seen.push(number);
        *state.by_number.or_default(number) += 1;
    });
}

mod third {
    use super::*;

    #[derive(Debug, Default, ProcessorState)]
    pub(super) struct Totals {
        total: ValueState<String>,
    }

    counter!(|state, number: String| state.total.set(number));
}

mod fourth {
    use super::*;

    #[derive(Debug, Default, Serialize, Deserialize)]
    pub(super) struct Total {
        sum: i64,
        count: u64,
    }

    #[derive(Debug, Default, ProcessorState)]
    pub(super) struct Totals {
        total: ValueState<Total>,
    }

    counter!(|state, number: i64| state.total.or_default().sum += number);
}

/// A checkpoint that several versions of a service take up one after the other.
struct Service {
    checkpoint: TempDir,
    input: MemoryInput<Event>,
    clock: Arc<ManualClock>,
}

impl Service {
    fn new() -> Self {
        Self {
            checkpoint: tempfile::tempdir().unwrap(),
            input: MemorySource::new().0,
            clock: ManualClock::new(at(0)),
        }
    }

    /// Runs all there is to do, and gives what is said.
    async fn run<P: Reads<Here, Row = Event, Output = Said, Mode = Update>>(
        &self,
        plan: P,
        rows: impl IntoIterator<Item = Event>,
    ) -> stream_runtime::Result<Vec<String>> {
        self.input.add(rows);
        let (results, sink) = MemorySink::new();
        let query = QueryBuilder::new(plan)
            .source::<Here>(self.input.source())
            .to(sink)
            .checkpoint(self.checkpoint.path())
            .clock(Arc::clone(&self.clock) as _)
            .trigger(Trigger::AvailableNow)
            .workers(2)
            .start()
            .await?;
        query.await_termination().await?;
        Ok(results.rows().into_iter().map(|row| row.what).collect())
    }
}

#[tokio::test]
async fn variables_and_fields_come_and_go_and_numbers_are_widened() {
    let service = Service::new();
    let said = service.run(plan(first::Counter), [event("a", "7", 0), event("b", "2", 0)]).await.unwrap();
    assert!(said[0].contains("sum: 7, mean: 0.5, kind: Large(1)"), "{said:?}");
    let said = service.run(plan(second::Counter), [event("a", "30", 0), event("b", "40", 0)]).await.unwrap();
    assert_eq!(
        said,
        [
            "Totals { new: {\"n\": 1}, seen: [7, 30], by_number: {7: 1, 30: 1}, total: Some(Total { count: 1, sum: 37, mean: 0.5, kind: Large(1), last: None }) }",
            "Totals { new: {\"n\": 1}, seen: [2, 40], by_number: {2: 1, 40: 1}, total: Some(Total { count: 1, sum: 42, mean: 0.5, kind: Small, last: None }) }",
        ]
    );
}

#[tokio::test]
async fn a_ttl_that_is_new_counts_from_the_first_batch_that_has_it_for_keys_without_rows_too() {
    let service = Service::new();
    service.run(plan(first::Counter), [event("a", "1", 0), event("b", "1", 0)]).await.unwrap();
    service.clock.advance(days(1));
    service.run(plan(second::Counter), [event("x", "1", 0)]).await.unwrap();
    service.clock.advance(seconds(9));
    let said = service.run(plan(second::Counter), [event("a", "2", 0)]).await.unwrap();
    assert!(said[0].contains("seen: [1, 2],"), "{said:?}");
    service.clock.advance(seconds(1));
    let said = service.run(plan(second::Counter), [event("a", "3", 0), event("b", "3", 0)]).await.unwrap();
    assert!(said[0].contains("seen: [2, 3],") && said[1].contains("seen: [3],"), "{said:?}");
}

#[tokio::test]
async fn what_can_not_be_read_any_more_is_told_with_its_key_and_variable_and_left_as_it_is() {
    let service = Service::new();
    service.run(plan(first::Counter), [event("a", "1", 0)]).await.unwrap();
    let error = service.run(plan(third::Counter), []).await.unwrap_err().to_string();
    assert!(
        error.contains("processor `Counter`, key \"a\": its state in the checkpoint can't be decoded"),
        "{error}"
    );
    assert!(error.contains("variable `total`: "), "{error}");
    let error = service.run(plan(fourth::Counter), []).await.unwrap_err().to_string();
    assert!(
        error.contains("variable `total`: missing field `count`; ") && error.contains("`#[serde(default)]`"),
        "{error}"
    );
    let said = service.run(plan(first::Counter), [event("a", "2", 0)]).await.unwrap();
    assert!(said[0].contains("sum: 3"), "{said:?}");
}
