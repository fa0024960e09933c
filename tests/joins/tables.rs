//! Joins with tables: every kind, several rows of a key, nulls, conditions, tables that are replaced between batches, and what may stand
//! before and behind.

use stream_runtime::prelude::*;

use crate::kinds::{Pair, closed, joined, pair, right_in};
use crate::naive::chains::{Dedup, Windows};
use crate::naive::joins::{Conditions, Item, Join, Kind};
use crate::{Outcome, Row, Total, property, row, total};

macro_rules! query {
    ($name:ident: [$($join:ident)+] $e:ident $p:ident [$($on:tt)*] -> $row:expr) => {
        stream_query! {
            query $name(events: Row, catalog: static Row) -> Pair {
                from $e in events watermark($e.ts, seconds(4));
                where $e.number != 3;
                $($join)+ $p in catalog on $p.key == $e.key $($on)*;
                select $row;
                output append;
            }
        }
    };
}

query!(Inner: [join] e p [] -> pair(Some(e), Some(p)));
query!(InnerConditions: [join] e p [&& p.number >= e.number && p.ts.is_some() && e.number != 1] -> pair(Some(e), Some(p)));
query!(Left: [left join] e p [] -> pair(Some(e), p));
query!(LeftConditions: [left join] e p [&& p.number >= e.number && e.number != 1] -> pair(Some(e), p));
query!(Semi: [semi join] e p [&& p.number >= e.number] -> pair(Some(e), None));
query!(Anti: [anti join] e p [&& p.number >= e.number] -> pair(Some(e), None));

stream_query! {
    query TwoTables(events: Row, prices: static Row, catalog: static Row) -> Pair {
        from e in events;
        join p in catalog on p.key == e.key;
        let number = p.number + 1;
        where number != 4;
        left join q in prices on q.number == number && q.key == p.key;
        select pair(Some(p), q);
        output update;
    }
}

stream_query! {
    query Explode(events: Row, catalog: static Row) -> Total {
        from e in events watermark(e.ts, seconds(4));
        dedup by e.key, e.ts;
        left join p in catalog on p.key == e.key;
        explode number in [e.number, p.map_or(-1, |p| p.number)];
        where number != 2;
        group by window(e.ts, seconds(10)) as w, e.key;
        select Total { window: w, key: e.key, numbers: collect_list(number) };
        output append;
    }
}

stream_query! {
    query BehindAJoin(orders: Row, shipments: Row, catalog: static Row) -> Pair {
        from o in orders watermark(o.ts, seconds(4));
        full join s in shipments watermark(s.ts, seconds(6)) on s.key == o.key
            within s.ts in o.ts ..= o.ts + seconds(10);
        join p in catalog on Some(p.number) == s.map(|s| s.number);
        select pair(o, Some(p));
        output append;
    }
}

/// The rows of the catalog at each run.
fn catalog(run: usize) -> Vec<Item> {
    let item = |key: Option<&str>, number, micros| Item { key: key.map(str::to_owned), number, micros };
    match run % 3 {
        0 => vec![
            item(Some("k0"), 0, Some(1)),
            item(Some("k1"), 1, Some(2)),
            item(None, 2, Some(3)),
            item(Some("k0"), 3, None),
            item(Some("k0"), 2, Some(4)),
        ],
        1 => Vec::new(),
        _ => vec![
            item(Some("k1"), 2, None),
            item(Some("k1"), 2, None),
            item(Some("k2"), 0, None),
            item(None, 0, None),
        ],
    }
}

fn table() -> MemoryTable<Row> {
    MemoryTable::default()
}

/// Replaces the table by the catalog of the run.
fn replace(table: &MemoryTable<Row>) -> impl Fn(usize) {
    move |run| table.replace(catalog(run).iter().map(row))
}

/// The row joined with each that matches.
fn partners(item: &Item, run: usize, matches: impl Fn(&Item, &Item) -> bool) -> Vec<Item> {
    let mut rows = catalog(run);
    rows.retain(|other| item.key.is_some() && other.key == item.key && matches(item, other));
    rows
}

/// A join with the catalog and nothing else.
fn lookup(
    kind: Kind,
    matches: fn(&Item, &Item) -> bool,
) -> impl FnMut(usize, &[Vec<Item>], i64, i64) -> Outcome<Pair> {
    move |run, inputs, _, _| {
        let mut rows = Vec::new();
        for item in inputs[0].iter().filter(|item| item.number != 3) {
            let partners = partners(item, run, matches);
            let with = |partner: Option<&Item>| joined(&(Some(item.clone()), partner.cloned()));
            match kind {
                Kind::Semi => rows.extend((!partners.is_empty()).then(|| with(None))),
                Kind::Anti => rows.extend(partners.is_empty().then(|| with(None))),
                Kind::Left if partners.is_empty() => rows.push(with(None)),
                _ => rows.extend(partners.iter().map(|partner| with(Some(partner)))),
            }
        }
        (rows, Vec::new())
    }
}

macro_rules! lookup {
    ($test:ident: $query:ident, $kind:ident, $matches:expr) => {
        property! {
            $test: |events| $query::query().events(events).catalog(table.clone()),
            delays [4_000],
            lookup(Kind::$kind, $matches),
            table = table(), between replace(&table)
        }
    };
}

lookup!(inner: Inner, Inner, |_, _| true);
lookup!(inner_with_conditions: InnerConditions, Inner, |e, p| {
    p.number >= e.number && p.micros.is_some() && e.number != 1
});
lookup!(left: Left, Left, |_, _| true);
lookup!(left_with_conditions: LeftConditions, Left, |e, p| p.number >= e.number && e.number != 1);
lookup!(semi: Semi, Semi, |e, p| p.number >= e.number);
lookup!(anti: Anti, Anti, |e, p| p.number >= e.number);

property! {
    two_tables: |events| TwoTables::query().events(events).prices(prices().iter().map(row).collect::<Vec<_>>()).catalog(table.clone()),
    delays [],
    |run, inputs, _, _| {
        let partners = inputs[0].iter().flat_map(|event| partners(event, run, |_, _| true));
        let rows = partners.filter(|partner| partner.number != 3).flat_map(|partner| {
            let mut prices = prices();
            prices.retain(|price| price.number == partner.number + 1 && price.key == partner.key);
            let prices = if prices.is_empty() { vec![None] } else { prices.into_iter().map(Some).collect() };
            prices.into_iter().map(move |price| joined(&(Some(partner.clone()), price)))
        });
        (rows.collect(), Vec::new())
    },
    table = table(), between replace(&table)
}

/// A table that stays.
fn prices() -> Vec<Item> {
    catalog(0).into_iter().chain(catalog(2)).collect()
}

property! {
    exploded_into_windows_behind_dedup: |events| Explode::query().events(events).catalog(table.clone()),
    delays [4_000],
    {
        let mut dedup = Dedup::default();
        let mut windows = Windows::seconds(10);
        move |run, inputs, late, evict| {
            let events = dedup.batch(&inputs[0], late, evict);
            let rows = events.into_iter().flat_map(|event| {
                let partners = partners(&event, run, |_, _| true);
                let numbers: Vec<i64> =
                    if partners.is_empty() { vec![-1] } else { partners.iter().map(|row| row.number).collect() };
                let items = numbers.into_iter().flat_map(|number| [event.number, number]);
                let items: Vec<i64> = items.filter(|number| *number != 2).collect();
                items.into_iter().map(move |number| (event.micros, event.key.clone(), number))
            });
            let groups = windows.batch(rows, late, evict);
            (groups.into_iter().map(total).collect(), vec![dedup.state_rows(), windows.state_rows()])
        }
    },
    table = table(), between replace(&table)
}

property! {
    behind_a_join_of_streams: |orders, shipments|
        BehindAJoin::query().orders(orders).shipments(shipments).catalog(table.clone()),
    delays [4_000, 6_000],
    {
        let mut join = Join::new(Kind::Full, right_in(closed(0, 10)), Conditions::NONE);
        move |run, inputs, late, evict| {
            let pairs = join.batch(&inputs[0], &inputs[1], late, evict);
            let rows = pairs.into_iter().flat_map(|(order, shipment)| {
                let mut products = catalog(run);
                products.retain(|product| shipment.as_ref().is_some_and(|row| row.number == product.number));
                products.into_iter().map(move |product| joined(&(order.clone(), Some(product))))
            });
            (rows.collect(), vec![join.state_rows()])
        }
    },
    table = table(), between replace(&table)
}
