//! Each kind of join by itself, with each kind of bounds, and conditions of one side and of both.

use stream_runtime::prelude::*;

use crate::naive::joins::{Bounds, Conditions, End, Item, Join, Joined, Kind};
use crate::{Outcome, Row, RowView, property, row};

/// The rows that came out together; the number of one that isn't there is null.
#[derive(Schema, Clone, Debug, PartialEq)]
pub(crate) struct Pair {
    left_key: Option<String>,
    left_number: Option<i64>,
    left_ts: Option<Timestamp>,
    right_key: Option<String>,
    right_number: Option<i64>,
    right_ts: Option<Timestamp>,
}

pub(crate) fn pair(left: Option<RowView<'_>>, right: Option<RowView<'_>>) -> Pair {
    Pair {
        left_key: left.and_then(|row| row.key).map(str::to_owned),
        left_number: left.map(|row| row.number),
        left_ts: left.and_then(|row| row.ts),
        right_key: right.and_then(|row| row.key).map(str::to_owned),
        right_number: right.map(|row| row.number),
        right_ts: right.and_then(|row| row.ts),
    }
}

macro_rules! query {
    ($name:ident: [$($join:ident)+] on $o:ident $s:ident [$($on:tt)*] [$($bounds:tt)*] -> $left:expr, $right:expr) => {
        stream_query! {
            query $name(orders: Row, shipments: Row) -> Pair {
                from $o in orders watermark($o.ts, seconds(4));
                $($join)+ $s in shipments watermark($s.ts, seconds(6)) on $s.key == $o.key $($on)* $($bounds)*;
                select pair($left, $right);
                output append;
            }
        }
    };
}

query!(Inner: [join] on o s [] [within s.ts in o.ts ..= o.ts + seconds(10)] -> Some(o), Some(s));
query!(InnerBack: [join] on o s [&& o.number <= s.number && s.number != 0] [within o.ts in s.ts - seconds(8) .. s.ts - seconds(2)] -> Some(o), Some(s));
query!(InnerSameTime: [join] on o s [&& o.ts == s.ts && o.number != s.number] [] -> Some(o), Some(s));
query!(InnerUnbounded: [join] on o s [&& o.number == s.number] [unbounded] -> Some(o), Some(s));
query!(InnerHalf: [join] on o s [] [within s.ts in o.ts + seconds(3) .. unbounded] -> Some(o), Some(s));
query!(Left: [left join] on o s [&& o.number != 0 && s.number != 1] [within s.ts in o.ts ..= o.ts + seconds(10)] -> Some(o), s);
query!(LeftBack: [left join] on o s [&& s.number < o.number] [within o.ts in s.ts - seconds(3) ..= s.ts + seconds(5)] -> Some(o), s);
query!(LeftSameTime: [left join] on o s [&& s.ts == o.ts] [] -> Some(o), s);
query!(Right: [right join] on o s [&& s.number != 0 && o.number != 1] [within s.ts in o.ts - seconds(5) .. o.ts + seconds(10)] -> o, Some(s));
query!(RightAhead: [right join] on o s [] [within s.ts in o.ts + seconds(2) ..= o.ts + seconds(4)] -> o, Some(s));
query!(Full: [full join] on o s [&& s.number + o.number != 3] [within s.ts in o.ts - seconds(5) ..= o.ts + seconds(5)] -> o, s);
query!(FullSides: [full join] on o s [&& o.number != 0 && s.number != 0] [within o.ts in s.ts .. s.ts + seconds(7)] -> o, s);
query!(FullSameTime: [full join] on o s [&& o.ts == s.ts] [] -> o, s);
query!(Semi: [semi join] on o s [&& o.number != 0] [within s.ts in o.ts ..= o.ts + seconds(10)] -> Some(o), None);
query!(SemiSameTime: [semi join] on o s [&& s.ts == o.ts && s.number >= o.number] [] -> Some(o), None);
query!(Anti: [anti join] on o s [&& o.number != 0 && s.number != 0] [within s.ts in o.ts - seconds(1) .. o.ts + seconds(10)] -> Some(o), None);
query!(AntiSameTime: [anti join] on o s [&& s.ts == o.ts && s.number >= o.number] [] -> Some(o), None);

pub(crate) fn joined((left, right): &Joined) -> Pair {
    let (left, right) = (left.as_ref().map(row), right.as_ref().map(row));
    pair(left.as_ref().map(Schema::view), right.as_ref().map(Schema::view))
}

/// The join and nothing else.
fn alone(mut join: Join) -> impl FnMut(usize, &[Vec<Item>], i64, i64) -> Outcome<Pair> {
    move |_, inputs, late_ms, evict_ms| {
        let rows = join.batch(&inputs[0], &inputs[1], late_ms, evict_ms);
        (rows.iter().map(joined).collect(), vec![join.state_rows()])
    }
}

macro_rules! kind {
    ($test:ident: $query:ident, $kind:ident, $bounds:expr, $conditions:expr) => {
        property! {
            $test: |orders, shipments| $query::query().orders(orders).shipments(shipments),
            delays [4_000, 6_000] => waits $bounds != Bounds::Unbounded,
            alone(Join::new(Kind::$kind, $bounds, $conditions))
        }
    };
}

pub(crate) const fn closed(lower: i64, upper: i64) -> (End, End) {
    (Some((lower * 1_000, true)), Some((upper * 1_000, true)))
}

const fn half_open(lower: i64, upper: i64) -> (End, End) {
    (Some((lower * 1_000, true)), Some((upper * 1_000, false)))
}

pub(crate) const fn right_in((lower, upper): (End, End)) -> Bounds {
    Bounds::RightIn(lower, upper)
}

const fn left_in((lower, upper): (End, End)) -> Bounds {
    Bounds::LeftIn(lower, upper)
}

const ALL: Conditions = Conditions::NONE;

kind!(inner: Inner, Inner, right_in(closed(0, 10)), ALL);
kind!(inner_back: InnerBack, Inner, left_in(half_open(-8, -2)),
    Conditions { right: |s| s.number != 0, both: |o, s| o.number <= s.number, ..ALL });
kind!(inner_of_one_time: InnerSameTime, Inner, Bounds::SameTime,
    Conditions { both: |o, s| o.number != s.number, ..ALL });
kind!(inner_unbounded: InnerUnbounded, Inner, Bounds::Unbounded,
    Conditions { both: |o, s| o.number == s.number, ..ALL });
kind!(inner_half_bounded: InnerHalf, Inner, Bounds::RightIn(Some((3_000, true)), None), ALL);
kind!(left: Left, Left, right_in(closed(0, 10)),
    Conditions { left: |o| o.number != 0, right: |s| s.number != 1, ..ALL });
kind!(left_back: LeftBack, Left, left_in(closed(-3, 5)), Conditions { both: |o, s| s.number < o.number, ..ALL });
kind!(left_of_one_time: LeftSameTime, Left, Bounds::SameTime, ALL);
kind!(right: Right, Right, right_in(half_open(-5, 10)),
    Conditions { left: |o| o.number != 1, right: |s| s.number != 0, ..ALL });
kind!(right_ahead: RightAhead, Right, right_in(closed(2, 4)), ALL);
kind!(full: Full, Full, right_in(closed(-5, 5)), Conditions { both: |o, s| o.number + s.number != 3, ..ALL });
kind!(full_with_conditions_of_each_side: FullSides, Full, left_in(half_open(0, 7)),
    Conditions { left: |o| o.number != 0, right: |s| s.number != 0, ..ALL });
kind!(full_of_one_time: FullSameTime, Full, Bounds::SameTime, ALL);
kind!(semi: Semi, Semi, right_in(closed(0, 10)), Conditions { left: |o| o.number != 0, ..ALL });
kind!(semi_of_one_time: SemiSameTime, Semi, Bounds::SameTime,
    Conditions { both: |o, s| s.number >= o.number, ..ALL });
kind!(anti: Anti, Anti, right_in(half_open(-1, 10)),
    Conditions { left: |o| o.number != 0, right: |s| s.number != 0, ..ALL });
kind!(anti_of_one_time: AntiSameTime, Anti, Bounds::SameTime,
    Conditions { both: |o, s| s.number >= o.number, ..ALL });
