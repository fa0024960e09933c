//! The results of two running queries, asked in SQL: as a table to look at, and as typed rows.
//!
//! `cargo run --features sql --example sql_table` — needs nothing, and ends by itself.

use stream_runtime::prelude::*;
use stream_runtime::sink::ResultTable;

#[derive(Clone, Schema)]
struct Click {
    page: String,
    user: String,
    timestamp: Timestamp,
}

#[derive(Schema)]
struct PageStat {
    window: Window,
    page: String,
    views: u64,
    users: Vec<String>,
}

#[derive(Schema)]
struct Signup {
    user: String,
    plan: String,
}

stream_query! {
    /// Views and users of every page, each five minutes.
    query PageStats(clicks: Click) -> PageStat {
        from click in clicks watermark(click.timestamp, minutes(10));
        group by window(click.timestamp, minutes(5)) as w, click.page;
        select PageStat { window: w, page: click.page, views: count(), users: collect_set(click.user) };
        output update;
    }
}

stream_query! {
    /// Who pays, as it is said once.
    query Paying(signups: Signup) -> Signup {
        from signup in signups;
        where signup.plan != "free";
        select signup;
        output append;
    }
}

fn click(minute: i64, page: &str, user: &str) -> Click {
    let timestamp = Timestamp::from_secs(1_767_268_800 + minute * 60);
    Click { page: page.to_owned(), user: user.to_owned(), timestamp }
}

fn signup(user: &str, plan: &str) -> Signup {
    Signup { user: user.to_owned(), plan: plan.to_owned() }
}

type Key = (Window, String);

/// Waits until the table has so many views; a batch without data, in which the watermark moves, may come between.
async fn until_views(page_stats: &ResultTable<Key, PageStat>, views: u64) {
    let mut next = 0;
    while page_stats.wait_for_batch(next).await {
        let snapshot = page_stats.snapshot();
        if snapshot.iter().map(|(_, row)| row.views).sum::<u64>() >= views {
            return;
        }
        next = snapshot.batch_id().map_or(0, |batch| batch + 1);
    }
}

/// What the service wants to know, typed.
#[derive(Debug, Schema)]
struct Busiest {
    page: String,
    start: Timestamp,
    views: u64,
}

#[tokio::main]
async fn main() -> stream_runtime::Result<()> {
    // The table has a row for each key of the query's `group by`; the memory sink keeps every row.
    let (page_stats, page_sink) = TableSink::by(|row: &PageStat| (row.window, row.page.clone()));
    let (paying, paying_sink) = MemorySink::new();
    let (clicks, click_source) = MemorySource::new();
    let (signups, signup_source) = MemorySource::new();
    let pages = PageStats::query().clicks(click_source).to(page_sink).start().await?;
    let payers = Paying::query().signups(signup_source).to(paying_sink).start().await?;

    let sql = SqlSession::new().table("page_stats", &page_stats)?.table("paying", &paying)?;
    println!("a table:\n{}\n", sql.query("DESCRIBE page_stats").await?);

    signups.add([signup("ada", "team"), signup("bob", "free"), signup("eve", "solo")]);
    clicks.add([click(0, "/", "ada"), click(1, "/", "bob"), click(2, "/docs", "ada"), click(6, "/", "eve")]);
    until_views(&page_stats, 4).await;
    let _ = paying.wait_for_commit(0).await;

    let by_page = "SELECT page, sum(views) AS views, min(window.start) AS since
        FROM page_stats GROUP BY page ORDER BY views DESC";
    println!("after a batch:\n{}\n", sql.query(by_page).await?);

    // A batch later the same statement sees the next commit.
    clicks.add([click(7, "/docs", "bob"), click(8, "/docs", "eve"), click(9, "/docs", "eve")]);
    until_views(&page_stats, 7).await;
    println!("after two:\n{}\n", sql.query(by_page).await?);

    let plans = "SELECT s.page, p.plan, count(*) AS users
        FROM (SELECT DISTINCT page, unnest(users) AS name FROM page_stats) s
        JOIN paying p ON p.user = s.name
        GROUP BY s.page, p.plan ORDER BY s.page, p.plan";
    println!("which plans see which page:\n{}\n", sql.query(plans).await?);

    let busiest = "SELECT page, window.start AS start, views FROM page_stats ORDER BY views DESC LIMIT 1";
    for Busiest { page, start, views } in sql.query(busiest).await?.rows()? {
        println!("the busiest: {page}, {views} views in the five minutes from {start}\n");
    }

    for statement in ["DELETE FROM page_stats", "SELECT pgae FROM page_stats", "SELECT * FROM pages"] {
        if let Err(error) = sql.query(statement).await {
            println!("{statement}\n    {error}");
        }
    }
    pages.stop().await?;
    payers.stop().await
}
