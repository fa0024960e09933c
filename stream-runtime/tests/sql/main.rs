//! SQL over the results of running queries. The oracles are the rows that went in, and loops over a snapshot.

mod answers;
mod commits;
mod limits;
mod refusals;
mod rows;
#[path = "../value_support/mod.rs"]
mod value_support;

use stream_runtime::prelude::*;
use stream_runtime::sink::ResultTable;

#[derive(Clone, Debug, Schema)]
struct Click {
    page: String,
    user: String,
    time: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Schema)]
struct PageStat {
    window: Window,
    page: String,
    views: u64,
    users: Vec<String>,
    first: Option<Timestamp>,
}

stream_query! {
    query PageStats(clicks: Click) -> PageStat {
        from click in clicks watermark(click.time, minutes(10));
        group by window(click.time, minutes(5)) as w, click.page;
        select PageStat {
            window: w,
            page: click.page,
            views: count(),
            users: collect_set(click.user),
            first: min(click.time),
        };
        output update;
    }
}

type Key = (Window, String);

fn key(row: &PageStat) -> Key {
    (row.window, row.page.clone())
}

fn click(minute: i64, page: &str, user: &str) -> Click {
    Click { page: page.to_owned(), user: user.to_owned(), time: Timestamp::from_secs(minute * 60) }
}

fn window(minute: i64) -> Window {
    Window { start: Timestamp::from_secs(minute * 60), end: Timestamp::from_secs(minute * 60 + 300) }
}

/// A running query with its table, which a session has as `page_stats`.
struct Running {
    query: StreamingQuery,
    clicks: stream_runtime::source::MemoryInput<Click>,
    table: ResultTable<Key, PageStat>,
    sql: SqlSession,
}

async fn running() -> Running {
    let (table, sink) = TableSink::by(key);
    let (clicks, source) = MemorySource::new();
    let query = PageStats::query().clicks(source).to(sink).start().await.unwrap();
    let sql = SqlSession::new().table("page_stats", &table).unwrap();
    Running { query, clicks, table, sql }
}
