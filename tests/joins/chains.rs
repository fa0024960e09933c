//! Operators of one query behind one another: joins behind joins, deduplication, windows. Each has the watermarks of its own rows
//! (docs/semantics.md §2).

use stream_runtime::prelude::*;

use crate::kinds::{closed, right_in};
use crate::naive::chains::{Dedup, Windows};
use crate::naive::joins::{Bounds, Conditions, Item, Join, Kind};
use crate::{Row, Total, property, row, total};

#[derive(Schema, Clone, Debug, PartialEq)]
struct Three {
    order: Option<i64>,
    shipment: Option<i64>,
    payment: Option<i64>,
    ts: Option<Timestamp>,
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
    query RightThenRight(orders: Row, shipments: Row, payments: Row) -> Three {
        from o in orders watermark(o.ts, seconds(4));
        let order = o.number + 100;
        right join s in shipments watermark(s.ts, seconds(6)) on s.key == o.key && order - s.number != 101
            within s.ts in o.ts ..= o.ts + seconds(10);
        let shipment = s.number;
        right join p in payments watermark(p.ts, seconds(5)) on p.key == s.key && shipment <= p.number
            within p.ts in s.ts .. s.ts + seconds(8);
        select Three {
            order: o.map(|o| o.number), shipment: s.map(|s| s.number), payment: Some(p.number), ts: p.ts,
        };
        output append;
    }
}

stream_query! {
    query SemiThenAnti(orders: Row, shipments: Row, payments: Row) -> Row {
        from o in orders watermark(o.ts, seconds(4));
        let t = o.ts;
        semi join s in shipments watermark(s.ts, seconds(6)) on s.key == o.key
            within s.ts in t ..= t + seconds(10);
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
    right_then_right: |orders, shipments, payments|
        RightThenRight::query().orders(orders).shipments(shipments).payments(payments),
    delays [4_000, 6_000, 5_000],
    {
        let both = |order: &Item, shipment: &Item| order.number - shipment.number != 1;
        let mut first = Join::new(Kind::Right, TEN, Conditions { both, ..Conditions::NONE });
        let both = |left: &(Option<Item>, Item), payment: &Item| left.1.number <= payment.number;
        let bounds = Bounds::RightIn(Some((0, true)), Some((8_000, false)));
        let mut second = Join::new(Kind::Right, bounds, Conditions { both, ..Conditions::NONE });
        move |_, inputs, late, evict| {
            let pairs = first.batch(&inputs[0], &inputs[1], late, evict);
            let pairs: Vec<_> = pairs.into_iter().map(|(o, s)| (o, s.expect("right"))).collect();
            let rows = second.batch(&pairs, &inputs[2], first.output_ms(late), first.output_ms(evict));
            let rows = rows.iter().map(|(left, payment)| {
                let left = left.as_ref().map(|(order, shipment)| (order.as_ref(), Some(shipment)));
                three(left, payment.as_ref(), || payment.as_ref().and_then(|payment| payment.micros))
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
