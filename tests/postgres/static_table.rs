//! A table that is the result of a query: joined with, loaded again, and refused where it doesn't fit.

use stream_runtime::postgres::PostgresConfig;
use stream_runtime::prelude::*;
use stream_runtime::sink::MemorySink;
use stream_runtime::static_input::{StaticPostgres, StaticSource};

use super::database::Database;
use super::{Event, event};

#[derive(Schema, Clone, Debug, PartialEq)]
struct Name {
    key: String,
    name: String,
    rank: Option<u8>,
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Named {
    number: i64,
    name: Option<String>,
}

stream_query! {
    query WithNames(events: Event, names: static Name) -> Named {
        from e in events;
        left join n in names on n.key == e.key;
        select Named { number: e.number, name: n.map(|n| n.name) };
        output append;
    }
}

fn named(number: i64, name: Option<&str>) -> Named {
    Named { number, name: name.map(str::to_owned) }
}

#[tokio::test]
async fn a_query_joins_with_the_table_as_it_is_and_loads_it_again_when_it_changes() {
    let database = Database::new().await;
    database.run("CREATE TABLE names (key text, name text, rank smallint, version serial)").await;
    database.run("INSERT INTO names VALUES ('a', 'Ada', 1), ('b', 'Bob', NULL)").await;
    let (input, source) = MemorySource::new();
    let (results, sink) = MemorySink::new();
    let names = StaticPostgres::query(database.config(), "SELECT rank, key, name FROM names")
        .probe("SELECT max(version) FROM names")
        .reload_on_change();
    let query =
        WithNames::query().events(source).names(names).to(sink).start().await.expect("the query starts");
    input.add([event("a", 1), event("c", 2)]);
    assert!(results.wait_for_batch(0).await, "the query runs");
    database.run("INSERT INTO names VALUES ('c', 'Cy', 255)").await;
    input.add([event("c", 3)]);
    assert!(results.wait_for_batch(1).await, "the query runs");
    query.stop().await.expect("the query stops");
    assert_eq!(results.rows(), [named(1, Some("Ada")), named(2, None), named(3, Some("Cy"))]);
}

async fn error(config: PostgresConfig, sql: &str) -> String {
    let loaded = StaticSource::<Name>::load(&mut StaticPostgres::query(config, sql)).await;
    loaded.expect_err("it can't be loaded").to_string()
}

#[tokio::test]
async fn a_result_that_does_not_fit_is_refused_column_by_column() {
    let database = Database::new().await;
    let text = error(database.config(), "SELECT 1.5::float8 AS rank, now() AS key").await;
    let wanted = "the query's result doesn't fit rows of `Name`:
  column `key`: `timestamptz` can't be read into `String`; `key::text` could
  column `name`: missing, and the row has `String`
  column `rank`: `float8` can't be read into `Option<u8>`; `rank::smallint` could";
    assert!(text.ends_with(wanted), "{text}");
}

#[tokio::test]
async fn a_value_that_does_not_fit_is_an_error_that_names_its_row_and_column() {
    let database = Database::new().await;
    let rows = |values: &str| format!("SELECT * FROM (VALUES {values}) AS names (key, name, rank)");
    for (values, wanted) in [
        ("('a', 'Ada', 1), ('b', 'Bob', 256)", "row 2, column `rank`: 256 doesn't fit"),
        ("('a', 'Ada', -1)", "row 1, column `rank`: -1 doesn't fit"),
        ("('a', NULL, 1)", "row 1, column `name`: it is null"),
    ] {
        let text = error(database.config(), &rows(values)).await;
        assert!(text.contains(wanted) && text.contains("StaticPostgres[SELECT * FROM (VALUES"), "{text}");
    }
    let text = error(database.config(), "SELECT key FROM nowhere").await;
    assert!(text.contains("relation \"nowhere\" does not exist"), "{text}");
}

#[tokio::test]
async fn a_connection_that_broke_is_made_anew() {
    let database = Database::new().await;
    let sql = "SELECT 'a' AS key, current_setting('application_name') AS name, 1 AS rank";
    let mut table = StaticPostgres::query(database.config_as("first"), sql);
    let first: Vec<Name> = table.load().await.expect("it is loaded");
    database
        .run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'first'")
        .await;
    let second: Vec<Name> = table.load().await.expect("it is loaded again");
    assert_eq!(first, second);
}
