//! What isn't answered, and what the error says.

use super::*;

async fn error(statement: &str) -> String {
    let Running { sql, .. } = running().await;
    match sql.query(statement).await {
        Ok(result) => panic!("{statement} was answered:\n{result}"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn whatever_is_no_question_is_refused() {
    for statement in [
        "CREATE TABLE copied AS SELECT * FROM page_stats",
        "CREATE VIEW seen AS SELECT * FROM page_stats",
        "CREATE EXTERNAL TABLE passwd (line VARCHAR) STORED AS CSV LOCATION '/etc/passwd'",
        "CREATE SCHEMA mine",
        "CREATE DATABASE mine",
        "DROP TABLE page_stats",
        "INSERT INTO page_stats SELECT * FROM page_stats",
        "UPDATE page_stats SET views = 0",
        "DELETE FROM page_stats",
        "TRUNCATE TABLE page_stats",
        "COPY page_stats TO '/tmp/page_stats.csv' STORED AS CSV",
        "COPY (SELECT page FROM page_stats) TO '/tmp/page_stats.json' STORED AS JSON",
        "SET datafusion.execution.batch_size = 1",
        "RESET datafusion.execution.batch_size",
        "PREPARE again AS SELECT * FROM page_stats",
        "EXPLAIN INSERT INTO page_stats SELECT * FROM page_stats",
        "EXPLAIN ANALYZE COPY page_stats TO '/tmp/page_stats.csv' STORED AS CSV",
    ] {
        let text = error(statement).await;
        assert!(text.starts_with("sql: results are only read here: "), "{statement}: {text}");
    }
}

#[tokio::test]
async fn files_are_no_tables() {
    let text = error("SELECT * FROM '/etc/passwd'").await;
    assert_eq!(text, "sql: there is no table `/etc/passwd`; there are: page_stats");
}

#[tokio::test]
async fn errors_name_what_there_is() {
    assert_eq!(
        error("SELECT 1 FROM nothing").await,
        "sql: there is no table `nothing`; there are: page_stats"
    );
    let column = error("SELECT pgae FROM page_stats").await;
    assert!(column.starts_with("sql: No field named pgae."), "{column}");
    assert!(column.contains("page_stats.page") && column.contains("page_stats.views"), "{column}");
    let made = error("SELECT none FROM generate_series(1, 2)").await;
    assert!(made.contains("none") && made.contains("value"), "{made}");
    let function = error("SELECT summ(views) FROM page_stats").await;
    assert!(function.contains("'summ'"), "{function}");
    let syntax = error("SELECT page FROM page_stats WHERE").await;
    assert!(syntax.starts_with("sql: sql parser error: "), "{syntax}");
    let two = error("SELECT 1; SELECT 2").await;
    assert!(two.contains("single SQL statement"), "{two}");
    let types = error("SELECT sum(page) FROM page_stats").await;
    assert!(types.contains("sum"), "{types}");
    assert!(error("SELECT window.begin FROM page_stats").await.contains("begin"));
    assert!(error("").await.starts_with("sql: "));
}

#[tokio::test]
async fn a_name_with_capitals_is_quoted_in_the_list() {
    let table = running().await.table;
    let sql = SqlSession::new().table("PageStats", &table).unwrap();
    let text = sql.query("SELECT 1 FROM PageStats").await.unwrap_err().to_string();
    assert_eq!(text, "sql: there is no table `pagestats`; there are: \"PageStats\"");
    assert_eq!(sql.query("SELECT 1 FROM \"PageStats\"").await.unwrap().len(), 0);
    let text = SqlSession::new().query("SELECT 1 FROM a").await.unwrap_err().to_string();
    assert_eq!(text, "sql: there is no table `a`; there are: none");
}

#[tokio::test]
async fn a_name_is_given_once() {
    let Running { table, sql, .. } = running().await;
    let text = sql.table("page_stats", &table).unwrap_err().to_string();
    assert_eq!(text, "sql: there is a table `page_stats` already: give this one another name");
}

#[tokio::test]
async fn rows_that_do_not_fit_are_one_report() {
    #[derive(Debug, Schema)]
    struct Other {
        page: u64,
        views: String,
        missing: bool,
        other: Option<String>,
        #[schema(default)]
        kept: Option<String>,
    }

    let Running { sql, .. } = running().await;
    let result = sql.query("SELECT page, views FROM page_stats").await.unwrap();
    let text = result.rows::<Other>().unwrap_err().to_string();
    for part in [
        "sql: the result's columns don't fit `Other`: `page` (u64): the result has text",
        "`views` (String): the result has uint64",
        "`missing` (bool): the result has no such column",
        "`other` (Option<String>): the result has no such column",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert!(!text.contains("kept"), "{text}");
}

#[tokio::test]
async fn two_columns_of_one_name_are_not_read() {
    #[derive(Debug, PartialEq, Schema)]
    struct Views {
        views: u64,
    }

    let sql = SqlSession::new();
    let two =
        "SELECT a.views, b.views, a.n, b.n FROM (SELECT 1 AS views, 1 AS n) a, (SELECT 2 AS views, 2 AS n) b";
    let text = sql.query(two).await.unwrap().rows::<Views>().unwrap_err().to_string();
    assert_eq!(text, "sql: the result has two columns `views`: name them by `AS`");
    // Those that aren't read may be there as often as they like.
    let named = two.replace("b.views", "b.views AS others");
    assert_eq!(sql.query(&named).await.unwrap().rows::<Views>().unwrap(), [Views { views: 1 }]);
}

#[tokio::test]
async fn a_value_that_does_not_fit_names_its_row() {
    #[derive(Debug, Schema)]
    struct Small {
        n: u8,
    }

    let sql = SqlSession::new();
    let result = sql.query("SELECT n FROM (VALUES (255), (256)) AS t (n) ORDER BY n").await.unwrap();
    let text = result.rows::<Small>().unwrap_err().to_string();
    assert!(text.starts_with("sql: row 2 of the result doesn't fit `Small`: column `n`: `256`"), "{text}");
    let text = sql.query("SELECT CAST(NULL AS INT) AS n").await.unwrap().rows::<Small>().unwrap_err();
    assert!(text.to_string().contains("null"), "{text}");
    let text = sql.query("SELECT 1 / n FROM (VALUES (0)) AS t (n)").await.unwrap_err().to_string();
    assert!(text.to_lowercase().contains("divide by zero"), "{text}");
}

#[tokio::test]
async fn a_row_type_without_end_is_no_table() {
    #[derive(Clone, Debug, Schema)]
    struct Node {
        id: u64,
        children: Vec<Node>,
    }

    let (nodes, _sink) = MemorySink::<Node>::new();
    let text = SqlSession::new().table("nodes", &nodes).unwrap_err().to_string();
    assert!(text.starts_with("sql: no table can be made of `Node` rows: the column `children"), "{text}");
    assert!(text.contains("a table of SQL says in advance how deep they are"), "{text}");
}

#[tokio::test]
async fn text_from_outside_cannot_move_the_cursor() {
    let sql = SqlSession::new();
    let shown = sql.query("SELECT chr(27) || '[2J' AS \"a\u{1b}[2J\"").await.unwrap().to_string();
    assert!(!shown.contains('\u{1b}') && shown.contains("\\u{1b}[2J"), "{shown}");
}

#[tokio::test]
async fn a_column_that_cannot_be_shown_is_its_error() {
    let nowhere = "SELECT 1 AS n, arrow_cast(0, 'Timestamp(Microsecond, Some(\"nowhere\"))') AS time";
    let shown = SqlSession::new().query(nowhere).await.unwrap().to_string();
    assert!(shown.contains("ERROR: ") && shown.contains("nowhere") && shown.contains("│ 1 ┆"), "{shown}");
}

#[tokio::test]
async fn as_text_a_result_is_its_first_rows() {
    let sql = SqlSession::new();
    let result = sql.query("SELECT value AS n FROM generate_series(1, 23) ORDER BY n").await.unwrap();
    assert!(result.to_string().ends_with("│ 20 │\n└────┘\n… and 3 more rows"), "{result}");
    assert!(format!("{result:.22}").ends_with("… and 1 more row"), "{result:.22}");
    assert!(format!("{result:.30}").ends_with("│ 23 │\n└────┘"), "{result:.30}");
    let wide = sql.query(&format!("SELECT '{}' AS text, NULL AS nothing", "wide ".repeat(50))).await.unwrap();
    assert!(wide.to_string().lines().all(|line| line.chars().count() <= 120), "{wide}");
    assert!(format!("{wide:40}").lines().all(|line| line.chars().count() <= 40), "{wide:40}");
    assert!(wide.to_string().contains("NULL"), "{wide}");
}

#[tokio::test]
async fn a_deep_statement_is_answered_or_refused() {
    let sql = running().await.sql;
    let chain =
        |first: &str, link: &str, links: usize, last: &str| format!("{first}{}{last}", link.repeat(links));
    // As deep as may be, and deeper.
    for (statement, refused) in [
        (chain("SELECT value", " + 1", 250, " AS n FROM generate_series(1, 3) ORDER BY n"), false),
        (
            chain("SELECT value AS n FROM generate_series(1, 3) WHERE value = 1", " OR value = 2", 80, ""),
            false,
        ),
        (chain("SELECT 1 AS n", " UNION ALL SELECT 1", 80, ""), false),
        (chain("SELECT 1 AS n", " UNION SELECT 1", 100, ""), false),
        (chain("SELECT ", "abs(", 40, &chain("1", ")", 40, " AS n")), false),
        (chain("", "SELECT * FROM (", 12, &chain("SELECT 1 AS n", ") AS t", 12, "")), false),
        (chain("SELECT 1", "::INT", 120, " AS n"), false),
        (chain("SELECT count(*) AS n FROM page_stats", " JOIN page_stats t USING (page)", 1, ""), false),
        (chain("SELECT value", " + 1", 10_000, " AS n FROM generate_series(1, 3)"), true),
        (chain("SELECT 1", " UNION ALL SELECT 1", 10_000, ""), true),
        (chain("SELECT ", "(", 10_000, &chain("1", ")", 10_000, "")), true),
        (chain("SELECT ", "NOT ", 10_000, "TRUE"), true),
        (chain("SELECT 1", "::INT", 10_000, ""), true),
        (chain("SELECT ARRAY", "[", 10_000, ""), true),
    ] {
        match sql.query(&statement).await {
            Ok(_) => assert!(!refused, "{statement:.80} was answered"),
            Err(error) => assert!(refused, "{statement:.80}: {error}"),
        }
    }
    let text = error(&chain("SELECT 1", " + 1", 1000, "")).await;
    assert!(text.contains("1001 operators and keywords, and may have 256"), "{text}");
}
