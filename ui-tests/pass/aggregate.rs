//! Every aggregate, expressions around aggregates, and more of them than one tuple holds.

use serde::{Deserialize, Serialize};
use stream_runtime::expr::Aggregate;
use stream_runtime::prelude::*;
use ui_tests::{Click, Total};

#[derive(Schema)]
struct Everything {
    rows: u64,
    amounts: u64,
    paid: u64,
    total: Option<f64>,
    mean: Option<f64>,
    least: Option<f64>,
    most: Option<f64>,
    earliest: String,
    latest: String,
    deviation: Option<f64>,
    deviation_of_all: Option<f64>,
    variance: Option<f64>,
    variance_of_all: Option<f64>,
    users: u64,
    about: u64,
    pages: Vec<String>,
    actions: Vec<String>,
    usual: String,
    cheapest: Option<String>,
    dearest: Option<String>,
    some: bool,
    all: bool,
    longest: u64,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct Longest(usize);

impl Aggregate for Longest {
    type Input<'a> = (&'a str, &'a str);
    type Output = u64;

    fn update(&mut self, (page, action): (&str, &str)) {
        self.0 = self.0.max(page.len() + action.len());
    }

    fn merge(&mut self, other: Self) {
        self.0 = self.0.max(other.0);
    }

    fn finish(&self) -> u64 {
        self.0 as u64
    }
}

stream_query! {
    query All(clicks: Click) -> Everything {
        from click in clicks;
        select Everything {
            rows: count(),
            amounts: count(click.amount),
            paid: count_if(click.amount > Some(0.0)),
            total: sum(click.amount),
            mean: avg(click.amount),
            least: min(click.amount),
            most: max(click.amount),
            earliest: first(click.page),
            latest: last(click.page),
            deviation: stddev(click.amount),
            deviation_of_all: stddev_pop(click.amount),
            variance: var_samp(click.amount),
            variance_of_all: var_pop(click.amount),
            users: count_distinct(click.user_id),
            about: approx_count_distinct(click.user_id),
            pages: collect_list(click.page),
            actions: collect_set(click.action),
            usual: mode(click.page),
            cheapest: min_by(click.page, click.amount),
            dearest: max_by(click.page, click.amount),
            some: any(click.action == "buy"),
            all: every(click.action == "buy"),
            longest: aggregate::<Longest>((click.page, click.action)),
        };
        output complete;
    }
}

stream_query! {
    query Expressions(clicks: Click) -> Total {
        from click in clicks watermark(click.timestamp, minutes(10));
        let price = click.amount.unwrap_or(0.0);
        group by window(click.timestamp, minutes(5));
        select Total { total: Some(sum(price) / count() as f64 + max(price - 1.0)) };
        having total > Some(1.0) && count() > 3 && window.end > Timestamp::UNIX_EPOCH;
        output append;
    }
}

fn main() {}
