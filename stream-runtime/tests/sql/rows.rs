//! Rows of every type of a column, their nulls and their extremes: what is selected is what is in the table.

use arrow_array::Array as _;
use arrow_array::RecordBatch;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use stream_runtime::plan::Mode;
use stream_runtime::sink::{Sink, SinkBatch};

use super::value_support::{double, many, micros, some, text, time, window};
use super::*;

#[derive(Clone, Debug, PartialEq, Schema)]
struct Point {
    at: Timestamp,
    label: Option<String>,
    weights: Vec<f64>,
    mass: u128,
}

#[derive(Clone, Debug, PartialEq, Schema)]
struct Everything {
    key: u64,
    yes: bool,
    maybe: Option<bool>,
    tiny: i8,
    small: i16,
    medium: i32,
    large: i64,
    own: isize,
    byte: u8,
    short: u16,
    word: u32,
    long: Option<u64>,
    size: usize,
    wide: i128,
    wider: u128,
    widest: Option<i128>,
    #[schema(rename = "naïve Name")]
    single: f32,
    double: Option<f64>,
    text: String,
    note: Option<String>,
    bytes: Vec<u8>,
    time: Timestamp,
    span: Option<Duration>,
    day: Date,
    window: Window,
    session: Option<Window>,
    tags: Vec<String>,
    lists: Option<Vec<Option<Vec<i64>>>>,
    wides: Vec<u128>,
    point: Option<Point>,
    points: Vec<Point>,
    windows: Vec<Option<Window>>,
}

fn signed() -> impl Strategy<Value = i128> {
    prop_oneof![Just(i128::MIN), Just(i128::MAX), Just(-1), -5_i128..5, any::<i128>()]
}

fn unsigned() -> impl Strategy<Value = u128> {
    prop_oneof![Just(u128::MAX), Just(1 << 127), Just((1 << 127) - 1), Just(0), any::<u128>()]
}

fn point() -> impl Strategy<Value = Point> {
    (time(), some(text()), many(double()), unsigned()).prop_map(|(at, label, weights, mass)| Point {
        at,
        label,
        weights,
        mass,
    })
}

fn row() -> impl Strategy<Value = Everything> {
    let numbers = (
        any::<(bool, Option<bool>, i8, i16, i32, i64, isize)>(),
        any::<(u8, u16, u32, Option<u64>, usize)>(),
        (signed(), unsigned(), some(signed()), many(unsigned())),
    );
    let floats = (any::<i32>().prop_map(|number| number as f32), some(double()));
    let texts = (text(), some(text()), many(any::<u8>()));
    let times =
        (time(), some(micros().prop_map(Duration::from_micros)), any::<i32>().prop_map(Date::from_days));
    let nested = (
        many(text()),
        some(many(some(many(any::<i64>())))),
        some(point()),
        many(point()),
        many(some(window())),
    );
    (numbers, floats, texts, times, (window(), some(window())), nested).prop_map(
        |(
            (
                (yes, maybe, tiny, small, medium, large, own),
                (byte, short, word, long, size),
                (wide, wider, widest, wides),
            ),
            (single, double),
            (text, note, bytes),
            (time, span, day),
            (window, session),
            (tags, lists, point, points, windows),
        )| Everything {
            key: 0,
            yes,
            maybe,
            tiny,
            small,
            medium,
            large,
            own,
            byte,
            short,
            word,
            long,
            size,
            wide,
            wider,
            widest,
            single,
            double,
            text,
            note,
            bytes,
            time,
            span,
            day,
            window,
            session,
            tags,
            lists,
            wides,
            point,
            points,
            windows,
        },
    )
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 48,
        rng_seed: RngSeed::Fixed(20_261_130),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn columns_of(batches: &[RecordBatch], names: &[&str]) -> Vec<arrow_array::ArrayRef> {
    let column = |name: &&str| {
        let arrays =
            batches.iter().map(|batch| batch.column_by_name(name).unwrap().slice(0, batch.num_rows()));
        arrays.collect::<Vec<_>>()
    };
    names.iter().flat_map(column).collect()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_row_is_read_back_as_it_was(
        mut rows in prop::collection::vec(row(), 0..20),
        order in Just(Everything::FIELDS.iter().map(|field| field.name).collect::<Vec<_>>()).prop_shuffle(),
        named in 1..10_usize,
    ) {
        (0..).zip(&mut rows).for_each(|(key, row)| row.key = key);
        let (table, mut sink) = TableSink::by(|row: &Everything| row.key);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let result = SinkBatch { id: 0, mode: Mode::Complete, rows: &rows, removed: &[], watermark: None };
            sink.restore(result).await.unwrap();
            let sql = SqlSession::new().table("t", &table).unwrap();

            let all = sql.query("SELECT * FROM t ORDER BY key").await.unwrap();
            assert_eq!(all.rows::<Everything>().unwrap(), rows);

            let named = &order[..named];
            let quoted: Vec<_> = named.iter().map(|name| format!("\"{name}\"")).collect();
            let some = sql.query(&format!("SELECT {} FROM t ORDER BY key", quoted.join(", "))).await.unwrap();
            let names: Vec<_> = some.schema().fields().iter().map(|field| field.name().as_str()).collect();
            assert_eq!(names, named);
            let (found, wanted) = (columns_of(some.batches(), named), columns_of(all.batches(), named));
            assert!(found == wanted, "{found:?} {wanted:?}");
        });
    }

    #[test]
    fn integers_of_128_bits_are_compared_and_summed_exactly(
        numbers in prop::collection::vec((signed(), unsigned()), 1..30),
        bound in signed(),
    ) {
        #[derive(Clone, Debug, PartialEq, Schema)]
        struct Wide {
            signed: i128,
            unsigned: u128,
        }

        #[derive(Debug, PartialEq, Schema)]
        struct Summary {
            rows: u64,
            least: Option<i128>,
            most: Option<u128>,
            halves: Option<i128>,
        }

        let (results, mut sink) = MemorySink::new();
        let rows: Vec<_> = numbers.iter().map(|&(signed, unsigned)| Wide { signed, unsigned }).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let batch = SinkBatch { id: 0, mode: Mode::Append, rows: &rows, removed: &[], watermark: None };
            sink.commit(batch).await.unwrap();
            sink.committed(0);
            let sql = SqlSession::new().table("wide", &results).unwrap();
            let statement = format!(
                "SELECT count(*) AS rows, min(signed) AS least, max(unsigned) AS most, \
                 sum(CASE WHEN signed > 0 THEN 1 ELSE -1 END) AS halves \
                 FROM wide WHERE signed >= CAST('{bound}' AS DECIMAL(39, 0))"
            );
            let kept = || rows.iter().filter(|row| row.signed >= bound);
            let summary = Summary {
                rows: kept().count() as u64,
                least: kept().map(|row| row.signed).min(),
                most: kept().map(|row| row.unsigned).max(),
                halves: kept().map(|row| if row.signed > 0 { 1 } else { -1 }).reduce(|sum, one| sum + one),
            };
            assert_eq!(sql.query(&statement).await.unwrap().rows::<Summary>().unwrap(), [summary], "{statement}");
        });
    }
}

#[tokio::test]
async fn a_sum_that_128_bits_hold_is_exact_and_one_that_they_do_not_is_an_error() {
    #[derive(Clone, Debug, PartialEq, Schema)]
    struct Wide {
        n: u128,
    }

    let (results, mut sink) = MemorySink::new();
    let sql = SqlSession::new().table("wide", &results).unwrap();
    let steps = [(u128::MAX - 7, Some(u128::MAX - 7)), (7, Some(u128::MAX)), (1, None)];
    for (id, (n, sum)) in (0..).zip(steps) {
        let batch = SinkBatch { id, mode: Mode::Append, rows: &[Wide { n }], removed: &[], watermark: None };
        sink.commit(batch).await.unwrap();
        sink.committed(id);
        let summed = sql.query("SELECT sum(n) AS n FROM wide").await.unwrap().rows::<Wide>();
        match sum {
            Some(n) => assert_eq!(summed.unwrap(), [Wide { n }]),
            None => {
                let text = summed.unwrap_err().to_string();
                assert!(text.contains("a number of more than 128 bits"), "{text}");
            }
        }
    }
}

#[tokio::test]
async fn parts_of_what_may_be_null_are_null() {
    #[derive(Clone, Debug, PartialEq, Schema)]
    struct Row {
        id: i64,
        session: Option<Window>,
    }

    #[derive(Debug, PartialEq, Schema)]
    struct Start {
        start: Option<Timestamp>,
    }

    let (results, mut sink) = MemorySink::new();
    let rows = [Row { id: 1, session: None }, Row { id: 2, session: Some(super::window(5)) }];
    let batch = SinkBatch { id: 0, mode: Mode::Append, rows: &rows, removed: &[], watermark: None };
    sink.commit(batch).await.unwrap();
    sink.committed(0);
    let sql = SqlSession::new().table("rows", &results).unwrap();
    let starts = sql.query("SELECT session.start AS start FROM rows ORDER BY id").await.unwrap();
    let wanted = [Start { start: None }, Start { start: Some(super::window(5).start) }];
    assert_eq!(starts.rows::<Start>().unwrap(), wanted);
}
