//! Queries of every shape compile.

use stream_runtime::prelude::*;

#[derive(Schema)]
struct Click {
    user_id: String,
    page: String,
    action: String,
    amount: Option<f64>,
    timestamp: Timestamp,
}

#[derive(Schema)]
struct PageStat {
    window: Window,
    page: String,
    views: u64,
    visitors: u64,
}

stream_query! {
    /// Views and distinct visitors of every page, each five minutes.
    pub query PageStats(clicks: Click) -> PageStat {
        from click in clicks watermark(click.timestamp, minutes(2));
        where click.action == "view";
        group by window(click.timestamp, minutes(5)) as w, click.page;
        select PageStat {
            window: w,
            page: click.page,
            views: count(),
            visitors: count_distinct(click.user_id),
        };
        output append;
    }
}

#[derive(Schema)]
struct Purchase {
    page: String,
    amount: f64,
}

stream_query! {
    query Purchases(clicks: Click) -> Purchase {
        from c in clicks;
        let amount = c.amount.unwrap_or(0.0) * 1.2;
        where amount > 0.0;
        select Purchase { page: c.page, amount };
        output append;
    }
}

#[test]
fn explains() {
    println!("{}", PageStats::explain());
    println!("{}", Purchases::explain());
}
