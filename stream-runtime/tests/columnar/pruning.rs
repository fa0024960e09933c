//! Row groups that `where` lets nothing through of aren't read, and nobody can tell but by the count of rows.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{
    BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray,
};
use parquet::file::reader::{FileReader, SerializedFileReader};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use stream_runtime::prelude::*;

use crate::support::{batch, error_of, run, write_json, write_parquet};

#[derive(Schema, Clone, Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) kind: String,
    pub(crate) count: i64,
    pub(crate) price: f64,
    pub(crate) at: Timestamp,
    pub(crate) day: Date,
    pub(crate) is_new: bool,
    pub(crate) note: Option<i64>,
}

#[derive(Schema, Clone, Debug, PartialEq)]
pub(crate) struct Total {
    window: Window,
    n: u64,
    sum: i64,
}

const LEAST: i64 = 40;
const FIRST_DAY: Date = Date::from_days(20_000);

macro_rules! totals {
    ($name:ident, $event:ident, $condition:expr) => {
        stream_query! {
            pub(crate) query $name(events: Event) -> Total {
                from $event in events watermark($event.at, seconds(5));
                where $condition;
                group by window($event.at, seconds(10)) as w;
                select Total { window: w, n: count(), sum: sum($event.count) };
                output update;
            }
        }
    };
}

totals!(Text, e, e.kind == "k3");
totals!(Constants, e, e.count >= LEAST && FIRST_DAY <= e.day);
totals!(Numbers, e, 30 < e.count && e.price < -0.5 && e.count <= 90);
totals!(Flag, e, e.is_new && e.note.is_none());

pub(crate) fn events_batch(rows: &[Event]) -> RecordBatch {
    batch(vec![
        ("kind", Arc::new(rows.iter().map(|row| Some(row.kind.as_str())).collect::<StringArray>())),
        ("count", Arc::new(rows.iter().map(|row| Some(row.count)).collect::<Int64Array>())),
        ("price", Arc::new(rows.iter().map(|row| Some(row.price)).collect::<Float64Array>())),
        (
            "at",
            Arc::new(TimestampMillisecondArray::from_iter_values(
                rows.iter().map(|row| row.at.as_micros() / 1_000),
            )),
        ),
        ("day", Arc::new(rows.iter().map(|row| Some(row.day.as_days())).collect::<Date32Array>())),
        ("is_new", Arc::new(rows.iter().map(|row| Some(row.is_new)).collect::<BooleanArray>())),
        ("note", Arc::new(rows.iter().map(|row| row.note).collect::<Int64Array>())),
    ])
}

prop_compose! {
    /// Rows that are alike, so that groups of them can be told by their statistics.
    fn run_of_rows()(kind in 0_u8..5, count in 0_i64..100, second in 0_i64..60, day in -2_i32..3, is_new in any::<bool>())(
        rows in prop::collection::vec(
            (Just(kind), count..=count + 3, -2.0..1.0_f64, second * 1_000..(second + 4) * 1_000, Just(day), Just(is_new), any::<Option<i64>>()),
            1..12,
        ),
    ) -> Vec<Event> {
        let row = |(kind, count, price, at, day, is_new, note)| Event {
            kind: format!("k{kind}"),
            count,
            price,
            at: Timestamp::UNIX_EPOCH + milliseconds(1_000_000 + at),
            day: Date::from_days(20_000 + day),
            is_new,
            note,
        };
        rows.into_iter().map(row).collect()
    }
}

/// Runs the query over JSON and over Parquet, a file a batch, which have to give the same; counts the rows read of each.
macro_rules! compare {
    ($query:ident, $directory:expr) => {{
        let query = |name: &str| {
            $query::query().events(FileSource::json($directory.join(name)).max_files_per_trigger(1))
        };
        let (wanted, wanted_progress) = run(query("json"), 1).unwrap();
        let source = FileSource::parquet($directory.join("parquet")).max_files_per_trigger(1);
        let (rows, progress) = run($query::query().events(source), 1).unwrap();
        assert_eq!(rows, wanted);
        let times = |progress: &[Arc<Progress>]| -> Vec<_> {
            progress
                .iter()
                .map(|batch| {
                    (batch.batch_id, batch.event_time.watermark, batch.event_time.max, batch.event_time.min)
                })
                .collect()
        };
        assert_eq!(times(&progress), times(&wanted_progress));
        let count =
            |progress: &[Arc<Progress>]| progress.iter().map(|batch| batch.num_input_rows).sum::<u64>();
        (count(&wanted_progress), count(&progress))
    }};
}

use stream_runtime::engine::Progress;

fn write(directory: &Path, files: &[Vec<Vec<Event>>]) {
    fs::create_dir(directory.join("json")).unwrap();
    fs::create_dir(directory.join("parquet")).unwrap();
    for (index, groups) in files.iter().enumerate() {
        let rows = groups.concat();
        write_json(&directory.join(format!("json/{index}.json")), &rows);
        write_parquet(&directory.join(format!("parquet/{index}.parquet")), &events_batch(&rows), 8);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24,
        rng_seed: RngSeed::Fixed(20_260_106),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_query_over_pruned_groups_gives_what_it_gives_over_all_rows(
        files in prop::collection::vec(prop::collection::vec(run_of_rows(), 1..8), 1..4),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        write(directory, &files);
        for (all, read) in [compare!(Text, directory), compare!(Constants, directory), compare!(Numbers, directory), compare!(Flag, directory)] {
            prop_assert!(read <= all);
        }
    }
}

/// Four groups of eight rows: their counts are 0 to 7, 10 to 17, …
fn four_groups() -> Vec<Event> {
    let row = |n: i64| Event {
        kind: format!("k{}", n / 8),
        count: n / 8 * 10 + n % 8,
        price: n as f64 - 100.5,
        at: Timestamp::UNIX_EPOCH + seconds(1_000 + (31 - n)),
        day: FIRST_DAY,
        is_new: n < 16,
        note: None,
    };
    (0..32).map(row).collect()
}

/// Overwrites the bytes of some row groups.
pub(crate) fn damage_groups(path: &Path, groups: &[usize]) {
    let reader = SerializedFileReader::new(fs::File::open(path).unwrap()).unwrap();
    let mut bytes = fs::read(path).unwrap();
    for &group in groups {
        for column in reader.metadata().row_group(group).columns() {
            let (start, length) = column.byte_range();
            bytes[start as usize..(start + length) as usize].fill(0xff);
        }
    }
    fs::write(path, bytes).unwrap();
}

#[test]
fn groups_out_of_which_nothing_can_come_are_not_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.parquet");
    write_parquet(&path, &events_batch(&four_groups()), 8);
    damage_groups(&path, &[0, 1, 2]);
    let source = || FileSource::parquet(&path);
    // k3 is only in the last group, and so is what is above 30.
    let (rows, progress) = run(Text::query().events(source()), 1).unwrap();
    assert_eq!(rows.iter().flat_map(|rows| rows.iter().map(|row| row.n)).sum::<u64>(), 8);
    assert_eq!(progress[0].num_input_rows, 8);
    let (_, progress) = run(Numbers::query().events(source()), 1).unwrap();
    assert_eq!(progress[0].num_input_rows, 8);
    // The latest rows are in the first group, which nobody has read.
    assert_eq!(progress[0].event_time.max, Some(Timestamp::from_secs(1_031)));
    assert_eq!(progress[0].event_time.min, Some(Timestamp::from_secs(1_000)));
    // `is_new` holds for rows of the first two.
    error_of(run(Flag::query().events(source()), 1));
}

#[test]
fn a_group_with_a_malformed_row_is_read_whatever_where_says() {
    #[derive(Schema, Clone, Debug)]
    struct Small {
        kind: String,
        count: u8,
    }
    stream_query! {
        query Kinds(rows: Small) -> Small {
            from row in rows;
            where row.kind == "none";
            where row.count > 0;
            select row;
            output append;
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.parquet");
    let kinds =
        |null: usize| Arc::new((0..4).map(|row| (row != null).then_some("some")).collect::<StringArray>());
    let counts = |large: i64| Arc::new(Int64Array::from(vec![1, 2, large, 4]));
    let read = |null: usize, large: i64| {
        write_parquet(&path, &batch(vec![("kind", kinds(null)), ("count", counts(large))]), 10);
        run(Kinds::query().rows(FileSource::parquet(&path)), 1)
    };
    assert_eq!(read(9, 3).unwrap().1[0].num_input_rows, 0);
    assert!(error_of(read(2, 3)).contains("row 3: column `kind`: it is null"));
    assert!(error_of(read(9, 256)).contains("row 3: column `count`: `256`"));
}
