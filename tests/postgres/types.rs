//! How values stand in a table, and what it can't hold.

use stream_runtime::mode::Mode;
use stream_runtime::prelude::*;
use stream_runtime::sink::{PostgresSink, Sink};
use stream_runtime::static_input::{StaticPostgres, StaticSource};

use super::database::{Database, batch, context};

#[derive(Schema, Debug, PartialEq)]
struct Few {
    n: u64,
    real: f64,
    time: Timestamp,
    day: Date,
    span: Duration,
    text: Option<String>,
    list: Vec<Option<i32>>,
    window: Window,
}

#[tokio::test]
async fn the_server_understands_what_is_written() {
    let database = Database::new().await;
    let mut sink = PostgresSink::append(database.config(), "few").create_table();
    Sink::<Few>::open(&mut sink, context(Mode::Append)).await.expect("the table is created");
    let time = |text: &str| text.parse::<Timestamp>().expect("a timestamp");
    let window = Window { start: Timestamp::MIN, end: time("1999-12-31T23:59:59.999999Z") };
    let rows = [
        Few {
            n: 12_345_678_901_234_567_890,
            real: f64::NAN,
            time: time("2026-01-31T12:30:00.5Z"),
            day: Date::from_days(-1),
            span: minutes(90),
            text: Some("naïve 漢字 🦀".to_owned()),
            list: vec![Some(-7), None],
            window,
        },
        Few {
            n: 10_000,
            real: f64::NEG_INFINITY,
            time: Timestamp::MAX,
            day: Date::from_days(i32::MIN),
            span: Duration::from_micros(-1),
            text: None,
            list: Vec::new(),
            window,
        },
    ];
    sink.commit(batch(0, Mode::Append, &rows)).await.expect("the batch is written");
    database.run("SET timezone = 'UTC'").await;
    let wanted = [
        "12345678901234567890|NaN|2026-01-31 12:30:00.5+00|1969-12-31|01:30:00|naïve 漢字 🦀|{-7,NULL}|-infinity|1999-12-31 23:59:59.999999+00",
        "10000|-Infinity|infinity|-infinity|-00:00:00.000001|∅|{}|-infinity|1999-12-31 23:59:59.999999+00",
    ];
    assert_eq!(database.ask("SELECT * FROM few ORDER BY n DESC").await, wanted.join("\n"));
    let columns = "SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN '!' ELSE '' END, ', ' ORDER BY attnum) \
                   FROM pg_attribute WHERE attrelid = 'few'::regclass AND attnum > 0";
    assert_eq!(
        database.ask(columns).await,
        "n numeric(20,0)!, real double precision!, time timestamp with time zone!, day date!, span interval!, text text, \
         list integer[]!, window_start timestamp with time zone!, window_end timestamp with time zone!"
    );
}

#[derive(Schema, Clone)]
struct Note {
    id: u64,
    note: String,
    at: Option<Timestamp>,
}

#[tokio::test]
async fn a_value_that_the_table_can_not_hold_is_an_error_that_names_its_row_and_column() {
    let database = Database::new().await;
    database.run("CREATE TABLE notes (id bigint, note text, at timestamptz)").await;
    let mut sink = PostgresSink::append(database.config(), "notes");
    Sink::<Note>::open(&mut sink, context(Mode::Append)).await.expect("the sink opens");
    let fine = Note { id: 1, note: "fine".to_owned(), at: None };
    let cases = [
        (Note { note: "a\0b".to_owned(), ..fine.clone() }, "column `note`: the text holds a NUL character"),
        (Note { id: u64::MAX, ..fine.clone() }, "column `id`: 18446744073709551615 is too large"),
        (
            Note { at: Some(Timestamp::from_micros(i64::MIN + 1)), ..fine.clone() },
            "column `at`: the timestamp is before 4713 BC",
        ),
    ];
    for (row, wanted) in cases {
        let error =
            sink.commit(batch(0, Mode::Append, &[fine.clone(), row])).await.expect_err("it is refused");
        let text = error.to_string();
        assert!(text.contains("row 2 of the batch's 2") && text.contains(wanted), "{text}");
    }
    sink.commit(batch(0, Mode::Append, &[fine])).await.expect("it goes on with another batch");
    assert_eq!(database.ask("SELECT id, note FROM notes").await, "1|fine");
}

#[derive(Schema, Debug, PartialEq)]
struct Kinds {
    mood: String,
    id: String,
    json: String,
    short: String,
    positive: i32,
    local: Timestamp,
    moods: Vec<String>,
}

#[tokio::test]
async fn of_keys_that_differ_only_here_and_not_in_the_table_the_last_counts() {
    #[derive(Schema)]
    struct Reading {
        place: String,
        at: Timestamp,
        share: f64,
        number: i64,
    }
    let database = Database::new().await;
    let columns = "place char(4), at timestamptz(0), share double precision, number bigint";
    database.run(&format!("CREATE TABLE readings ({columns}, PRIMARY KEY (place, at, share))")).await;
    let mut sink = PostgresSink::upsert(database.config(), "readings", ["place", "at", "share"]);
    Sink::<Reading>::open(&mut sink, context(Mode::Update)).await.expect("the sink opens");
    for id in 0..2 {
        let rows = [("a ", 100, 0.0), ("b", 100, 0.0), ("a", 100, 0.0), ("a", 101, 0.0), ("a", 100, -0.0)];
        let rows = rows.into_iter().zip(10 * i64::try_from(id).expect("a small one")..);
        let rows: Vec<_> = rows
            .map(|((place, millis, share), number)| Reading {
                place: place.to_owned(),
                at: Timestamp::from_millis(millis),
                share,
                number,
            })
            .collect();
        sink.commit(batch(id, Mode::Update, &rows)).await.expect("it is written");
    }
    assert_eq!(database.ask("SELECT place, number FROM readings ORDER BY place").await, "a   |14\nb   |11");
    // The session goes on without such keys, too.
    let row = Reading { place: "b".to_owned(), at: Timestamp::from_millis(100), share: 0.0, number: 20 };
    sink.commit(batch(2, Mode::Update, &[row])).await.expect("it is written");
    assert_eq!(database.ask("SELECT place, number FROM readings ORDER BY place").await, "a   |14\nb   |20");
}

#[tokio::test]
async fn enums_domains_uuids_and_json_are_text_in_a_row() {
    let database = Database::new().await;
    database
        .run("CREATE TYPE mood AS ENUM ('happy', 'sad'); CREATE DOMAIN positive AS int CHECK (VALUE > 0)")
        .await;
    let sql = "CREATE TABLE kinds (id uuid, mood mood, json jsonb, short varchar(8), positive positive, local timestamp, moods mood[])";
    database.run(sql).await;
    let row = |mood: &str, positive| Kinds {
        mood: mood.to_owned(),
        id: "67e55044-10b1-426f-9247-bb680e5fe0c8".to_owned(),
        json: "{\"a\": [1, null]}".to_owned(),
        short: "été".to_owned(),
        positive,
        local: Timestamp::from_secs(1_767_225_600),
        moods: vec!["sad".to_owned(), mood.to_owned()],
    };
    let mut sink = PostgresSink::upsert(database.config(), "kinds", ["id"]);
    database.run("CREATE UNIQUE INDEX ON kinds (id)").await;
    Sink::<Kinds>::open(&mut sink, context(Mode::Update)).await.expect("the sink opens");
    sink.commit(batch(0, Mode::Update, &[row("sad", 1), row("happy", 2)])).await.expect("it is written");
    let read: Vec<Kinds> =
        StaticPostgres::query(database.config(), "TABLE kinds").load().await.expect("it is read");
    assert_eq!(read, [row("happy", 2)]);

    let refused =
        sink.commit(batch(1, Mode::Update, &[row("happy", -1)])).await.expect_err("the domain's check");
    assert!(refused.to_string().contains("positive_check"), "{refused}");
    let refused = sink.commit(batch(1, Mode::Update, &[row("angry", 1)])).await.expect_err("no such mood");
    assert!(refused.to_string().contains("angry"), "{refused}");
}
