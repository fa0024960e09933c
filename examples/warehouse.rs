//! `foreachBatch`: each batch to Parquet and to PostgreSQL at once, each row once in both.
//!
//! `cargo run --example warehouse --features parquet,postgres` — makes its own input and ends by itself. The database is the one that
//! `DATABASE_URL` names; else the example starts a server of its own (Debian: `apt-get install postgresql`), which ends with it.

use std::fmt::Write as _;
use std::path::Path;

use stream_runtime::error::BoxError;
use stream_runtime::postgres::tokio_postgres::NoTls;
use stream_runtime::prelude::*;
use stream_runtime::sink::file::{Parquet, committed_files};
use stream_runtime::sink::{
    AppendOrUpdate, BatchWriter, ForeachBatch, ForeachBatchSink, Retry, Sink, SinkContext,
};

#[allow(dead_code, reason = "the tests do more with their server")]
#[path = "../tests/postgres/server.rs"]
mod server;

#[derive(Schema)]
struct Sale {
    shop: String,
    cents: i64,
    time: Timestamp,
}

/// What is kept of an hour, for analysis.
#[derive(Schema)]
struct Turnover {
    hour: Window,
    shop: String,
    cents: i64,
    sales: u64,
}

/// What the shop's own screen shows: its last hour.
#[derive(Schema)]
struct Latest {
    shop: String,
    until: Timestamp,
    cents: i64,
}

stream_query! {
    /// The turnover of each shop, by hours, once an hour is over.
    query Turnovers(sales: Sale) -> Turnover {
        from sale in sales watermark(sale.time, minutes(10));
        group by window(sale.time, hours(1)) as w, sale.shop;
        select Turnover { hour: w, shop: sale.shop, cents: sum(sale.cents), sales: count() };
        output append;
    }
}

/// All rows to files, and the latest of each shop to a table.
///
/// Both sinks remember which batch they had last. So if the second one fails, or the process dies between the two, the batch comes
/// again, and the first one, which has it, ignores it.
struct Warehouse {
    files: FileSink<Parquet>,
    table: PostgresSink<AppendOrUpdate>,
}

impl BatchWriter<Turnover> for Warehouse {
    async fn open(&mut self, context: &SinkContext) -> Result<(), BoxError> {
        Sink::<Turnover>::open(&mut self.files, context.clone()).await?;
        Sink::<Latest>::open(&mut self.table, context.clone()).await?;
        Ok(())
    }

    async fn write(&mut self, batch: ForeachBatch<'_, Turnover>) -> Result<(), BoxError> {
        // The rows are in the order of their windows, so the last row of a shop is its latest.
        let mut latest = std::collections::BTreeMap::new();
        for row in batch.rows {
            let Turnover { hour, shop, cents, .. } = row;
            latest.insert(shop, Latest { shop: shop.clone(), until: hour.end, cents: *cents });
        }
        let latest: Vec<_> = latest.into_values().collect();
        self.files.commit(batch.to_sink()).await?;
        self.table.commit(batch.with_rows(&latest)).await?;
        Ok(())
    }
}

fn write_sales(directory: &Path) -> std::io::Result<()> {
    for file in 0..4 {
        let mut lines = String::new();
        for minute in file * 60..file * 60 + 60 {
            let time = Timestamp::from_secs(1_767_225_600 + minute * 60);
            for shop in ["graz", "linz", "wien"].iter().take(1 + minute as usize % 3) {
                let _ = writeln!(lines, r#"{{"shop":"{shop}","cents":{},"time":"{time}"}}"#, 100 + minute);
            }
        }
        std::fs::write(directory.join(format!("sales-{file}.jsonl")), lines)?;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    let (input, files) = (directory.path().join("sales"), directory.path().join("turnover"));
    std::fs::create_dir(&input)?;
    write_sales(&input)?;
    let database = server::shared();

    let warehouse = Warehouse {
        files: FileSink::parquet(&files),
        table: PostgresSink::upsert(database.url.as_str(), "latest_turnover", ["shop"]).create_table(),
    };
    let query = Turnovers::query()
        .sales(FileSource::json(&input).max_files_per_trigger(1))
        .to(ForeachBatchSink::writer(warehouse).retry(Retry::times(3)))
        .checkpoint(directory.path().join("checkpoint"))
        .trigger(Trigger::AvailableNow)
        .start()
        .await?;
    query.await_termination().await?;

    println!("files of Parquet: {}", committed_files(&files)?.len());
    let (client, connection) = database.config.connect(NoTls).await?;
    tokio::spawn(connection);
    for row in client.query("SELECT shop, until::text, cents FROM latest_turnover ORDER BY shop", &[]).await?
    {
        let (shop, until, cents): (&str, &str, i64) = (row.get(0), row.get(1), row.get(2));
        println!("{shop}: {}.{:02} in the hour until {until}", cents / 100, cents % 100);
    }
    Ok(())
}
