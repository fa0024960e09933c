//! An aggregate of the service's own: the geometric mean of a growth rate.
//!
//! `cargo run --example custom_aggregate` — makes its own input, and ends by itself.

use serde::{Deserialize, Serialize};
use stream_runtime::expr::Aggregate;
use stream_runtime::prelude::*;

#[derive(Schema)]
struct Growth {
    region: String,
    factor: f64,
    at: Timestamp,
}

#[derive(Schema, Debug)]
struct MeanGrowth {
    window: Window,
    region: String,
    mean: Option<f64>,
    days: u64,
}

/// The *n*-th root of the product of *n* positive numbers, by the mean of their logarithms.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct GeometricMean {
    logarithms: f64,
    count: u64,
}

impl Aggregate for GeometricMean {
    type Input<'a> = f64;
    type Output = Option<f64>;

    fn update(&mut self, factor: f64) {
        if factor > 0.0 {
            self.logarithms += factor.ln();
            self.count += 1;
        }
    }

    fn merge(&mut self, other: Self) {
        self.logarithms += other.logarithms;
        self.count += other.count;
    }

    fn finish(&self) -> Option<f64> {
        (self.count > 0).then(|| (self.logarithms / self.count as f64).exp())
    }
}

stream_query! {
    /// The mean daily growth of each region, by week (from Monday).
    query WeeklyGrowth(growth: Growth) -> MeanGrowth {
        from g in growth watermark(g.at, days(1));
        group by window(g.at, weeks(1), start = days(4)) as week, g.region;
        select MeanGrowth {
            window: week,
            region: g.region,
            mean: aggregate::<GeometricMean>(g.factor),
            days: count(),
        };
        output append;
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (input, source) = MemorySource::new();
    let monday: Timestamp = "2026-01-05T12:00:00Z".parse()?;
    for week in 0..3 {
        input.add((0..7).flat_map(|day| {
            let at = monday + days(week * 7 + day);
            [("north", 1.0 + 0.01 * day as f64), ("south", 0.98)].map(|(region, factor)| Growth {
                region: region.to_owned(),
                factor,
                at,
            })
        }));
    }
    let query = WeeklyGrowth::query()
        .growth(source)
        .to(ConsoleSink::new())
        .trigger(Trigger::AvailableNow)
        .start()
        .await?;
    query.await_termination().await?;
    Ok(())
}
