//! Files that pyarrow has written: nulls, dictionaries, and timestamps in each unit.

use stream_runtime::prelude::*;

use crate::rows::Inner;
use crate::support::{fixture, load};

#[derive(Schema, Clone, Debug, PartialEq)]
struct Common {
    flag: bool,
    small: i8,
    count: Option<i64>,
    ratio: Option<f64>,
    narrow: f32,
    plain: Option<String>,
    picked: Option<String>,
    bytes: Option<Vec<u8>>,
    micros: Option<Timestamp>,
    nanos: Timestamp,
    naive: Timestamp,
    day: Option<Date>,
    tags: Option<Vec<Option<String>>>,
    nested: Vec<Vec<i32>>,
    inner: Inner,
    maybe_inner: Option<Inner>,
    window: Window,
}

#[derive(Schema, Debug, PartialEq)]
struct OfParquet {
    positive: u32,
    large: String,
    fixed: Vec<u8>,
    seconds: Timestamp,
    millis: Timestamp,
    zoned: Timestamp,
    lasting: Duration,
    #[schema(default)]
    missing: String,
    absent: Option<i64>,
}

/// 2026-01-01T00:00:00Z
const START: Timestamp = Timestamp::from_secs(1_767_225_600);

fn text(values: [Option<&str>; 6]) -> [Option<String>; 6] {
    values.map(|value| value.map(str::to_owned))
}

fn common() -> Vec<Common> {
    let counts = [Some(i64::MIN), Some(i64::MAX), Some(0), None, Some(5), Some(6)];
    let ratios = [Some(0.5), Some(-0.25), None, Some(1e300), Some(f64::INFINITY), Some(3.0)];
    let plains = text([Some("a"), Some(""), Some("ä€😀"), None, Some("e"), Some("f")]);
    let picked = text([Some("view"), Some("click"), Some("view"), None, Some("view"), Some("click")]);
    let bytes: [Option<&[u8]>; 6] = [Some(b"\0\x01"), Some(b""), Some(b"x"), Some(b"y"), None, Some(b"z")];
    let days = ["1969-12-31", "2026-01-01", "2000-02-29", "", "0001-01-01", "9999-12-31"];
    let some =
        |values: &[&str]| Some(values.iter().map(|value| Some((*value).to_owned())).collect::<Vec<_>>());
    let tags =
        [some(&["a", "b"]), some(&[]), some(&["c"]), None, Some(vec![Some("d".into()), None]), some(&["e"])];
    let nested: [Vec<Vec<i32>>; 6] =
        [vec![vec![1], vec![2, 3]], vec![], vec![vec![]], vec![vec![4]], vec![vec![5]], vec![vec![6]]];
    (0..6_usize)
        .map(|row| {
            let number = row as i64;
            let inner = Inner { id: row as i32, name: Some(format!("n{row}")) };
            Common {
                flag: [true, false, true, true, false, false][row],
                small: [-128, 127, 0, 1, 2, 3][row],
                count: counts[row],
                ratio: ratios[row],
                narrow: [0.5, -0.25, 1.5, 2.5, 3.5, 4.5][row],
                plain: plains[row].clone(),
                picked: picked[row].clone(),
                bytes: bytes[row].map(<[u8]>::to_vec),
                micros: (row != 3).then(|| START + seconds(number) + Duration::from_micros(number)),
                nanos: START + Duration::from_micros(number),
                naive: Timestamp::from_micros(1_000_000 + number),
                day: days[row].parse().ok(),
                tags: tags[row].clone(),
                nested: nested[row].clone(),
                inner: Inner { name: inner.name.clone().filter(|_| row != 2), ..inner },
                maybe_inner: (row % 2 == 0).then_some(inner),
                window: Window { start: START + seconds(number), end: START + seconds(number + 1) },
            }
        })
        .collect()
}

#[test]
fn parquet_of_pyarrow_is_read_whatever_its_compression() {
    for name in ["pyarrow-zstd.parquet", "pyarrow-gzip.parquet", "pyarrow-int96.parquet"] {
        assert_eq!(load::<Common>(StaticFile::parquet(fixture(name))).unwrap(), common(), "{name}");
    }
}

#[test]
fn orc_of_pyarrow_is_read_whatever_its_compression() {
    for name in ["pyarrow-zlib.orc", "pyarrow-zstd.orc"] {
        assert_eq!(load::<Common>(StaticFile::orc(fixture(name))).unwrap(), common(), "{name}");
    }
}

#[test]
fn every_unit_of_time_becomes_microseconds_and_what_is_missing_its_default() {
    let rows = load::<OfParquet>(StaticFile::parquet(fixture("pyarrow-zstd.parquet"))).unwrap();
    let expected: Vec<_> = (0..6_i64)
        .map(|row| OfParquet {
            positive: [0, u32::MAX, 1, 2, 3, 4][row as usize],
            large: ["a", "b", "c", "d", "e", "f"][row as usize].to_owned(),
            fixed: b"ab".to_vec(),
            seconds: START + seconds(row),
            millis: START + seconds(row) + milliseconds(row),
            zoned: START + seconds(row),
            lasting: seconds(row),
            missing: String::new(),
            absent: None,
        })
        .collect();
    assert_eq!(rows, expected);
}
