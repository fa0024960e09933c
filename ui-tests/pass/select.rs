//! Queries without groups: passing rows on, a function for a row, borrowed and computed columns.

use stream_runtime::prelude::*;
use ui_tests::{Click, PageStat};

stream_query! {
    query Views(clicks: Click) -> Click {
        from click in clicks watermark(click.timestamp, minutes(1));
        where click.action == "view";
        select click;
        output append;
    }
}

fn page_stat(page: &str) -> PageStat {
    PageStat { page: page.to_owned(), views: 1 }
}

stream_query! {
    query ByFunction(clicks: Click) -> PageStat {
        from click in clicks;
        select page_stat(click.page);
        output append;
    }
}

#[derive(Schema)]
struct Sale {
    page: Option<String>,
    user: String,
    price: f64,
    amount: Option<f64>,
    label: String,
}

stream_query! {
    query Sales(clicks: Click) -> Sale {
        from click in clicks;
        let price: f64 = click.amount.unwrap_or_default();
        where price > 0.0 && matches!(click.action, "buy" | "order");
        select Sale {
            page: click.page,
            user: click.user_id,
            price,
            amount: click.amount,
            label: format!("{} {price}", click.page),
        };
        output update;
    }
}

fn main() {}
