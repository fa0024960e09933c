//! When a query looks at its static inputs: when a batch is about to run, and at no other time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use stream_runtime::engine::Step;
use stream_runtime::error::{Error, Result};
use stream_runtime::prelude::*;
use stream_runtime::static_input::{StaticSource, Version};
use stream_runtime::testing::TestQuery;

use super::{Event, Number, event};

#[derive(Schema, Clone, Debug, PartialEq)]
struct Factor {
    key: String,
    factor: i64,
}

stream_query! {
    query Scaled(events: Event, factors: static Factor) -> Number {
        from e in events;
        join f in factors on f.key == e.key;
        select Number { number: e.number * f.factor };
        output append;
    }
}

/// A table whose one factor is how often it was loaded.
#[derive(Clone, Default)]
struct Counted {
    loads: Arc<AtomicU64>,
    looks: Arc<AtomicU64>,
    fails: Arc<AtomicBool>,
}

impl Counted {
    fn counts(&self) -> (u64, u64) {
        (self.loads.load(Ordering::Relaxed), self.looks.load(Ordering::Relaxed))
    }
}

#[async_trait]
impl StaticSource<Factor> for Counted {
    fn description(&self) -> String {
        "Counted".to_owned()
    }

    async fn load(&mut self) -> Result<Vec<Factor>> {
        if self.fails.load(Ordering::Relaxed) {
            return Err(Error::source("Counted", "the network is down"));
        }
        let loads = self.loads.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(vec![Factor { key: "k".to_owned(), factor: loads as i64 }])
    }

    async fn version(&mut self) -> Result<Option<Version>> {
        let looks = self.looks.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(Some(Version(looks.to_string())))
    }
}

fn number(number: i64) -> Number {
    Number { number }
}

#[tokio::test]
async fn an_idle_query_neither_loads_its_tables_nor_looks_whether_they_have_changed() {
    let table = Counted::default();
    let build =
        |source, sink| Scaled::query().events(source).factors(table.clone().reload_on_change()).to(sink);
    let mut test = TestQuery::open(build).await.expect("it opens");
    for _ in 0..3 {
        test.advance(hours(1)).expect([]).await;
    }
    assert_eq!(table.counts(), (0, 0), "no batch has run yet");
    test.add([event(10, 0)]).expect([number(10)]).await;
    for _ in 0..3 {
        test.advance(hours(1)).expect([]).await;
    }
    assert_eq!(table.counts(), (1, 1));
    test.add([event(10, 0)]).expect([number(20)]).await;
    assert_eq!(table.counts(), (2, 2));
}

#[tokio::test]
async fn a_table_that_can_not_be_loaded_ends_no_query_that_has_nothing_to_do() {
    let table = Counted::default();
    let build = |source, sink| {
        Scaled::query().events(source).factors(table.clone().reload_every(minutes(1))).to(sink)
    };
    let mut test = TestQuery::open(build).await.expect("it opens");
    test.add([event(10, 0)]).expect([number(10)]).await;
    table.fails.store(true, Ordering::Relaxed);
    test.advance(hours(1)).expect([]).await;
    table.fails.store(false, Ordering::Relaxed);
    test.add([event(10, 0)]).expect([number(20)]).await;
    table.fails.store(true, Ordering::Relaxed);
    test.advance(hours(1)).add([event(10, 0)]);
    let error = test.run().await.expect_err("a batch needs it").root().to_string();
    assert!(error.contains("the network is down"), "{error}");
    table.fails.store(false, Ordering::Relaxed);
    test.expect([number(30)]).await;
}

#[tokio::test]
async fn a_batch_that_runs_again_has_its_tables_loaded_first() {
    for step in Step::ALL {
        let table = Counted::default();
        let build = |source, sink| Scaled::query().events(source).factors(table.clone()).to(sink);
        let mut test = TestQuery::open(build).await.expect("it opens");
        test.crash_at(step).add([event(10, 0)]);
        test.run().await.expect("it runs");
        let emitted = test.emitted();
        assert!([vec![number(10)], vec![number(20)]].contains(&emitted), "{step:?}: {emitted:?}");
    }
}
