//! A click stream like the one that the golden cases are cut from: event time runs forward over two hours with up
//! to a minute of disorder, one row in a hundred is late by three to twenty minutes, and two in a hundred repeat one of
//! the thousand rows before them. And orders over three days, four fifths of which are shipped up to thirty hours later.

use std::io::Write;
use std::path::Path;

use stream_runtime::prelude::*;

/// A row of the stream.
#[derive(Schema, Clone)]
pub(crate) struct Event {
    pub user_id: String,
    pub page: String,
    pub action: String,
    pub amount: f64,
    pub event_id: i64,
    pub ts: Timestamp,
}

/// What a page advertises.
#[derive(Schema, Clone)]
pub(crate) struct Ad {
    pub page: String,
    pub campaign: String,
}

#[derive(Schema, Clone)]
pub(crate) struct Order {
    pub order_id: String,
    pub amount: f64,
    pub ts: Timestamp,
}

#[derive(Schema, Clone)]
pub(crate) struct Shipment {
    pub order_id: String,
    pub carrier: String,
    pub ts: Timestamp,
}

const START: Timestamp = Timestamp::from_secs(1_767_225_600);
const SPAN_MS: u64 = 2 * 3_600 * 1_000;
const ACTIONS: [&str; 10] =
    ["view", "view", "view", "view", "view", "view", "click", "click", "cart", "purchase"];

/// `SplitMix64` from a fixed seed: the same rows in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

/// `count` rows in `batches` batches.
pub(crate) fn events(count: u64, batches: u64) -> Vec<Vec<Event>> {
    let mut random = Random(7);
    let mut rows: Vec<Event> = Vec::new();
    for index in 0..count {
        let row = if index > 0 && random.below(50) == 0 {
            let back = 1 + random.below(index.min(1_000));
            rows[(index - back) as usize].clone()
        } else {
            event(&mut random, index, count)
        };
        rows.push(row);
    }
    let per_batch = (count / batches) as usize;
    let mut rows = rows.into_iter();
    (0..batches).map(|_| rows.by_ref().take(per_batch).collect()).collect()
}

fn event(random: &mut Random, index: u64, count: u64) -> Event {
    let late = if random.below(100) == 0 { 180_000 + random.below(1_020_000) } else { 0 };
    let ms = (index * SPAN_MS / count) as i64 - random.below(60_000) as i64 - late as i64;
    // A few users do most of the clicking.
    let bound = 1 + random.below(100_000);
    Event {
        user_id: format!("u{}", random.below(bound)),
        page: format!("/p/{}", random.below(1_000)),
        action: ACTIONS[random.below(10) as usize].to_owned(),
        amount: random.below(20_000) as f64 / 100.0,
        event_id: index as i64,
        ts: START + milliseconds(ms),
    }
}

const ORDERS_SPAN_MS: u64 = 72 * 3_600 * 1_000;
const LONGEST_SHIPPING_MS: u64 = 30 * 3_600 * 1_000;
const CARRIERS: [&str; 3] = ["dhl", "ups", "fedex"];

/// The campaigns of a thousand pages, ten pages each.
pub(crate) fn ads() -> Vec<Ad> {
    (0..1_000).map(|page| Ad { page: format!("/p/{page}"), campaign: format!("c{}", page % 100) }).collect()
}

/// `count` orders in `batches` batches, and with each batch the shipments of its orders, by their time.
pub(crate) fn orders_and_shipments(count: u64, batches: u64) -> (Vec<Vec<Order>>, Vec<Vec<Shipment>>) {
    let mut random = Random(8);
    let per_batch = count / batches;
    (0..batches)
        .map(|batch| {
            let mut shipments = Vec::new();
            let orders = (batch * per_batch..(batch + 1) * per_batch).map(|index| {
                let ms = (index * ORDERS_SPAN_MS / count) as i64 - random.below(600_000) as i64;
                let order_id = format!("o{index}");
                let ts = START + milliseconds(ms);
                if random.below(5) < 4 {
                    let shipped = ts + milliseconds(random.below(LONGEST_SHIPPING_MS) as i64);
                    let carrier = CARRIERS[random.below(3) as usize].to_owned();
                    shipments.push(Shipment { order_id: order_id.clone(), carrier, ts: shipped });
                }
                Order { order_id, amount: random.below(50_000) as f64 / 100.0, ts }
            });
            let orders = orders.collect();
            shipments.sort_by_key(|shipment| shipment.ts);
            (orders, shipments)
        })
        .unzip()
}

/// Writes a file of JSON lines for each batch.
pub(crate) fn write_json<R: Schema>(batches: &[Vec<R>], directory: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)?;
    for (index, rows) in batches.iter().enumerate() {
        let mut bytes = Vec::new();
        for row in rows {
            row.encode_json(&mut bytes);
            bytes.push(b'\n');
        }
        std::fs::File::create(directory.join(format!("part-{index:02}.jsonl")))?.write_all(&bytes)?;
    }
    Ok(())
}

/// Writes a Parquet file for each batch of events.
#[cfg(feature = "parquet")]
pub(crate) fn write_parquet(batches: &[Vec<Event>], directory: &Path) -> std::io::Result<()> {
    use arrow_array::{
        ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    };
    use std::sync::Arc;

    std::fs::create_dir_all(directory)?;
    for (index, rows) in batches.iter().enumerate() {
        let text = |column: fn(&Event) -> &str| -> ArrayRef {
            Arc::new(rows.iter().map(|row| Some(column(row))).collect::<StringArray>())
        };
        let times: TimestampMicrosecondArray = rows.iter().map(|row| Some(row.ts.as_micros())).collect();
        let columns: [(_, ArrayRef); 6] = [
            ("user_id", text(|row| &row.user_id)),
            ("page", text(|row| &row.page)),
            ("action", text(|row| &row.action)),
            ("amount", Arc::new(rows.iter().map(|row| Some(row.amount)).collect::<Float64Array>())),
            ("event_id", Arc::new(rows.iter().map(|row| Some(row.event_id)).collect::<Int64Array>())),
            ("ts", Arc::new(times.with_timezone("UTC"))),
        ];
        let batch = RecordBatch::try_from_iter(columns).map_err(std::io::Error::other)?;
        let file = std::fs::File::create(directory.join(format!("part-{index:02}.parquet")))?;
        let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None)?;
        writer.write(&batch)?;
        writer.close()?;
    }
    Ok(())
}
