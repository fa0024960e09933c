//! Queries that read queries: each operator has the watermarks of its own rows (docs/semantics.md §2), and inputs, unions and tables are
//! those of the query that names them.

use stream_runtime::prelude::*;

use crate::kinds::{Pair, closed, joined, pair, right_in};
use crate::naive::chains::{Dedup, Group, Timed, Windows};
use crate::naive::joins::{Bounds, Conditions, Item, Join, Kind};
use crate::{Outcome, Row, Total, property, total};

stream_query! {
    query ByKey(events: Row) -> Total {
        from e in events watermark(e.ts, seconds(4));
        group by window(e.ts, seconds(5)) as w, e.key;
        select Total { window: w, key: e.key, numbers: collect_list(e.number) };
        output append;
    }
}

stream_query! {
    query ByWindow() -> Total {
        from t in query ByKey;
        group by window(t.window, seconds(10)) as w;
        select Total { window: w, key: None, numbers: collect_list(t.numbers.iter().sum::<i64>()) };
        output append;
    }
}

stream_query! {
    query ByLongerWindow() -> Total {
        from t in query ByWindow;
        where !t.numbers.is_empty();
        group by window(t.window, seconds(20)) as w, t.key;
        select Total { window: w, key: t.key, numbers: collect_list(t.numbers.len() as i64) };
        output append;
    }
}

stream_query! {
    query Unshipped(orders: Row, shipments: Row) -> Row {
        from o in orders watermark(o.ts, seconds(4));
        anti join s in shipments watermark(s.ts, seconds(6)) on s.key == o.key
            within s.ts in o.ts ..= o.ts + seconds(10);
        select o;
        output append;
    }
}

stream_query! {
    query UnshippedByWindow() -> Total {
        from u in query Unshipped;
        group by window(u.ts, seconds(10)) as w, u.key;
        select Total { window: w, key: u.key, numbers: vec![count() as i64, sum(u.number)] };
        output append;
    }
}

stream_query! {
    query Distinct(orders: Row) -> Row {
        from o in orders watermark(o.ts, seconds(4));
        dedup by o.key, o.ts;
        select o;
        output append;
    }
}

stream_query! {
    query ShipmentsOfDistinct(shipments: Row) -> Pair {
        from o in query Distinct;
        left join s in shipments watermark(s.ts, seconds(6)) on s.key == o.key
            within s.ts in o.ts ..= o.ts + seconds(10);
        select pair(Some(o), s);
        output append;
    }
}

stream_query! {
    query DistinctOfShipments(shipments: Row) -> Pair {
        from s in shipments watermark(s.ts, seconds(6));
        right join o in query Distinct on s.key == o.key within o.ts in s.ts ..= s.ts + seconds(10);
        select pair(s, Some(o));
        output append;
    }
}

stream_query! {
    query WindowsOfTwo() -> Total {
        from t in query ByKey;
        join s in query ByKeyAlso on s.key == t.key && s.window == t.window;
        where !s.numbers.is_empty();
        select Total { window: s.window, key: t.key, numbers: t.numbers.iter().chain(s.numbers.iter()).collect() };
        output append;
    }
}

stream_query! {
    query ByKeyAlso(others: Row) -> Total {
        from e in others watermark(e.ts, seconds(6));
        group by window(e.ts, seconds(5)) as w, e.key;
        select Total { window: w, key: e.key, numbers: collect_list(e.number) };
        output append;
    }
}

stream_query! {
    query Known(first: Row, second: Row, catalog: static Row) -> Row {
        from e in first union second watermark(e.ts, seconds(4));
        semi join p in catalog on p.number == e.number;
        select e;
        output append;
    }
}

stream_query! {
    query KnownJoined(shipments: Row, names: static Row) -> Pair {
        from s in shipments watermark(s.ts, seconds(6));
        join e in query Known on e.key == s.key within e.ts in s.ts ..= s.ts + seconds(10);
        left join n in names on n.number == e.number;
        where n.is_some_and(|n| n.number != 1);
        select pair(Some(s), Some(e));
        output append;
    }
}

const TEN: Bounds = right_in(closed(0, 10));

fn numbered(number: i64) -> Row {
    Row { key: None, number, ts: None }
}

/// A row of a closed window, as the next query groups it: by the window's last microsecond (docs/semantics.md 6.6).
fn closed_window<T>(value: impl Fn(&[i64]) -> T) -> impl Fn((Group, Vec<i64>)) -> Timed<T> {
    move |((_, end_ms, key), numbers)| (Some(end_ms * 1_000 - 1), key, value(&numbers))
}

fn events(items: &[Item]) -> impl Iterator<Item = Timed<i64>> {
    items.iter().map(|item| (item.micros, item.key.clone(), item.number))
}

property! {
    window_of_window: |events| ByWindow::query().by_key(ByKey::query().events(events)),
    delays [4_000],
    {
        let (mut first, mut second) = (Windows::seconds(5), Windows::seconds(10));
        move |_, inputs, late, evict| {
            let groups = first.batch(self::events(&inputs[0]), late, evict);
            let groups = groups.into_iter().map(closed_window(|numbers| numbers.iter().sum()));
            let groups = second.batch(groups.map(|(micros, _, sum)| (micros, None, sum)), late, evict);
            (groups.into_iter().map(total).collect(), vec![first.state_rows(), second.state_rows()])
        }
    }
}

property! {
    window_of_window_of_window: |events|
        ByLongerWindow::query().by_window(ByWindow::query().by_key(ByKey::query().events(events))),
    delays [4_000],
    {
        let (mut first, mut second, mut third) = (Windows::seconds(5), Windows::seconds(10), Windows::seconds(20));
        move |_, inputs, late, evict| {
            let groups = first.batch(self::events(&inputs[0]), late, evict);
            let groups = groups.into_iter().map(closed_window(|numbers| numbers.iter().sum()));
            let groups = second.batch(groups.map(|(micros, _, sum)| (micros, None, sum)), late, evict);
            let groups = groups.into_iter().map(closed_window(|numbers| numbers.len() as i64));
            let groups = third.batch(groups, late, evict);
            let state_rows = vec![first.state_rows(), second.state_rows(), third.state_rows()];
            (groups.into_iter().map(total).collect(), state_rows)
        }
    }
}

property! {
    window_of_an_anti_join: |orders, shipments|
        UnshippedByWindow::query().unshipped(Unshipped::query().orders(orders).shipments(shipments)),
    delays [4_000, 6_000],
    {
        let mut join = Join::new(Kind::Anti, TEN, Conditions::NONE);
        let mut windows = Windows::seconds(10);
        move |_, inputs, late, evict| {
            let orders = join.batch(&inputs[0], &inputs[1], late, evict);
            let orders: Vec<_> = orders.into_iter().filter_map(|(order, _)| order).collect();
            let groups = windows.batch(events(&orders), join.output_ms(late), join.output_ms(evict));
            let totals = groups.into_iter().map(|(group, numbers)| {
                total((group, vec![numbers.len() as i64, numbers.iter().sum()]))
            });
            (totals.collect(), vec![join.state_rows(), windows.state_rows()])
        }
    }
}

/// `Distinct`, and a join with it on the left or on the right; shipments are the first input.
fn with_distinct(
    mut join: Join,
    is_left: bool,
) -> impl FnMut(usize, &[Vec<Item>], i64, i64) -> Outcome<Pair> {
    let mut dedup = Dedup::default();
    move |_, inputs, late, evict| {
        let orders = dedup.batch(&inputs[1], late, evict);
        let (left, right) = if is_left { (&orders, &inputs[0]) } else { (&inputs[0], &orders) };
        let rows = join.batch(left, right, late, evict);
        (rows.iter().map(joined).collect(), vec![dedup.state_rows(), join.state_rows()])
    }
}

property! {
    join_of_a_query_with_a_stream: |shipments, orders|
        ShipmentsOfDistinct::query().shipments(shipments).distinct(Distinct::query().orders(orders)),
    delays [6_000, 4_000],
    with_distinct(Join::new(Kind::Left, TEN, Conditions::NONE), true)
}

property! {
    join_of_a_stream_with_a_query: |shipments, orders|
        DistinctOfShipments::query().shipments(shipments).distinct(Distinct::query().orders(orders)),
    delays [6_000, 4_000],
    with_distinct(Join::new(Kind::Right, TEN, Conditions::NONE), false)
}

property! {
    join_of_the_windows_of_two_queries: |events, others|
        WindowsOfTwo::query()
            .by_key(ByKey::query().events(events))
            .by_key_also(ByKeyAlso::query().others(others)),
    delays [4_000, 6_000],
    {
        let (mut left, mut right) = (Windows::seconds(5), Windows::seconds(5));
        move |_, inputs, late, evict| {
            let ones = left.batch(events(&inputs[0]), late, evict);
            let others = right.batch(events(&inputs[1]), late, evict);
            // Both are closed by the same watermark, and so meet in one batch.
            let rows = ones.into_iter().flat_map(|(group, numbers)| {
                let others: Vec<_> = others
                    .iter()
                    .filter(|(other, _)| **other == group && group.2.is_some())
                    .map(|(_, others)| total((group.clone(), [&numbers[..], &others[..]].concat())))
                    .collect();
                others
            });
            (rows.collect(), vec![left.state_rows(), right.state_rows(), 0])
        }
    }
}

property! {
    join_with_a_query_of_a_union_and_a_table: |shipments, first, second|
        KnownJoined::query()
            .shipments(shipments)
            .names(vec![numbered(0), numbered(1), numbered(2)])
            .known(Known::query().first(first).second(second).catalog(vec![numbered(1), numbered(2), numbered(3)])),
    delays [6_000, 4_000, 4_000],
    {
        let mut join = Join::new(Kind::Inner, TEN, Conditions::NONE);
        move |_, inputs, late, evict| {
            let known = inputs[1].iter().chain(&inputs[2]).filter(|item| item.number != 0);
            let rows = join.batch(&inputs[0], &known.cloned().collect::<Vec<_>>(), late, evict);
            let named = rows.iter().filter(|(_, known)| known.as_ref().is_some_and(|known| known.number == 2));
            (named.map(joined).collect(), vec![join.state_rows()])
        }
    }
}
