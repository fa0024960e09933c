//! What statements answer.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use stream_runtime::sink::{MemoryResults, Sink, SinkBatch};
use stream_runtime::testing::TestQuery;

use super::*;

#[derive(Clone, Debug, PartialEq, Schema)]
struct Total {
    page: String,
    views: u64,
}

fn total(page: &str, views: u64) -> Total {
    Total { page: page.to_owned(), views }
}

#[tokio::test]
async fn a_running_query_is_asked() {
    let Running { query, clicks, table, sql } = running().await;
    clicks.add([click(0, "/", "ada"), click(1, "/", "bob"), click(6, "/help", "ada"), click(7, "/", "ada")]);
    assert!(table.wait_for_batch(0).await);

    let sums = "SELECT page, sum(views) AS views FROM page_stats GROUP BY page HAVING sum(views) > 0 ORDER BY views DESC";
    assert_eq!(sql.query(sums).await.unwrap().rows::<Total>().unwrap(), [total("/", 3), total("/help", 1)]);

    clicks.add([click(8, "/help", "bob"), click(9, "/help", "bob"), click(9, "/help", "bob")]);
    assert!(table.wait_for_batch(1).await);
    let result = sql.query(sums).await.unwrap();
    assert_eq!(result.rows::<Total>().unwrap(), [total("/help", 4), total("/", 3)]);
    assert_eq!(
        result.to_string(),
        "\
┌───────┬───────┐
│ page  ┆ views │
╞═══════╪═══════╡
│ /help ┆     4 │
│ /     ┆     3 │
└───────┴───────┘"
    );
    query.stop().await.unwrap();
    assert_eq!(sql.query(sums).await.unwrap().len(), 2, "the table outlives its query");
}

#[tokio::test]
async fn the_parts_of_a_window_are_columns() {
    #[derive(Debug, PartialEq, Schema)]
    struct Part {
        start: Timestamp,
        end: Timestamp,
        window: Window,
        views: i64,
    }

    let Running { query, clicks, table, sql } = running().await;
    clicks.add([click(0, "/", "ada"), click(6, "/", "bob"), click(7, "/", "bob")]);
    assert!(table.wait_for_batch(0).await);
    let wanted = [Part { start: window(5).start, end: window(5).end, window: window(5), views: 2 }];
    for statement in [
        "SELECT window.start AS start, window.end AS end, window, views FROM page_stats WHERE window.start >= '1970-01-01T00:05:00Z'",
        "SELECT p.window.start AS start, p.window.end AS end, p.window, views FROM page_stats p ORDER BY p.window.start DESC LIMIT 1",
        "SELECT \"window\"['start'] AS start, \"window\"['end'] AS \"end\", \"window\", views FROM page_stats WHERE \"window\"['start'] = to_timestamp_micros(300000000)",
        "SELECT window.start AS start, window.end AS end, window, sum(views) AS views FROM page_stats WHERE window.end > window.start + INTERVAL '4 minutes' GROUP BY window HAVING sum(views) = 2",
    ] {
        let result = sql.query(statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
        let rows = result.rows::<Part>();
        assert_eq!(rows.unwrap_or_else(|error| panic!("{statement}: {error}")), wanted, "{statement}");
    }
    query.stop().await.unwrap();
}

#[tokio::test]
async fn lists_are_unnested_and_times_compared() {
    #[derive(Debug, PartialEq, Schema)]
    struct User {
        user: String,
        pages: u32,
    }

    let Running { query, clicks, table, sql } = running().await;
    clicks.add([
        click(0, "/", "ada"),
        click(1, "/help", "bob"),
        click(2, "/help", "ada"),
        click(8, "/", "eve"),
    ]);
    assert!(table.wait_for_batch(0).await);
    let result = sql
        .query(
            "SELECT \"user\", count(*) AS pages FROM (SELECT page, unnest(users) AS \"user\" FROM page_stats \
             WHERE first < '1970-01-01T00:08:00Z' AND array_length(users) >= 1) GROUP BY 1 ORDER BY 1",
        )
        .await
        .unwrap();
    let user = |user: &str, pages| User { user: user.to_owned(), pages };
    assert_eq!(result.rows::<User>().unwrap(), [user("ada", 2), user("bob", 1)]);
    query.stop().await.unwrap();
}

#[tokio::test]
async fn functions_of_lists_and_times_are_there() {
    #[derive(Debug, PartialEq, Schema)]
    struct Seen {
        by: String,
        ada: bool,
        hour: Timestamp,
        length: String,
        matches: bool,
    }

    let Running { query, clicks, table, sql } = running().await;
    clicks.add([click(66, "/a/b", "ada")]);
    assert!(table.wait_for_batch(0).await);
    let result = sql
        .query(
            "SELECT users[1] AS by, array_has(users, 'ada') AS ada, date_trunc('hour', window.start) AS hour, \
             CAST(length(page) * 2 AS VARCHAR) AS length, page ~ '^/[a-z]/' AS matches FROM page_stats",
        )
        .await
        .unwrap();
    let hour = Timestamp::from_secs(3600);
    let seen = Seen { by: "ada".to_owned(), ada: true, hour, length: "8".to_owned(), matches: true };
    assert_eq!(result.rows::<Seen>().unwrap(), [seen]);
    query.stop().await.unwrap();
}

#[tokio::test]
async fn tables_of_two_queries_are_joined() {
    let Running { query, clicks, table, sql } = running().await;
    let (names, mut sink) = MemorySink::new();
    let rows = [total("/", 1), total("/help", 2), total("/nowhere", 3)];
    let batch = SinkBatch {
        id: 0,
        mode: stream_runtime::plan::Mode::Append,
        rows: &rows,
        removed: &[],
        watermark: None,
    };
    sink.commit(batch).await.unwrap();
    sink.committed(0);
    let sql = sql.table("names", &names).unwrap();
    clicks.add([click(0, "/", "ada"), click(1, "/help", "bob"), click(2, "/help", "ada")]);
    assert!(table.wait_for_batch(0).await);

    let joined = "SELECT page, coalesce(s.views, 0) * n.views AS views FROM names n LEFT JOIN page_stats s USING (page) ORDER BY page";
    let wanted = [total("/", 1), total("/help", 4), total("/nowhere", 0)];
    assert_eq!(sql.query(joined).await.unwrap().rows::<Total>().unwrap(), wanted);
    query.stop().await.unwrap();
}

#[tokio::test]
async fn the_tables_are_listed_and_described() {
    #[derive(Debug, PartialEq, Schema)]
    struct Described {
        column_name: String,
        data_type: String,
        is_nullable: String,
    }

    let sql = running().await.sql;
    let shown = sql.query("SHOW TABLES").await.unwrap().to_string();
    assert!(shown.contains("page_stats"), "{shown}");
    let described = sql.query("DESCRIBE page_stats").await.unwrap().rows::<Described>().unwrap();
    let columns: Vec<_> =
        described.iter().map(|column| (column.column_name.as_str(), column.is_nullable.as_str())).collect();
    assert_eq!(
        columns,
        [("window", "NO"), ("page", "NO"), ("views", "NO"), ("users", "NO"), ("first", "YES")]
    );
}

#[tokio::test]
async fn only_the_columns_that_a_statement_names_become_arrays() {
    let sql = running().await.sql;
    let plan =
        sql.query("EXPLAIN FORMAT INDENT SELECT sum(views) FROM page_stats WHERE page <> '/'").await.unwrap();
    let plan = format!("{plan:1000}");
    assert!(plan.contains("projection=[page, views]"), "{plan}");
}

#[tokio::test]
async fn an_empty_table_has_its_columns() {
    #[derive(Debug, PartialEq, Schema)]
    struct Sum {
        rows: u64,
        views: Option<u64>,
    }

    let sql = running().await.sql;
    let all = sql.query("SELECT * FROM page_stats").await.unwrap();
    assert_eq!(all.rows::<PageStat>().unwrap(), []);
    assert_eq!((all.len(), all.is_empty(), all.schema().fields().len()), (0, true, 5));
    assert!(all.to_string().contains("users"), "{all}");
    let sum = sql.query("SELECT count(*) AS rows, sum(views) AS views FROM page_stats").await.unwrap();
    assert_eq!(sum.rows::<Sum>().unwrap(), [Sum { rows: 0, views: None }]);
}

#[tokio::test]
async fn a_table_is_there_again_after_a_restart() {
    let handle = std::rc::Rc::new(std::cell::RefCell::new(None));
    let build = |source, sink| {
        let (table, keeper) = TableSink::by(key);
        *handle.borrow_mut() = Some(SqlSession::new().table("page_stats", &table).unwrap());
        PageStats::query().clicks(source).to(sink).to(keeper)
    };
    let mut query = TestQuery::open(build).await.unwrap();
    query.add([click(0, "/", "ada"), click(1, "/", "bob")]);
    query.run().await.unwrap();
    query.restart().await.unwrap();
    query.run().await.unwrap();
    let sql = handle.borrow_mut().take().unwrap();
    let rows = sql.query("SELECT * FROM page_stats").await.unwrap().rows::<PageStat>().unwrap();
    let users = vec!["ada".to_owned(), "bob".to_owned()];
    let row =
        PageStat { window: window(0), page: "/".to_owned(), views: 2, users, first: Some(window(0).start) };
    assert_eq!(rows, [row]);
}

fn in_memory(mode: stream_runtime::plan::Mode, batches: &[Vec<Total>]) -> MemoryResults<Total> {
    let (results, mut sink) = MemorySink::new();
    for (id, rows) in (0..).zip(batches) {
        let batch = SinkBatch { id, mode, rows, removed: &[], watermark: None };
        block_on(sink.commit(batch)).unwrap();
        sink.committed(id);
    }
    results
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn totals() -> impl Strategy<Value = Vec<Vec<Total>>> {
    let row = ("[abc]{1,2}", 0_u64..1000).prop_map(|(page, views)| Total { page, views });
    prop::collection::vec(prop::collection::vec(row, 0..30), 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, rng_seed: RngSeed::Fixed(11), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sums_by_key_are_those_of_a_loop_over_the_rows(batches in totals(), at_least in 0_u64..1000) {
        use stream_runtime::plan::Mode::{Append, Complete, Update};
        for mode in [Append, Update, Complete] {
            let results = in_memory(mode, &batches);
            let mut sums = BTreeMap::<String, u64>::new();
            for row in results.rows().into_iter().filter(|row| row.views >= at_least) {
                *sums.entry(row.page).or_default() += row.views;
            }
            let sql = SqlSession::new().table("totals", &results).unwrap();
            let statement = format!("SELECT page, sum(views) AS views FROM totals WHERE views >= {at_least} GROUP BY page ORDER BY page");
            let asked = block_on(sql.query(&statement)).unwrap().rows::<Total>().unwrap();
            let summed: Vec<_> = sums.iter().map(|(page, views)| total(page, *views)).collect();
            prop_assert_eq!(asked, summed);
        }
    }
}
