//! A join with static inputs, written by hand as a query's expansion writes it: keys are inferred, not spelled.

use std::sync::Arc;

use stream_runtime::__private::{KeySlot, Lookups, StaticTable, lookup, or_null};
use stream_runtime::prelude::*;
use stream_runtime::testing::ManualClock;

#[derive(Schema)]
struct Event {
    product_id: String,
    region: Option<String>,
    quantity: u32,
}

#[derive(Schema)]
struct Product {
    product_id: String,
    min_quantity: u32,
    price: f64,
}

#[derive(Schema)]
struct Region {
    country: Option<String>,
    code: Option<String>,
}

fn event(product_id: &str, region: Option<&str>, quantity: u32) -> Event {
    Event { product_id: product_id.to_owned(), region: region.map(str::to_owned), quantity }
}

fn product(product_id: &str, min_quantity: u32, price: f64) -> Product {
    Product { product_id: product_id.to_owned(), min_quantity, price }
}

fn region(country: &str, code: Option<&str>) -> Region {
    Region { country: Some(country.to_owned()), code: code.map(str::to_owned) }
}

/// Runs a row function over events as a plan does.
async fn run<L: Lookups, O>(
    lookups: L,
    events: &[Event],
    row: impl for<'a> Fn(<Event as Schema>::View<'a>, &L::Tables, &mut Vec<O>),
) -> Vec<O> {
    let clock = ManualClock::new(Timestamp::UNIX_EPOCH);
    lookups.refresh(&*clock).await.unwrap();
    let tables = lookups.tables();
    let mut out = Vec::new();
    for event in events {
        row(event.view(), &tables, &mut out);
    }
    out
}

fn prices() -> Vec<Product> {
    vec![product("tea", 1, 3.0), product("mug", 1, 9.0), product("tea", 10, 2.5)]
}

#[tokio::test]
async fn an_inner_join_pushes_each_match_and_further_conditions_are_filters() {
    let lookups = (lookup::<Product, _, _>(prices(), |p, slot: &mut KeySlot<_>| slot.set((&p.product_id,))),);
    let events = [event("tea", None, 12), event("cup", None, 1), event("tea", None, 2)];
    let rows = run(lookups, &events, |e, tables: &(Arc<StaticTable<_, Product>>,), out: &mut Vec<_>| {
        for p in tables.0.matches((&e.product_id,)).filter(|p| p.min_quantity <= e.quantity) {
            out.push((e.product_id.to_owned(), e.quantity, p.price));
        }
    })
    .await;
    let tea = || "tea".to_owned();
    assert_eq!(rows, [(tea(), 12, 3.0), (tea(), 12, 2.5), (tea(), 2, 3.0)]);
}

#[tokio::test]
async fn a_left_join_pushes_exactly_one_null_where_nothing_passes_the_condition() {
    let lookups =
        (lookup::<Product, _, _>(prices(), |p, slot: &mut KeySlot<_>| slot.set((p.product_id.to_owned(),))),);
    let events =
        [event("tea", None, 0), event("cup", None, 1), event("mug", None, 1), event("tea", None, 99)];
    let rows = run(lookups, &events, |e, tables: &(Arc<StaticTable<_, Product>>,), out: &mut Vec<_>| {
        let matches = tables.0.matches((e.product_id,)).filter(|p| p.min_quantity <= e.quantity);
        for p in or_null(matches) {
            out.push(p.map(|p| p.price));
        }
    })
    .await;
    assert_eq!(rows, [None, None, Some(9.0), Some(3.0), Some(2.5)]);
}

#[tokio::test]
async fn semi_and_anti_joins_ask_whether_a_row_matches_and_null_never_does() {
    let regions = vec![region("de", Some("n")), region("de", None), region("at", Some("n"))];
    let lookups = (
        lookup::<Region, _, _>(regions, |r, slot: &mut KeySlot<_>| slot.set((Some("de"), &r.code))),
        lookup::<Product, _, _>(prices(), |p, slot: &mut KeySlot<_>| {
            slot.set((p.product_id, p.min_quantity));
        }),
    );
    let events = [
        event("tea", Some("n"), 1),
        event("tea", None, 10),
        event("tea", Some("s"), 10),
        event("mug", Some("n"), 2),
    ];
    let rows = run(
        lookups,
        &events,
        |e, tables: &(Arc<StaticTable<_, Region>>, Arc<StaticTable<_, Product>>), out: &mut Vec<_>| {
            let is_known = tables.0.contains((Some("de"), e.region));
            let has_no_price = !tables.1.contains((&e.product_id, e.quantity));
            out.push((is_known, has_no_price));
        },
    )
    .await;
    assert_eq!(rows, [(true, false), (false, false), (false, false), (true, true)]);
}

#[tokio::test]
async fn a_join_without_a_key_meets_every_row_in_the_order_of_the_source() {
    let lookups = (lookup::<Product, _, _>(prices(), |_, slot: &mut KeySlot<_>| slot.set(())),);
    let rows = run(
        lookups,
        &[event("x", None, 1)],
        |_, tables: &(Arc<StaticTable<_, Product>>,), out: &mut Vec<_>| {
            out.extend(tables.0.matches(()).map(|p| p.price));
        },
    )
    .await;
    assert_eq!(rows, [3.0, 9.0, 2.5]);
}

/// A query's row function is made before its inputs are bound: it has nothing but itself to infer the key from.
#[tokio::test]
async fn a_key_is_inferred_on_both_sides_without_the_other() {
    fn row_function<T, O, F>(row: F) -> F
    where
        F: for<'a> Fn(<Event as Schema>::View<'a>, &T, &mut Vec<O>),
    {
        row
    }
    fn bind<L: Lookups>(lookups: L) -> L {
        lookups
    }
    let row = row_function(|e, tables: &(Arc<StaticTable<_, Product>>,), out: &mut Vec<_>| {
        out.extend(tables.0.matches((&e.product_id, 1_u32)).map(|p| p.price));
    });
    let source = MemoryTable::new(prices());
    let lookups = bind((lookup::<Product, _, _>(source, |p, slot: &mut KeySlot<_>| {
        slot.set((p.product_id.to_owned(), p.min_quantity));
    }),));
    assert_eq!(lookups.descriptions(), ["MemoryTable"]);
    assert_eq!(run(lookups, &[event("mug", None, 1)], row).await, [9.0]);
}
