//! The files: their schema, compression, row groups and directories, and rows that have no Parquet form.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use parquet::basic::{Compression, GzipLevel, ZstdLevel};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use stream_runtime::Error;
use stream_runtime::sink::file::ParquetCompression;

use super::*;

#[derive(Clone, Debug, PartialEq, Schema)]
struct Sale {
    day: Date,
    shop: Option<String>,
    amount: f64,
    number: i64,
}

fn sales(from: i64, count: i64) -> Vec<Sale> {
    let sale = |number: i64| Sale {
        day: Date::from_days(20_000 + (number % 2) as i32),
        shop: (number % 3 > 0).then(|| format!("shop {}/{}", number % 3, "ä")),
        amount: number as f64 / 4.0,
        number,
    };
    (from..from + count).map(sale).collect()
}

/// The numbers of the sales in a file, in its order.
fn numbers(path: &Path) -> Vec<i64> {
    let numbers = |batch: RecordBatch| batch["number"].as_primitive::<Int64Type>().values().to_vec();
    read(path).into_iter().flat_map(numbers).collect()
}

fn parsed(path: &Path) -> SerializedFileReader<File> {
    SerializedFileReader::new(File::open(path).unwrap()).unwrap()
}

#[derive(Schema)]
struct Stat {
    window: Window,
    page: String,
    views: u64,
    mean: Option<f64>,
    top: Vec<Option<String>>,
    day: Date,
}

#[tokio::test]
async fn the_schema_says_what_spark_would_read() {
    let dir = tempfile::tempdir().unwrap();
    let mut sink = opened::<Stat>(FileSink::parquet(dir.path())).await.unwrap();
    let window = Window { start: Timestamp::from_secs(0), end: Timestamp::from_secs(60) };
    let row =
        Stat { window, page: "/".into(), views: 1, mean: None, top: vec![None], day: Date::from_days(1) };
    append(&mut sink, 0, &[row]).await.unwrap();
    let file = parsed(&committed(dir.path())[0]);
    let mut schema = Vec::new();
    parquet::schema::printer::print_schema(&mut schema, file.metadata().file_metadata().schema());
    assert_eq!(
        String::from_utf8(schema).unwrap().trim(),
        "message arrow_schema {
  REQUIRED group window {
    REQUIRED INT64 start (TIMESTAMP(MICROS,true));
    REQUIRED INT64 end (TIMESTAMP(MICROS,true));
  }
  REQUIRED BYTE_ARRAY page (STRING);
  REQUIRED INT64 views (INTEGER(64,false));
  OPTIONAL DOUBLE mean;
  REQUIRED group top (LIST) {
    REPEATED group list {
      OPTIONAL BYTE_ARRAY element (STRING);
    }
  }
  REQUIRED INT32 day (DATE);
}"
    );
}

#[tokio::test]
async fn files_are_compressed_as_asked_and_named_as_spark_names_them() {
    let cases = [
        (ParquetCompression::None, "-c000.parquet", Compression::UNCOMPRESSED),
        (ParquetCompression::Snappy, "-c000.snappy.parquet", Compression::SNAPPY),
        (ParquetCompression::Gzip, "-c000.gz.parquet", Compression::GZIP(GzipLevel::default())),
        (ParquetCompression::Zstd, "-c000.zstd.parquet", Compression::ZSTD(ZstdLevel::default())),
    ];
    for (compression, ending, expected) in cases {
        let dir = tempfile::tempdir().unwrap();
        let sink = FileSink::parquet(dir.path()).compression(compression);
        append(&mut opened::<Sale>(sink).await.unwrap(), 0, &sales(0, 100)).await.unwrap();
        let [file] = &committed(dir.path())[..] else { panic!("one file") };
        assert!(file.to_str().unwrap().ends_with(ending), "{}", file.display());
        let written = parsed(file);
        let column = written.metadata().row_group(0).column(0);
        assert_eq!(
            std::mem::discriminant(&column.compression()),
            std::mem::discriminant(&expected),
            "{:?}",
            column.compression()
        );
        assert_eq!(numbers(file), (0..100).collect::<Vec<_>>());
    }
    // Snappy unless set, as Spark.
    assert_eq!(ParquetCompression::default(), ParquetCompression::Snappy);
}

#[tokio::test]
async fn a_batch_of_many_chunks_is_one_file_of_row_groups_of_that_many_rows() {
    let dir = tempfile::tempdir().unwrap();
    let sink = FileSink::parquet(dir.path()).row_group_rows(7_000);
    append(&mut opened::<Sale>(sink).await.unwrap(), 0, &sales(0, 20_000)).await.unwrap();
    let [file] = &committed(dir.path())[..] else { panic!("one file") };
    let written = parsed(file);
    let groups: Vec<_> = written.metadata().row_groups().iter().map(RowGroupMetaData::num_rows).collect();
    assert_eq!(groups, [7_000, 7_000, 6_000]);
    assert_eq!(numbers(file), (0..20_000).collect::<Vec<_>>());

    let error = opened::<Sale>(FileSink::parquet(dir.path()).row_group_rows(0)).await.unwrap_err();
    assert!(matches!(error, Error::InvalidOption { option: "row_group_rows", .. }), "{error}");
}

#[tokio::test]
async fn every_bit_of_a_double_is_kept() {
    #[derive(Schema)]
    struct Double {
        double: f64,
    }
    let dir = tempfile::tempdir().unwrap();
    let bits = [0x7ff8_0000_0000_0001, 0xfff0_0000_0000_0000, 0x8000_0000_0000_0000, 1];
    let rows = bits.map(|bits| Double { double: f64::from_bits(bits) });
    append(&mut opened::<Double>(FileSink::parquet(dir.path())).await.unwrap(), 0, &rows).await.unwrap();
    let batches = read(&committed(dir.path())[0]);
    let doubles = batches[0]["double"].as_primitive::<Float64Type>();
    assert_eq!(doubles.values().iter().map(|double| double.to_bits()).collect::<Vec<_>>(), bits);
}

#[tokio::test]
async fn columns_that_name_directories_are_not_in_the_files() {
    let dir = tempfile::tempdir().unwrap();
    let sink = FileSink::parquet(dir.path()).partition_by(["shop", "day"]);
    append(&mut opened::<Sale>(sink).await.unwrap(), 0, &sales(0, 12)).await.unwrap();
    let mut found = Vec::new();
    for file in committed(dir.path()) {
        let schema = read(&file)[0].schema();
        assert_eq!(
            schema.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>(),
            ["amount", "number"]
        );
        let below = file.strip_prefix(dir.path()).unwrap().parent().unwrap();
        found.push((below.to_str().unwrap().to_owned(), numbers(&file)));
    }
    let expected = [
        ("shop=__HIVE_DEFAULT_PARTITION__/day=2024-10-04", vec![0, 6]),
        ("shop=shop 1%2Fä/day=2024-10-05", vec![1, 7]),
        ("shop=shop 2%2Fä/day=2024-10-04", vec![2, 8]),
        ("shop=__HIVE_DEFAULT_PARTITION__/day=2024-10-05", vec![3, 9]),
        ("shop=shop 1%2Fä/day=2024-10-04", vec![4, 10]),
        ("shop=shop 2%2Fä/day=2024-10-05", vec![5, 11]),
    ];
    assert_eq!(found, expected.map(|(dir, numbers)| (dir.to_owned(), numbers)));
}

#[tokio::test]
async fn small_files_become_one_with_whole_row_groups() {
    let dir = tempfile::tempdir().unwrap();
    let sink = FileSink::parquet(dir.path()).target_file_bytes(8_000);
    let mut sink = opened::<Sale>(sink).await.unwrap();
    for batch in 0..12 {
        append(&mut sink, batch, &sales(batch as i64 * 100, 100)).await.unwrap();
    }
    let files = committed(dir.path());
    assert!(files.len() < 8, "{files:?}");
    let merged = files.iter().map(|file| numbers(file)).find(|numbers| numbers.len() > 200).unwrap();
    assert!(merged.is_sorted());
    let groups = files.iter().map(|file| parsed(file).metadata().num_row_groups()).max();
    assert_eq!(groups, Some(1));
    let mut all: Vec<i64> = files.iter().flat_map(|file| numbers(file)).collect();
    all.sort_unstable();
    assert_eq!(all, (0..1200).collect::<Vec<_>>());
}

#[tokio::test]
async fn only_files_of_the_same_columns_are_merged() {
    #[derive(Schema)]
    struct Wider {
        number: i64,
        comment: Option<String>,
    }
    #[derive(Schema)]
    struct Narrow {
        number: i64,
    }
    let dir = tempfile::tempdir().unwrap();
    let sink = || FileSink::parquet(dir.path()).target_file_bytes(2_500);
    let mut narrow = opened::<Narrow>(sink()).await.unwrap();
    for batch in 0..5 {
        append(&mut narrow, batch, &[Narrow { number: batch as i64 }]).await.unwrap();
    }
    drop(narrow);
    let mut wider = opened_again::<Wider>(sink(), dir.path()).await.unwrap();
    for batch in 5..10 {
        append(&mut wider, batch, &[Wider { number: batch as i64, comment: None }]).await.unwrap();
    }
    let files = committed(dir.path());
    assert!(files.len() < 10, "some are merged: {files:?}");
    for file in &files {
        let columns = read(file)[0].num_columns();
        assert!(numbers(file).iter().all(|number| (*number >= 5) == (columns == 2)));
    }
    let mut all: Vec<i64> = files.iter().flat_map(|file| numbers(file)).collect();
    all.sort_unstable();
    assert_eq!(all, (0..10).collect::<Vec<_>>());
}

#[tokio::test]
async fn rows_without_a_parquet_form_are_refused_before_the_first_batch() {
    #[derive(Schema)]
    struct Inner {
        total: Option<i128>,
    }
    #[derive(Schema)]
    struct Wide {
        inner: Vec<Inner>,
    }
    #[derive(Schema)]
    struct Tree {
        children: Vec<Self>,
    }
    let dir = tempfile::tempdir().unwrap();
    let error = opened::<Wide>(FileSink::parquet(dir.path().join("wide"))).await.unwrap_err().to_string();
    assert!(error.contains("the column `inner.total` is an integer of 128 bits (`i128`)"), "{error}");
    let error = opened::<Tree>(FileSink::parquet(dir.path().join("tree"))).await.unwrap_err().to_string();
    assert!(error.contains("`children.children") && error.contains("more than 64 deep"), "{error}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
