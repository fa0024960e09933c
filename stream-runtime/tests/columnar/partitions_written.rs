//! What our sink puts into directories is what our source reads out of them. The oracle is the rows themselves.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use stream_runtime::prelude::*;
use stream_runtime::source::MemorySource;

use crate::formats::{query, table};

#[derive(Schema, Clone, Debug, PartialEq)]
#[schema(rename_all = "kebab-case")]
struct Row {
    id: u64,
    page: String,
    country: Option<String>,
    tiny: i8,
    big: Option<u64>,
    share: f64,
    narrow: Option<f32>,
    is_new: bool,
    day: Date,
    maybe_day: Option<Date>,
    at: Timestamp,
    #[schema(timestamp = "millis")]
    seen_at: Option<Timestamp>,
}

const COLUMNS: [&str; 11] =
    ["page", "country", "tiny", "big", "share", "narrow", "is-new", "day", "maybe-day", "at", "seen-at"];

stream_query! {
    query Copies(rows: Row) -> Row {
        from row in rows;
        select row;
        output append;
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-c]{0,2}", "[ -~\t\r\n]{0,8}", "[%0-9A-F=/]{0,8}", "\\PC{0,6}", "[\u{0}-\u{20}ä데._]{0,6}"]
}

fn time() -> impl Strategy<Value = Timestamp> {
    let micros = -2_208_988_800_000_000..4_102_444_800_000_000_i64;
    prop_oneof![micros.clone(), micros.prop_map(|micros| micros / 1_000_000 * 1_000_000)]
        .prop_map(Timestamp::from_micros)
}

fn date() -> impl Strategy<Value = Date> {
    (-30_000..60_000_i32).prop_map(Date::from_days)
}

prop_compose! {
    fn row()(
        (page, country, tiny, big) in (text(), prop::option::of(text()), any::<i8>(), any::<Option<u64>>()),
        (share, narrow, is_new) in (-1e300..1e300_f64, prop::option::of(-1e30..1e30_f32), any::<bool>()),
        (day, maybe_day) in (date(), prop::option::of(date())),
        (at, seen_at) in (time(), prop::option::of(time())),
    ) -> Row {
        Row { id: 0, page, country, tiny, big, share, narrow, is_new, day, maybe_day, at, seen_at }
    }
}

/// Has a query write rows.
fn land(format: &str, directory: &Path, rows: &[Row], columns: &[&str]) {
    let (input, source) = MemorySource::new();
    for rows in rows.chunks(4) {
        input.add(rows.to_vec());
    }
    let query = Copies::query().rows(source.max_chunks_per_trigger(1));
    let columns = columns.to_vec();
    let query = match format {
        "json" => query.to(FileSink::json(directory).partition_by(columns)),
        "csv" => query.to(FileSink::csv(directory).partition_by(columns)),
        "headless" => query.to(FileSink::csv(directory).header(false).partition_by(columns)),
        "parquet" => query.to(FileSink::parquet(directory).partition_by(columns)),
        other => panic!("{other}"),
    };
    let checkpoint = directory.with_extension("checkpoint");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let query = query.checkpoint(checkpoint).trigger(Trigger::AvailableNow).start().await.unwrap();
        query.await_termination().await.unwrap();
    });
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 16,
        rng_seed: RngSeed::Fixed(20_261_130),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_the_sink_puts_into_directories_the_source_reads_as_it_was(
        rows in prop::collection::vec(row(), 1..9),
        columns in prop::sample::subsequence(&COLUMNS, 1..5),
    ) {
        let rows: Vec<Row> = (0..).zip(rows).map(|(id, row)| Row { id, ..row }).collect();
        // Hive has one name for null and empty text.
        let expected = rows.iter().cloned().map(|row| {
            let country = row.country.filter(|text| !columns.contains(&"country") || !text.is_empty());
            Row { country, ..row }
        });
        let expected: Vec<Row> = expected.collect();
        for format in ["json", "csv", "headless", "parquet"] {
            let directory = tempfile::tempdir().unwrap();
            let directory = directory.path().join("out");
            land(format, &directory, &rows, &columns);
            let sorted = |mut rows: Vec<Row>| {
                rows.sort_by_key(|row| row.id);
                rows
            };
            prop_assert_eq!(&sorted(query!(Copies, rows, format, &directory)), &expected);
            prop_assert_eq!(&sorted(table(format, &directory).unwrap()), &expected);
            // The same without the manifest.
            fs::remove_dir_all(directory.join("_spark_metadata")).unwrap();
            prop_assert_eq!(&sorted(query!(Copies, rows, format, &directory)), &expected);
        }
    }
}
