//! What goes into a table comes out of it, bit for bit: any row of columns of all types.

#![expect(clippy::option_option, reason = "it is a column type, too")]

use std::cell::RefCell;

use proptest::prelude::*;
use proptest::test_runner::{Config as Proptest, RngSeed, TestRunner};
use stream_runtime::mode::Mode;
use stream_runtime::prelude::*;
use stream_runtime::sink::{PostgresSink, Sink};
use stream_runtime::static_input::{StaticPostgres, StaticSource};

use super::database::{Database, batch, context};

#[derive(Schema, Clone, Debug, PartialEq)]
struct Inner {
    name: String,
    count: Option<u64>,
    tags: Vec<String>,
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Everything {
    at: i64,
    flag: bool,
    i8: i8,
    i16: i16,
    i32: i32,
    i128: i128,
    isize: isize,
    u8: u8,
    u16: u16,
    u32: u32,
    u64: u64,
    u128: u128,
    f32: f32,
    f64: f64,
    text: String,
    bytes: Vec<u8>,
    time: Timestamp,
    span: Duration,
    day: Date,
    window: Window,
    maybe_window: Option<Window>,
    #[schema(rename = "Maybe \"quoted\"")]
    maybe_text: Option<String>,
    maybe_number: Option<u64>,
    twice: Option<Option<i32>>,
    numbers: Vec<u64>,
    sparse: Vec<Option<f64>>,
    times: Option<Vec<Timestamp>>,
    inner: Inner,
    inners: Vec<Inner>,
    windows: Vec<Window>,
    nested: Vec<Vec<i16>>,
    maybe_inner: Option<Inner>,
}

/// Values of which many are at the ends of their type.
fn number<T: Arbitrary + Clone + std::fmt::Debug + 'static>(ends: [T; 2]) -> BoxedStrategy<T> {
    prop_oneof![3 => any::<T>(), 1 => prop::sample::select(Vec::from(ends))].boxed()
}

/// From 4713 BC to the end of our time, and both ends of it.
fn time() -> impl Strategy<Value = Timestamp> {
    let first = 946_684_800_000_000 - 211_813_488_000_000_000_i64;
    let last = 9_223_371_331_200_000_000_i64 - 1;
    prop_oneof![
        4 => (first..=last).prop_map(Timestamp::from_micros),
        1 => prop::sample::select(vec![first, last, -1, 0, i64::MIN, i64::MAX]).prop_map(Timestamp::from_micros),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[^\0]{0,12}", "[a-c\"',{}\\\\\\\\ \\t\\n\u{feff}é漢🦀]{0,6}"]
}

fn window() -> impl Strategy<Value = Window> {
    (time(), time()).prop_map(|(start, end)| Window { start, end })
}

/// Instants that JSON can spell.
fn spelled_window() -> impl Strategy<Value = Window> {
    let time = || (-60_000_000_000_000_000_i64..250_000_000_000_000_000).prop_map(Timestamp::from_micros);
    (time(), time()).prop_map(|(start, end)| Window { start, end })
}

fn inner() -> impl Strategy<Value = Inner> {
    (text(), prop::option::of(number([u64::MIN, u64::MAX])), prop::collection::vec(text(), 0..3))
        .prop_map(|(name, count, tags)| Inner { name, count, tags })
}

fn everything() -> impl Strategy<Value = Everything> {
    let float =
        || prop_oneof![any::<f64>(), prop::sample::select(vec![f64::NAN, f64::INFINITY, -0.0, f64::MIN])];
    let day = prop_oneof![-2_440_588_i32..=2_145_042_905, prop::sample::select(vec![i32::MIN, i32::MAX])];
    let signed = (
        any::<bool>(),
        number([i8::MIN, i8::MAX]),
        number([i16::MIN, i16::MAX]),
        number([i32::MIN, i32::MAX]),
        number([i128::MIN, i128::MAX]),
        number([isize::MIN, isize::MAX]),
    );
    let unsigned = (
        number([u8::MIN, u8::MAX]),
        number([u16::MIN, u16::MAX]),
        number([u32::MIN, u32::MAX]),
        number([u64::MIN, u64::MAX]),
        number([u128::MIN, u128::MAX]),
    );
    let scalars = (any::<f32>(), float(), text(), any::<Vec<u8>>(), time(), any::<i64>(), day, window());
    let nullable = (
        prop::option::of(window()),
        prop::option::of(text()),
        prop::option::of(number([u64::MIN, u64::MAX])),
        prop::option::of(any::<i32>()),
        prop::option::of(inner()),
    );
    let lists = (
        prop::collection::vec(number([u64::MIN, u64::MAX]), 0..4),
        prop::collection::vec(prop::option::of(float()), 0..4),
        prop::option::of(prop::collection::vec(time(), 0..3)),
        inner(),
        prop::collection::vec(inner(), 0..3),
        prop::collection::vec(spelled_window(), 0..3),
        prop::collection::vec(prop::collection::vec(any::<i16>(), 0..3), 0..3),
    );
    (signed, unsigned, scalars, nullable, lists).prop_map(|(signed, unsigned, scalars, nullable, lists)| {
        Everything {
            at: 0,
            flag: signed.0,
            i8: signed.1,
            i16: signed.2,
            i32: signed.3,
            i128: signed.4,
            isize: signed.5,
            u8: unsigned.0,
            u16: unsigned.1,
            u32: unsigned.2,
            u64: unsigned.3,
            u128: unsigned.4,
            f32: scalars.0,
            f64: scalars.1,
            text: scalars.2,
            bytes: scalars.3,
            time: scalars.4,
            span: Duration::from_micros(scalars.5),
            day: Date::from_days(scalars.6),
            window: scalars.7,
            maybe_window: nullable.0,
            maybe_text: nullable.1,
            maybe_number: nullable.2,
            // A null within a value can't be told from no value.
            twice: nullable.3.map(Some),
            maybe_inner: nullable.4,
            numbers: lists.0,
            sparse: lists.1,
            times: lists.2,
            inner: lists.3,
            inners: lists.4,
            windows: lists.5,
            nested: lists.6,
        }
    })
}

/// Bit for bit: a NaN is what it was.
fn packed(row: &Everything) -> Vec<u8> {
    let mut packed = Vec::new();
    Everything::pack::<{ u128::MAX }>(row.view(), &mut packed);
    packed
}

#[test]
fn rows_of_all_types_come_back_as_they_were() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let (database, sink, table) = runtime.block_on(async {
        let database = Database::new().await;
        let mut sink = PostgresSink::append(database.config(), "everything").create_table();
        Sink::<Everything>::open(&mut sink, context(Mode::Append)).await.expect("the table is created");
        let table = StaticPostgres::query(database.config(), "SELECT * FROM everything ORDER BY at");
        (database, sink, table)
    });
    let config =
        Proptest { cases: 40, failure_persistence: None, rng_seed: RngSeed::Fixed(5), ..Proptest::default() };
    let open = RefCell::new((sink, table, 0));
    let done = TestRunner::new(config).run(&prop::collection::vec(everything(), 1..40), |rows| {
        let numbered = rows.into_iter().zip(0..).map(|(row, at)| Everything { at, ..row });
        let rows: Vec<_> = numbered.collect();
        let (sink, table, id) = &mut *open.borrow_mut();
        let read: Vec<Everything> = runtime.block_on(async {
            database.run("TRUNCATE everything").await;
            sink.commit(batch(*id, Mode::Append, &rows)).await.expect("the batch is written");
            table.load().await.expect("the table is read")
        });
        *id += 1;
        prop_assert_eq!(read.len(), rows.len());
        for (read, row) in read.iter().zip(&rows) {
            prop_assert!(packed(read) == packed(row), "{read:?}\nwas {row:?}");
        }
        Ok(())
    });
    done.expect("every row comes back");
}
