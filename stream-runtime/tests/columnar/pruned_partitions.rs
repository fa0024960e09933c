//! Files whose directories `where` lets nothing through of aren't read, and nobody can tell but by the count of rows.
//!
//! The oracle is the same query over JSON in one directory, whose rows hold all columns.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use arrow_array::RecordBatch;
use parquet::data_type::DoubleType;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use stream_runtime::prelude::*;

use crate::pruning::{Constants, Event, Flag, Numbers, Text, damage_groups, events_batch};
use crate::support::{error_of, run, write_json, write_parquet};

/// The name of the directory that gives the row's column.
fn directory(column: &str, row: &Event) -> String {
    let value = match column {
        "kind" => row.kind.clone(),
        "count" => row.count.to_string(),
        "price" => format!("{:?}", row.price),
        "at" => row.at.to_string().replace('T', " ").replace('Z', "").replace(':', "%3A"),
        "day" => row.day.to_string(),
        "is_new" => row.is_new.to_string(),
        "note" => row.note.map_or("__HIVE_DEFAULT_PARTITION__".to_owned(), |note| note.to_string()),
        other => panic!("{other}"),
    };
    format!("{column}={value}")
}

/// The row with the columns of another one.
fn with_columns(columns: &[&str], of: &Event, mut row: Event) -> Event {
    for column in columns {
        match *column {
            "kind" => row.kind.clone_from(&of.kind),
            "count" => row.count = of.count,
            "price" => row.price = of.price,
            "at" => row.at = of.at,
            "day" => row.day = of.day,
            "is_new" => row.is_new = of.is_new,
            "note" => row.note = of.note,
            other => panic!("{other}"),
        }
    }
    row
}

/// Writes rows into the partition of the first of them.
fn write_partition(root: &Path, columns: &[&str], rows: &[Event], name: &str) -> std::path::PathBuf {
    let path = columns.iter().fold(root.to_owned(), |path, column| path.join(directory(column, &rows[0])));
    fs::create_dir_all(&path).unwrap();
    let mut batch: RecordBatch = events_batch(rows);
    for column in columns {
        let index = batch.schema().index_of(column).unwrap();
        batch.remove_column(index);
    }
    let path = path.join(name);
    write_parquet(&path, &batch, 8);
    path
}

fn set_time(path: &Path, time: u64) {
    let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000 + time);
    fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

/// Runs a query over both, a file a batch; gives the counts of the rows that were read.
macro_rules! compare {
    ($query:ident, $directory:expr) => {{
        let json = FileSource::json($directory.join("json")).max_files_per_trigger(1);
        let parquet = FileSource::parquet($directory.join("parquet")).max_files_per_trigger(1);
        let (wanted, wanted_progress) = run($query::query().events(json), 1).unwrap();
        let (rows, progress) = run($query::query().events(parquet), 1).unwrap();
        assert_eq!(rows, wanted);
        let watermarks = |progress: &[std::sync::Arc<stream_runtime::engine::Progress>]| -> Vec<_> {
            let times = progress.iter().map(|batch| &batch.event_time);
            times.map(|times| (times.watermark, times.max, times.min)).collect()
        };
        assert_eq!(watermarks(&progress), watermarks(&wanted_progress));
        let count = |progress: &[std::sync::Arc<stream_runtime::engine::Progress>]| {
            progress.iter().map(|batch| batch.num_input_rows).sum::<u64>()
        };
        (count(&wanted_progress), count(&progress))
    }};
}

const COLUMNS: [&str; 7] = ["kind", "count", "price", "at", "day", "is_new", "note"];

prop_compose! {
    fn event()(
        kind in 0_u8..5, count in 0_i64..100, price in -2.0..1.0_f64, second in 0_i64..60_000,
        day in -2_i32..3, is_new in any::<bool>(), note in any::<Option<i64>>(),
    ) -> Event {
        Event {
            kind: format!("k{kind}"),
            count,
            price,
            at: Timestamp::UNIX_EPOCH + milliseconds(1_000_000 + second),
            day: Date::from_days(20_000 + day),
            is_new,
            note,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24,
        rng_seed: RngSeed::Fixed(20_261_201),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_query_over_pruned_partitions_gives_what_it_gives_over_all_rows(
        files in prop::collection::vec(prop::collection::vec(event(), 1..20), 1..6),
        columns in prop::sample::subsequence(&COLUMNS, 1..6),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        fs::create_dir(directory.join("json")).unwrap();
        for (index, rows) in files.into_iter().enumerate() {
            let first = rows[0].clone();
            let rows: Vec<Event> =
                rows.into_iter().map(|row| with_columns(&columns, &first, row)).collect();
            let json = directory.join(format!("json/{index}"));
            write_json(&json, &rows);
            set_time(&json, index as u64);
            let parquet = write_partition(&directory.join("parquet"), &columns, &rows, &index.to_string());
            set_time(&parquet, index as u64);
        }
        for (all, read) in [
            compare!(Text, directory),
            compare!(Constants, directory),
            compare!(Numbers, directory),
            compare!(Flag, directory),
        ] {
            prop_assert!(read <= all);
        }
    }
}

#[test]
fn a_row_group_without_rows_has_no_event_times_whatever_its_directory_says() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let row = |kind: &str, second| Event {
        kind: kind.to_owned(),
        count: 1,
        price: 0.0,
        at: Timestamp::from_secs(second),
        day: Date::from_days(20_000),
        is_new: true,
        note: None,
    };
    fs::create_dir(directory.join("json")).unwrap();
    for (index, (file, rows)) in
        [("a", vec![row("k3", 1_000)]), ("b", Vec::new()), ("c", vec![row("k3", 1_001)])].iter().enumerate()
    {
        let json = directory.join("json").join(file);
        write_json(&json, rows);
        let columns = ["kind", "count", "at"];
        // The directory of the one without rows is of a kind that isn't wanted, and of much later.
        let of = rows.first().cloned().unwrap_or_else(|| row("k1", 9_000));
        let parquet = write_partition(&directory.join("parquet"), &columns, &[of], file);
        if rows.is_empty() {
            write_empty_group(&parquet);
        }
        set_time(&json, index as u64);
        set_time(&parquet, index as u64);
    }
    assert_eq!(compare!(Text, directory), (2, 2));
}

/// A file of one row group that has no rows.
fn write_empty_group(path: &Path) {
    let schema = Arc::new(parse_message_type("message rows { optional double price; }").unwrap());
    let mut writer =
        SerializedFileWriter::new(fs::File::create(path).unwrap(), schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<DoubleType>().write_batch(&[], Some(&[]), None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    assert_eq!(writer.close().unwrap().row_groups().len(), 1);
}

#[test]
fn files_of_which_where_lets_nothing_through_are_not_read() {
    let rows = |kind: u8, count: i64, is_new| {
        let row = move |n: i64| Event {
            kind: format!("k{kind}"),
            count,
            price: -1.0,
            at: Timestamp::UNIX_EPOCH + seconds(1_000 + 10 * count + n),
            day: Date::from_days(20_000),
            is_new,
            note: Some(1),
        };
        (0..12).map(row).collect::<Vec<_>>()
    };
    // Two files, of which the second can't be read.
    let write = |columns: &[&str], is_new| {
        let root = tempfile::tempdir().unwrap();
        write_partition(root.path(), columns, &rows(3, 50, true), "a");
        damage_groups(&write_partition(root.path(), columns, &rows(1, 20, is_new), "b"), &[0, 1]);
        root
    };
    let by_kind = write(&["kind"], true);
    let by_others = write(&["count", "is_new"], false);
    for result in [
        run(Text::query().events(FileSource::parquet(by_kind.path())), 1),
        run(Numbers::query().events(FileSource::parquet(by_others.path())), 1),
        run(Flag::query().events(FileSource::parquet(by_others.path())), 1),
    ] {
        let (_, progress) = result.unwrap();
        assert_eq!(progress[0].num_input_rows, 12);
        // The earliest of the rows that weren't read counts all the same.
        assert_eq!(progress[0].event_time.min, Some(Timestamp::from_secs(1_200)));
    }
    error_of(run(Flag::query().events(FileSource::parquet(by_kind.path())), 1));
}
