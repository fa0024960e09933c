//! Operators behind one another: joins behind joins, deduplication, windows, and queries that read queries. Each has the watermarks
//! of its own rows (docs/semantics.md §2).

use stream_runtime::prelude::*;

use crate::kinds::{Pair, closed, joined, pair, right_in};
use crate::naive::chains::{Dedup, Group, Windows};
use crate::naive::joins::{Bounds, Conditions, Item, Join, Kind};
use crate::{Outcome, Row, property, row};

#[derive(Schema, Clone, Debug, PartialEq)]
struct Three {
    order: Option<i64>,
    shipment: Option<i64>,
    payment: Option<i64>,
    ts: Option<Timestamp>,
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Total {
    window: Window,
    key: Option<String>,
    numbers: Vec<i64>,
}

fn total(((start_ms, end_ms, key), numbers): (Group, Vec<i64>)) -> Total {
    let window = Window { start: Timestamp::from_millis(start_ms), end: Timestamp::from_millis(end_ms) };
    Total { window, key, numbers }
}

stream_query! {
    query InnerThenLeft(orders: Row, shipments: Row, payments: Row) -> Three {
        from o in orders watermark(o.ts, seconds(4));
        join s in shipments watermark(s.ts, seconds(6)) on s.key == o.key
            within s.ts in o.ts ..= o.ts + seconds(10);
        left join p in payments watermark(p.ts, seconds(5)) on p.key == o.key && p.number == s.number
            within p.ts in o.ts - seconds(2) .. o.ts + seconds(6);
        select Three {
            order: Some(o.number), shipment: Some(s.number), payment: p.map(|p| p.number), ts: o.ts,
        };
        output append;
    }
}

stream_query! {
    query LeftThenFull(orders: Row, shipments: Row, payments: Row) -> Three {
        from o in orders watermark(o.ts, seconds(4));
        left join s in shipments watermark(s.ts, seconds(6)) on s.key == o.key
            within s.ts in o.ts ..= o.ts + seconds(10);
        where o.number != 3;
        full join p in payments watermark(p.ts, seconds(5)) on p.key == o.key && p.ts == o.ts;
        select Three {
            order: o.map(|o| o.number),
            shipment: s.map(|s| s.number),
            payment: p.map(|p| p.number),
            ts: o.and_then(|o| o.ts).or(p.and_then(|p| p.ts)),
        };
        output append;
    }
}

stream_query! {
    query RightThenInner(orders: Row, shipments: Row, payments: Row) -> Three {
        from o in orders watermark(o.ts, seconds(4));
        right join s in shipments watermark(s.ts, seconds(6)) on s.key == o.key
            within s.ts in o.ts ..= o.ts + seconds(10);
        join p in payments watermark(p.ts, seconds(5)) on p.key == s.key
            within s.ts in p.ts - seconds(3) ..= p.ts + seconds(3);
        select Three {
            order: o.map(|o| o.number), shipment: Some(s.number), payment: Some(p.number), ts: s.ts,
        };
        output append;
    }
}

stream_query! {
    query SemiThenAnti(orders: Row, shipments: Row, payments: Row) -> Row {
        from o in orders watermark(o.ts, seconds(4));
        semi join s in shipments watermark(s.ts, seconds(6)) on s.key == o.key
            within s.ts in o.ts ..= o.ts + seconds(10);
        anti join p in payments watermark(p.ts, seconds(5)) on p.key == o.key && p.number <= o.number
            within p.ts in o.ts ..= o.ts + seconds(10);
        select o;
        output append;
    }
}

stream_query! {
    query DedupJoinWindow(orders: Row, shipments: Row) -> Total {
        from o in orders watermark(o.ts, seconds(4));
        where o.number != 3;
        dedup by o.key, o.ts;
        join s in shipments watermark(s.ts, seconds(6)) on s.key == o.key
            within s.ts in o.ts ..= o.ts + seconds(10);
        let number = 10 * o.number + s.number;
        group by window(o.ts, seconds(10)) as w, o.key;
        select Total { window: w, key: o.key, numbers: collect_list(number) };
        output append;
    }
}

stream_query! {
    query LeftJoinWindow(orders: Row, shipments: Row) -> Total {
        from o in orders watermark(o.ts, seconds(4));
        let tens = 10 * o.number;
        left join s in shipments watermark(s.ts, seconds(6)) on s.key == o.key && tens + s.number != 11
            within s.ts in o.ts ..= o.ts + seconds(10);
        group by window(o.ts, seconds(10)) as w, o.key;
        select Total {
            window: w, key: o.key, numbers: vec![count() as i64, count_if(s.is_some()) as i64, sum(tens)],
        };
        output append;
    }
}

stream_query! {
    query JoinDedup(orders: Row, shipments: Row) -> Row {
        from o in orders watermark(o.ts, seconds(4));
        join s in shipments watermark(s.ts, seconds(6)) on s.key == o.key
            within s.ts in o.ts ..= o.ts + seconds(10);
        dedup by o.key, o.ts;
        select Row { key: o.key, number: 10 * o.number + s.number, ts: o.ts };
        output append;
    }
}

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

const TEN: Bounds = right_in(closed(0, 10));

fn three<T>(left: Option<(Option<&Item>, Option<&Item>)>, payment: Option<&Item>, ts: impl Fn() -> T) -> Three
where
    T: Into<Option<i64>>,
{
    let number = |item: Option<&Item>| item.map(|item| item.number);
    Three {
        order: left.and_then(|(order, _)| number(order)),
        shipment: left.and_then(|(_, shipment)| number(shipment)),
        payment: number(payment),
        ts: ts().into().map(Timestamp::from_micros),
    }
}

property! {
    inner_then_left: |orders, shipments, payments|
        InnerThenLeft::query().orders(orders).shipments(shipments).payments(payments),
    delays [4_000, 6_000, 5_000],
    {
        let mut first = Join::new(Kind::Inner, TEN, Conditions::NONE);
        let same = |left: &(Item, Item), payment: &Item| left.1.number == payment.number;
        let bounds = Bounds::RightIn(Some((-2_000, true)), Some((6_000, false)));
        let mut second = Join::new(Kind::Left, bounds, Conditions { both: same, ..Conditions::NONE });
        move |_, inputs, late, evict| {
            let pairs = first.batch(&inputs[0], &inputs[1], late, evict);
            let pairs: Vec<_> = pairs.into_iter().map(|(o, s)| (o.expect("inner"), s.expect("inner"))).collect();
            let rows = second.batch(&pairs, &inputs[2], first.output_ms(late), first.output_ms(evict));
            let rows = rows.iter().map(|(left, payment)| {
                let (order, shipment) = left.as_ref().expect("left");
                three(Some((Some(order), Some(shipment))), payment.as_ref(), || order.micros)
            });
            (rows.collect(), vec![first.state_rows(), second.state_rows()])
        }
    }
}

property! {
    left_then_full: |orders, shipments, payments|
        LeftThenFull::query().orders(orders).shipments(shipments).payments(payments),
    delays [4_000, 6_000, 5_000],
    {
        let mut first = Join::new(Kind::Left, TEN, Conditions::NONE);
        let mut second = Join::new(Kind::Full, Bounds::SameTime, Conditions::NONE);
        move |_, inputs, late, evict| {
            let pairs = first.batch(&inputs[0], &inputs[1], late, evict);
            let pairs = pairs.into_iter().map(|(o, s)| (o.expect("left"), s));
            let pairs: Vec<_> = pairs.filter(|(order, _)| order.number != 3).collect();
            let rows = second.batch(&pairs, &inputs[2], first.output_ms(late), first.output_ms(evict));
            let rows = rows.iter().map(|(left, payment)| {
                let left = left.as_ref().map(|(order, shipment)| (Some(order), shipment.as_ref()));
                let order = left.and_then(|(order, _)| order?.micros);
                three(left, payment.as_ref(), || order.or(payment.as_ref().and_then(|payment| payment.micros)))
            });
            (rows.collect(), vec![first.state_rows(), second.state_rows()])
        }
    }
}

property! {
    right_then_inner: |orders, shipments, payments|
        RightThenInner::query().orders(orders).shipments(shipments).payments(payments),
    delays [4_000, 6_000, 5_000],
    {
        let mut first = Join::new(Kind::Right, TEN, Conditions::NONE);
        let bounds = Bounds::LeftIn(Some((-3_000, true)), Some((3_000, true)));
        let mut second = Join::new(Kind::Inner, bounds, Conditions::NONE);
        move |_, inputs, late, evict| {
            let pairs = first.batch(&inputs[0], &inputs[1], late, evict);
            let pairs: Vec<_> = pairs.into_iter().map(|(o, s)| (o, s.expect("right"))).collect();
            let rows = second.batch(&pairs, &inputs[2], first.output_ms(late), first.output_ms(evict));
            let rows = rows.iter().map(|(left, payment)| {
                let (order, shipment) = left.as_ref().expect("inner");
                three(Some((order.as_ref(), Some(shipment))), payment.as_ref(), || shipment.micros)
            });
            (rows.collect(), vec![first.state_rows(), second.state_rows()])
        }
    }
}

property! {
    semi_then_anti: |orders, shipments, payments|
        SemiThenAnti::query().orders(orders).shipments(shipments).payments(payments),
    delays [4_000, 6_000, 5_000],
    {
        let mut first = Join::new(Kind::Semi, TEN, Conditions::NONE);
        let less = |order: &Item, payment: &Item| payment.number <= order.number;
        let mut second = Join::new(Kind::Anti, TEN, Conditions { both: less, ..Conditions::NONE });
        move |_, inputs, late, evict| {
            let orders = first.batch(&inputs[0], &inputs[1], late, evict);
            let orders: Vec<_> = orders.into_iter().filter_map(|(order, _)| order).collect();
            let rows = second.batch(&orders, &inputs[2], first.output_ms(late), first.output_ms(evict));
            let rows = rows.iter().filter_map(|(order, _)| order.as_ref()).map(row);
            (rows.collect(), vec![first.state_rows(), second.state_rows()])
        }
    }
}

property! {
    dedup_then_join_then_window: |orders, shipments| DedupJoinWindow::query().orders(orders).shipments(shipments),
    delays [4_000, 6_000],
    {
        let mut dedup = Dedup::default();
        let mut join = Join::new(Kind::Inner, TEN, Conditions::NONE);
        let mut windows = Windows::seconds(10);
        move |_, inputs, late, evict| {
            let orders: Vec<_> = inputs[0].iter().filter(|order| order.number != 3).cloned().collect();
            let orders = dedup.batch(&orders, late, evict);
            let pairs = join.batch(&orders, &inputs[1], late, evict);
            let rows = pairs.into_iter().map(|(order, shipment)| {
                let (order, shipment) = (order.expect("inner"), shipment.expect("inner"));
                (order.micros, order.key, 10 * order.number + shipment.number)
            });
            let groups = windows.batch(rows, join.output_ms(late), join.output_ms(evict));
            let state_rows = vec![dedup.state_rows(), join.state_rows(), windows.state_rows()];
            (groups.into_iter().map(total).collect(), state_rows)
        }
    }
}

property! {
    left_join_then_window: |orders, shipments| LeftJoinWindow::query().orders(orders).shipments(shipments),
    delays [4_000, 6_000],
    {
        let both = |order: &Item, shipment: &Item| 10 * order.number + shipment.number != 11;
        let mut join = Join::new(Kind::Left, TEN, Conditions { both, ..Conditions::NONE });
        let mut windows = Windows::seconds(10);
        move |_, inputs, late, evict| {
            let pairs = join.batch(&inputs[0], &inputs[1], late, evict);
            let rows = pairs.into_iter().map(|(order, shipment)| {
                let order = order.expect("left");
                (order.micros, order.key, (10 * order.number, i64::from(shipment.is_some())))
            });
            let groups = windows.batch(rows, join.output_ms(late), join.output_ms(evict));
            let totals = groups.into_iter().map(|(group, rows)| {
                let sum = |of: fn(&(i64, i64)) -> i64| rows.iter().map(of).sum::<i64>();
                total((group, vec![rows.len() as i64, sum(|row| row.1), sum(|row| row.0)]))
            });
            (totals.collect(), vec![join.state_rows(), windows.state_rows()])
        }
    }
}

property! {
    join_then_dedup: |orders, shipments| JoinDedup::query().orders(orders).shipments(shipments),
    delays [4_000, 6_000],
    {
        let mut join = Join::new(Kind::Inner, TEN, Conditions::NONE);
        let mut dedup = Dedup::default();
        move |_, inputs, late, evict| {
            let pairs = join.batch(&inputs[0], &inputs[1], late, evict);
            let rows = pairs.into_iter().map(|(order, shipment)| {
                let (order, shipment) = (order.expect("inner"), shipment.expect("inner"));
                Item { number: 10 * order.number + shipment.number, ..order }
            });
            let rows = dedup.batch(&rows.collect::<Vec<_>>(), join.output_ms(late), join.output_ms(evict));
            (rows.iter().map(row).collect(), vec![join.state_rows(), dedup.state_rows()])
        }
    }
}

/// A row of a closed window, as the next query groups it: by the window's last microsecond (docs/semantics.md 6.6).
fn closed_window<T>(
    value: impl Fn(&[i64]) -> T,
) -> impl Fn((Group, Vec<i64>)) -> (Option<i64>, Option<String>, T) {
    move |((_, end_ms, key), numbers)| (Some(end_ms * 1_000 - 1), key, value(&numbers))
}

fn events(items: &[Item]) -> impl Iterator<Item = (Option<i64>, Option<String>, i64)> {
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
                    .filter(|(other, _)| *other == group && group.2.is_some())
                    .map(|(_, others)| total((group.clone(), [&numbers[..], others].concat())))
                    .collect();
                others
            });
            (rows.collect(), vec![left.state_rows(), right.state_rows(), 0])
        }
    }
}
