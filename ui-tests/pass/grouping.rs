//! Keys: columns, computed values, `let`s, names, items of `explode`; and groups without an aggregate.

use stream_runtime::prelude::*;
use ui_tests::{Click, PageStat};

fn section(page: &str) -> &str {
    page.split('/').next().unwrap_or(page)
}

stream_query! {
    query Computed(clicks: Click) -> PageStat {
        from click in clicks;
        group by section(click.page), click.page.len() as u64 as length unbounded;
        select PageStat { page: section(click.page), views: length + count() };
        output update;
    }
}

stream_query! {
    query ByLet(clicks: Click) -> PageStat {
        from click in clicks;
        let page = click.page.to_lowercase();
        where !page.is_empty();
        group by page unbounded;
        select PageStat { page, views: count() };
        having page != "home" && views > 1;
        output update;
    }
}

stream_query! {
    query Words(clicks: Click) -> PageStat {
        from click in clicks;
        explode word in click.page.split('/');
        where !word.is_empty();
        explode letter in word.chars();
        let capital = letter.to_ascii_uppercase();
        group by capital unbounded;
        select PageStat { page: capital.to_string(), views: count() };
        output complete;
    }
}

stream_query! {
    query InMacros(clicks: Click) -> PageStat {
        from click in clicks;
        group by click.page as page, click.user_id unbounded;
        select PageStat { page: format!("{page} {}", click.user_id), views: [count()].iter().map(|click| click + 1).sum() };
        output update;
    }
}

stream_query! {
    query WithoutAggregates(clicks: Click) -> PageStat {
        from click in clicks watermark(click.timestamp, minutes(1));
        group by window(click.timestamp, minutes(5)), click.page;
        select PageStat { page: click.page, views: 0 };
        output append;
    }
}

fn main() {}
