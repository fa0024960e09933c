//! What a statement may take: to be planned, to run, and to answer.

use std::pin::pin;
use std::time::Duration;

use futures_util::poll;

use super::*;

async fn error(sql: &SqlSession, statement: &str) -> String {
    match sql.query(statement).await {
        Ok(_) => panic!("{statement:.200} was answered"),
        Err(error) => error.to_string(),
    }
}

/// `levels` names, each of which is used twice by the next.
fn doubled(levels: usize) -> String {
    let names = (1..=levels).map(|level| {
        let before = level - 1;
        format!(", a{level} AS (SELECT x.n FROM a{before} x, A{before} y)")
    });
    format!("WITH a0 AS (SELECT 1 n){} SELECT n FROM a{levels}", names.collect::<String>())
}

/// The table so many times.
fn joined(tables: usize) -> String {
    let tables: Vec<_> = (0..tables).map(|table| format!("page_stats a{table}")).collect();
    format!("SELECT 1 FROM {}", tables.join(", "))
}

fn nested(levels: usize) -> String {
    format!("{}SELECT 1 AS n{}", "WITH a AS (".repeat(levels), ") SELECT n FROM a".repeat(levels))
}

#[tokio::test]
async fn a_statement_whose_plan_has_no_end_is_refused() {
    let sql = running().await.sql;
    let parts = "sql: the statement has more than 1000 queries and tables once each name of `WITH` is what it stands for";
    let within = "sql: the statement has `WITH` within 8 others";
    for (statement, refusal) in [
        (doubled(30), parts),
        (format!("EXPLAIN {}", doubled(30)), parts),
        (format!("COPY ({}) TO '/nowhere.csv'", doubled(30)), parts),
        (format!("SELECT * FROM ({}) t WHERE n IN ({})", doubled(5), doubled(20)), parts),
        // Nothing uses the last name.
        (doubled(30).replace("n FROM a30", "1"), parts),
        (joined(65), "sql: the statement names 65 tables, and may name 64"),
        (joined(5000), "sql: the statement names 5000 tables, and may name 64"),
        (nested(9), within),
        (nested(20), within),
    ] {
        let text = error(&sql, &statement).await;
        assert!(text.starts_with(refusal), "{statement:.100}: {text}");
    }
    // As large as may be.
    for (statement, rows) in [(doubled(7), 1), (joined(64), 0), (nested(8), 1)] {
        assert_eq!(sql.query(&statement).await.unwrap().len(), rows, "{statement:.100}");
    }
}

#[tokio::test]
async fn a_statement_whose_expressions_have_no_end_is_refused() {
    let sql = running().await.sql;
    let of = |before: &str, column: &str, after: &str, times: usize| {
        format!("SELECT {}{column}{} AS n FROM page_stats", before.repeat(times), after.repeat(times))
    };
    let added = |times: usize| {
        let names = (1..=times).map(|n| format!(", a{n} AS (SELECT n + n AS n FROM a{})", n - 1));
        let names: String = names.collect();
        format!("WITH a0 AS (SELECT views n FROM page_stats){names} SELECT n FROM a{times} WHERE n = 3")
    };
    let within = |times: usize| {
        let (before, after) = ("SELECT n + n AS n FROM (".repeat(times), ") AS t".repeat(times));
        format!("SELECT n FROM ({before}SELECT views AS n FROM page_stats{after}) AS t WHERE n = 3")
    };
    let statements = |times: usize| {
        [
            of("coalesce(", "first", ", now())", times),
            of("NVL(", "1", ", 2)", times),
            of("(", "views", " BETWEEN 0 AND 1)::INT", times),
            of("(", "views", " IN (0, 1))::INT", times),
            of("(", "views", " = 1)::INT", times),
            of("(", "page", " ~ 'a|b')::VARCHAR", times / 2),
            added(times),
            within(times),
        ]
    };
    for statement in statements(16) {
        let text = error(&sql, &statement).await;
        let refusal =
            "sql: the statement has an expression of more than 16384 columns once it is written out";
        assert!(text.starts_with(refusal), "{statement:.100}: {text}");
    }
    for statement in statements(6) {
        sql.query(&statement).await.unwrap();
    }
    // What `where` names isn't what is selected.
    let long = format!("views = 1{}", " OR views = 2".repeat(40));
    let twice = format!("SELECT page FROM (SELECT * FROM page_stats WHERE {long}) t WHERE {long}");
    assert_eq!(sql.query(&twice).await.unwrap().len(), 0);
}

#[tokio::test]
async fn what_statements_hold_is_bounded() {
    let small = SqlSession::new().memory_limit(1 << 20);
    for statement in [
        "SELECT value FROM generate_series(1, 1000000)",
        "SELECT value, count(*) FROM generate_series(1, 1000000) GROUP BY value",
        "SELECT max(n) FROM (SELECT row_number() OVER (ORDER BY value DESC) AS n FROM generate_series(1, 1000000))",
    ] {
        let text = error(&small, statement).await;
        assert!(text.starts_with("sql: statements hold all the memory they may: "), "{statement}: {text}");
        assert!(text.ends_with("; ask for less, or set `SqlSession::memory_limit`"), "{text}");
    }
    // What a statement has held is there for the next.
    for _ in 0..3 {
        assert_eq!(small.query("SELECT value FROM generate_series(1, 100000)").await.unwrap().len(), 100_000);
    }
}

#[tokio::test]
async fn rows_that_share_their_memory_are_counted_once() {
    // Groups are one batch, of which the answer gets slices: 32 MB, and 4 GB if each slice were the whole.
    let groups = "SELECT value, max(value) AS most FROM generate_series(1, 1000000) GROUP BY value";
    let sql = SqlSession::new().memory_limit(256 << 20);
    assert_eq!(sql.query(groups).await.unwrap().len(), 1_000_000);
}

#[tokio::test]
async fn an_answer_has_so_many_rows_at_most() {
    let sql = SqlSession::new().max_rows(10_000);
    let series = |last: u64| format!("SELECT value FROM generate_series(1, {last})");
    assert_eq!(sql.query(&series(10_000)).await.unwrap().len(), 10_000);
    for last in [10_001, 1_000_000_000_000] {
        let text = error(&sql, &series(last)).await;
        assert_eq!(
            text,
            "sql: the answer has more than 10000 rows: ask for fewer by `LIMIT`, or allow more by `SqlSession::max_rows`"
        );
    }
    let text = error(&SqlSession::new(), &series(1_000_000_000_000)).await;
    assert!(text.starts_with("sql: the answer has more than 1000000 rows"), "{text}");
}

#[tokio::test]
async fn values_as_large_as_a_number_says_are_not_made() {
    for sql in [SqlSession::new(), SqlSession::new().memory_limit(1 << 30)] {
        for value in [
            "range(0, 1000000000)",
            "generate_series(0, 1000000000)",
            "repeat('a', 1000000000)",
            "lpad('a', 1000000000)",
            "rpad('a', 1000000000)",
            "array_repeat(1, 1000000000)",
            "list_repeat(1, 1000000000)",
            "array_resize([1], 1000000000)",
            "list_resize([1], 1000000000)",
        ] {
            let text = error(&sql, &format!("SELECT {value}")).await;
            assert!(text.contains("Invalid function"), "{value}: {text}");
        }
    }
}

#[tokio::test]
async fn a_timeout_ends_a_statement_that_runs() {
    let sql = SqlSession::new();
    let endless = "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 100000000) b WHERE a.value > b.value";
    assert!(tokio::time::timeout(Duration::from_millis(50), sql.query(endless)).await.is_err());
    assert_eq!(sql.query("SELECT 1 AS n").await.unwrap().len(), 1);
}

#[tokio::test]
async fn planning_does_not_keep_its_caller() {
    let sql = SqlSession::new();
    let mut asked = pin!(sql.query("SELECT 1 AS n"));
    assert!(poll!(&mut asked).is_pending(), "it was planned within the caller's poll");
    assert_eq!(asked.await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_session_that_is_shared_gets_and_loses_tables() {
    let Running { table, .. } = running().await;
    let sql = SqlSession::new();
    let shared = sql.tables();
    sql.add("page_stats", &table).unwrap();
    assert_eq!(sql.query("SELECT 1 FROM page_stats").await.unwrap().len(), 0);
    assert_eq!(shared.table_names(), ["page_stats"]);
    let twice = sql.add("page_stats", &table).unwrap_err().to_string();
    assert_eq!(twice, "sql: there is a table `page_stats` already: give this one another name");
    assert!(sql.remove("page_stats") && !sql.remove("page_stats"));
    let text = error(&sql, "SELECT 1 FROM page_stats").await;
    assert_eq!(text, "sql: there is no table `page_stats`; there are: none");
}
