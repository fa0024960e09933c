//! Aggregates called as a query calls them: through closures over a borrowed row, with every parameter left to rustc.

#![allow(clippy::type_complexity, reason = "the types that rustc has to infer are the point")]

use serde::{Deserialize, Serialize};
use stream_runtime::expr::{
    Accumulator, Aggregate, Any, ApproxCountDistinct, Avg, CollectList, CollectSet, CountDistinct, CountIf,
    CountRows, CountValues, Custom, Every, First, Last, Max, MaxBy, Min, MinBy, MostFrequent, StddevPop,
    StddevSamp, Sum, Unfinished, VarPop, VarSamp,
};
use stream_runtime::prelude::*;

#[derive(Clone, Copy)]
struct Click<'a> {
    page: &'a str,
    referrer: Option<&'a str>,
    payload: &'a [u8],
    amount: Option<f64>,
    price: f32,
    quantity: u32,
    buys: bool,
    at: Timestamp,
    took: Duration,
}

/// A row function, and the group that it updates.
struct Group<A>(A);

impl<A: Accumulator> Group<A> {
    fn of<'a>(rows: &[Click<'a>], row: impl for<'b> Fn(Click<'b>, &mut Self)) -> Self {
        let mut group = Self(A::default());
        for click in rows {
            row(*click, &mut group);
        }
        group
    }

    fn update(&mut self, mut update: impl FnMut(&mut A)) {
        update(&mut self.0);
    }

    fn select<O>(&self, finish: impl Fn(&A) -> Result<O, Unfinished>) -> O {
        finish(&self.0).unwrap_or_else(|why| panic!("{why:?}"))
    }
}

/// The sum of products.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Revenue(f64);

impl Aggregate for Revenue {
    type Input<'a> = (&'a str, f32, u32);
    type Output = f64;

    fn update(&mut self, (page, price, quantity): (&str, f32, u32)) {
        if page != "/free" {
            self.0 += f64::from(price) * f64::from(quantity);
        }
    }
    fn merge(&mut self, other: Self) {
        self.0 += other.0;
    }
    fn finish(&self) -> f64 {
        self.0
    }
}

fn clicks() -> [Click<'static>; 3] {
    let click = Click {
        page: "/b",
        referrer: None,
        payload: b"2",
        amount: Some(1.0),
        price: 0.5,
        quantity: 4,
        buys: false,
        at: Timestamp::from_secs(2),
        took: milliseconds(5),
    };
    [
        click,
        Click {
            page: "/a",
            referrer: Some("mail"),
            payload: b"1",
            amount: None,
            at: Timestamp::from_secs(1),
            ..click
        },
        Click {
            page: "/b",
            amount: Some(4.0),
            buys: true,
            at: Timestamp::from_secs(3),
            took: milliseconds(8),
            ..click
        },
    ]
}

#[test]
fn counts_totals_and_extremes_infer_their_columns() {
    let rows = clicks();
    let group = Group::of(&rows, |click, group| {
        let buys = &(click.buys);
        let (amount, price, quantity) = (&(click.amount), &(click.price), &(click.quantity));
        let (page, referrer) = (&(click.page), &(click.referrer));
        let upper = click.page.to_uppercase();
        let upper = &upper;
        group.update(
            |acc: &mut (
                CountRows,
                CountValues,
                CountIf,
                Sum<_>,
                Sum<_>,
                Avg<_>,
                Avg<_>,
                Min<_>,
                Max<_>,
                Max<_>,
            )| {
                acc.0.update();
                acc.1.update(referrer);
                acc.2.update(buys);
                acc.3.update(amount);
                acc.4.update(quantity);
                acc.5.update(price);
                acc.6.update(&(click.took));
                acc.7.update(page);
                acc.8.update(referrer);
                acc.9.update(upper);
            },
        );
    });
    let found: (u64, u64, u64, Option<f64>, u64, f64, Duration, String, Option<String>, String) = group
        .select(|acc| {
            Ok((
                acc.0.finish()?,
                acc.1.finish()?,
                acc.2.finish()?,
                acc.3.finish()?,
                acc.4.finish()?,
                acc.5.finish()?,
                acc.6.finish()?,
                acc.7.finish()?,
                acc.8.finish()?,
                acc.9.finish()?,
            ))
        });
    let expected = (
        3,
        1,
        1,
        Some(5.0),
        12,
        0.5,
        milliseconds(6),
        "/a".to_owned(),
        Some("mail".to_owned()),
        "/B".to_owned(),
    );
    assert_eq!(found, expected);
}

#[test]
fn rows_sets_and_quantifiers_infer_their_columns() {
    let rows = clicks();
    let group = Group::of(&rows, |click, group| {
        let (page, referrer, payload) = (&(click.page), &(click.referrer), &(click.payload));
        group.update(
            |acc: &mut (
                First<_>,
                Last<_>,
                MinBy<_, _>,
                MaxBy<_, _>,
                CountDistinct<_>,
                CountDistinct<_>,
                ApproxCountDistinct<_>,
                CollectList<_>,
                CollectSet<_>,
                MostFrequent<_>,
                Any<_>,
                Every<_>,
            )| {
                acc.0.update(referrer);
                acc.1.update(page);
                acc.2.update(page, &(click.at));
                acc.3.update(page, &(click.amount));
                acc.4.update(page);
                acc.5.update(&(click.page, click.referrer));
                acc.6.update(payload);
                acc.7.update(&(click.amount));
                acc.8.update(payload);
                acc.9.update(page);
                acc.10.update(&(click.buys));
                acc.11.update(&(click.amount.map(|amount| amount > 0.0)));
            },
        );
    });
    group.select(|acc| {
        assert_eq!(acc.0.finish()?, None::<String>);
        assert_eq!(acc.1.finish()?, "/b");
        assert_eq!(acc.2.finish()?, "/a");
        assert_eq!(acc.3.finish()?, Some("/b".to_owned()));
        assert_eq!((acc.4.finish()?, acc.5.finish()?, acc.6.finish()?), (2, 1, 2));
        assert_eq!(acc.7.finish()?, [1.0, 4.0]);
        assert_eq!(acc.8.finish()?, [b"1", b"2"]);
        assert_eq!(acc.9.finish()?, "/b");
        assert!(acc.10.finish()?);
        assert_eq!(acc.11.finish()?, Some(true));
        Ok(())
    });
}

#[test]
fn spreads_and_a_services_own_aggregate_infer_their_columns() {
    let rows = clicks();
    let group = Group::of(&rows, |click, group| {
        let amount = &(click.amount);
        group.update(|acc: &mut (StddevSamp<_>, StddevPop<_>, VarSamp<_>, VarPop<_>, Custom<Revenue>)| {
            acc.0.update(amount);
            acc.1.update(&(click.quantity));
            acc.2.update(&(click.price));
            acc.3.update(amount);
            acc.4.update((click.page, click.price, click.quantity));
        });
    });
    let found = group.select(|acc| {
        Ok((acc.0.finish()?, acc.1.finish()?, acc.2.finish()?, acc.3.finish()?, acc.4.finish()?))
    });
    assert_eq!(found, (Some(4.5_f64.sqrt()), 0.0, Some(0.0), Some(2.25), 6.0));
}
