//! Upserts into PostgreSQL through the sink, beside the same by hand: `COPY` into a temporary table and one
//! `INSERT … ON CONFLICT`, with the client's own writer. `cargo bench --features postgres --bench postgres`.
//!
//! The server is that of the tests: without `DATABASE_URL` one of their own, which doesn't wait for the disk. So what is
//! compared is work, not a disk. Half of a batch's keys are in the table already. The two take turns, a batch each, so that what
//! else runs on the machine disturbs both.

#[path = "../tests/postgres/server.rs"]
#[expect(dead_code, reason = "the tests also break servers, and start further ones")]
mod server;

use std::pin::pin;
use std::time::{Duration as StdDuration, Instant, SystemTime};

use stream_runtime::Uuid;
use stream_runtime::mode::Mode;
use stream_runtime::postgres::tokio_postgres::binary_copy::BinaryCopyInWriter;
use stream_runtime::postgres::tokio_postgres::types::Type;
use stream_runtime::postgres::tokio_postgres::{Client, NoTls};
use stream_runtime::prelude::*;
use stream_runtime::sink::{PostgresSink, Sink, SinkBatch, SinkContext};
use tokio::runtime::Runtime;

const ROWS: u64 = 20_000;
/// How often each has its turn.
const TURNS: u64 = 60;

#[derive(Schema, Clone)]
struct Stat {
    hour: Timestamp,
    page: String,
    views: i64,
    amount: f64,
    note: Option<String>,
}

const COLUMNS: &str = "hour timestamptz NOT NULL, page text NOT NULL, views bigint NOT NULL, \
    amount double precision NOT NULL, note text, PRIMARY KEY (hour, page)";

/// The rows of a batch: its first half has the keys of the second half of the batch before.
fn rows(batch: u64) -> Vec<Stat> {
    let first = batch * ROWS / 2;
    (first..first + ROWS)
        .map(|number| Stat {
            hour: Timestamp::from_secs(1_767_225_600 + (number / 1_000) as i64 * 3_600),
            page: format!("/products/{}", number % 1_000),
            views: (number + batch) as i64,
            amount: number as f64 / 8.0,
            note: (number % 4 == 0).then(|| "seen for the first time".to_owned()),
        })
        .collect()
}

async fn connect() -> Client {
    let (client, connection) =
        server::shared().config.connect(NoTls).await.expect("the server can be reached");
    tokio::spawn(connection);
    client
}

async fn by_hand(client: &mut Client, batch: u64, rows: &[Stat]) {
    let transaction = client.transaction().await.expect("a transaction");
    let copy = "COPY stage (hour, page, views, amount, note) FROM STDIN (FORMAT binary)";
    let copy = transaction.copy_in(copy).await.expect("a copy");
    let types = [Type::TIMESTAMPTZ, Type::TEXT, Type::INT8, Type::FLOAT8, Type::TEXT];
    let mut writer = pin!(BinaryCopyInWriter::new(copy, &types));
    for row in rows {
        let micros = StdDuration::from_micros(row.hour.as_micros().unsigned_abs());
        let hour = SystemTime::UNIX_EPOCH + micros;
        let Stat { page, views, amount, note, .. } = row;
        writer.as_mut().write(&[&hour, page, views, amount, note]).await.expect("a row");
    }
    writer.finish().await.expect("the copy");
    let merge = "INSERT INTO by_hand SELECT * FROM stage ON CONFLICT (hour, page) DO UPDATE \
                 SET views = EXCLUDED.views, amount = EXCLUDED.amount, note = EXCLUDED.note";
    transaction.execute(merge, &[]).await.expect("the rows are merged");
    let batch = i64::try_from(batch).expect("not so many");
    transaction.execute("UPDATE by_hand_batches SET batch_id = $1", &[&batch]).await.expect("the id");
    transaction.commit().await.expect("the commit");
}

fn main() {
    let runtime = Runtime::new().expect("a runtime");
    let mut client = runtime.block_on(async {
        let client = connect().await;
        let prepared = format!(
            "DROP TABLE IF EXISTS by_hand, by_hand_batches, by_sink, stream_batches; \
             CREATE TABLE by_hand ({COLUMNS}); CREATE TABLE by_sink ({COLUMNS}); \
             CREATE TABLE by_hand_batches (batch_id bigint); INSERT INTO by_hand_batches VALUES (0); \
             CREATE TEMPORARY TABLE stage ON COMMIT DELETE ROWS AS TABLE by_hand WITH NO DATA"
        );
        client.batch_execute(&prepared).await.expect("the tables");
        client
    });
    let config = server::shared().config.clone();
    let mut sink = PostgresSink::upsert(config, "by_sink", ["hour", "page"]);
    let context = SinkContext {
        query_id: Uuid::from_u128(1),
        query_name: "bench".to_owned(),
        mode: Mode::Update,
        first_batch: 0,
        first_is_replay: false,
    };
    runtime.block_on(Sink::<Stat>::open(&mut sink, context)).expect("the sink opens");

    let (mut hand, mut through_sink) = (Vec::new(), Vec::new());
    for id in 0..TURNS {
        let rows = rows(id);
        let started = Instant::now();
        runtime.block_on(by_hand(&mut client, id, &rows));
        hand.push(started.elapsed());

        let batch = SinkBatch { id, mode: Mode::Update, rows: &rows, removed: &[], watermark: None };
        let started = Instant::now();
        runtime.block_on(sink.commit(batch)).expect("the batch is written");
        through_sink.push(started.elapsed());
    }
    hand.sort_unstable();
    through_sink.sort_unstable();
    for (name, at) in [("median", TURNS as usize / 2), ("quickest", 0)] {
        let rate = |taken: &[StdDuration]| ROWS as f64 / taken[at].as_secs_f64();
        let (hand, sink) = (rate(&hand), rate(&through_sink));
        println!(
            "upserts a second, {name} of {TURNS}: {hand:.0} by hand, {sink:.0} through the sink, {:.0} % of it",
            100.0 * sink / hand
        );
    }
}
