//! Rows as state keeps them: what is packed is unpacked, whatever the columns and the column set, and bytes that
//! are no row are told apart without a panic.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use stream_runtime::prelude::*;
use stream_runtime::schema::Arena;

#[derive(Clone, Debug, Default, PartialEq, Schema)]
struct Click {
    id: u64,
    page: String,
    at: Timestamp,
}

fn clicks() -> impl Strategy<Value = Click> {
    (any::<u64>(), ".{0,8}", timestamps()).prop_map(|(id, page, at)| Click { id, page, at })
}

fn timestamps() -> impl Strategy<Value = Timestamp> {
    any::<i64>().prop_map(Timestamp::from_micros)
}

fn windows() -> impl Strategy<Value = Window> {
    (timestamps(), timestamps()).prop_map(|(start, end)| Window { start, end })
}

/// Long enough for lengths of two bytes.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof![9 => ".{0,8}", 1 => ".{100,200}"]
}

fn lists<T: std::fmt::Debug>(elements: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<T>> {
    prop::collection::vec(elements, 0..20)
}

/// Defines a row, what its columns may hold, and what is left of it under a column set.
macro_rules! row {
    ($($column:ident: $type:ty, $values:expr;)*) => {
        #[derive(Clone, Debug, Default, PartialEq, Schema)]
        struct Everything {
            $($column: $type,)*
        }

        fn rows() -> impl Strategy<Value = Everything> {
            let rows = Just(Everything::default()).boxed();
            $(
                let rows = (rows, $values)
                    .prop_map(|(row, $column)| Everything { $column, ..row })
                    .boxed();
            )*
            rows
        }

        fn masked(row: &Everything, columns: u128) -> Everything {
            let mut masked = row.clone();
            let mut named = (0..128).map(|index| columns >> index & 1 == 1);
            $(
                if named.next() == Some(false) {
                    masked.$column = <$type>::default();
                }
            )*
            masked
        }
    };
}

row! {
    flag: bool, any::<bool>();
    i8: i8, any::<i8>();
    i16: i16, any::<i16>();
    i32: i32, any::<i32>();
    i64: i64, any::<i64>();
    i128: i128, any::<i128>();
    isize: isize, any::<isize>();
    u8: u8, any::<u8>();
    u16: u16, any::<u16>();
    u32: u32, any::<u32>();
    u64: u64, any::<u64>();
    u128: u128, any::<u128>();
    usize: usize, any::<usize>();
    f32: f32, prop::num::f32::ANY;
    f64: f64, prop::num::f64::ANY;
    text: String, texts();
    bytes: Vec<u8>, prop::collection::vec(any::<u8>(), 0..200);
    timestamp: Timestamp, timestamps();
    duration: Duration, any::<i64>().prop_map(Duration::from_micros);
    date: Date, any::<i32>().prop_map(Date::from_days);
    window: Window, windows();
    maybe: Option<u64>, any::<Option<u64>>();
    maybe_text: Option<String>, prop::option::of(texts());
    numbers: Vec<i64>, prop::collection::vec(any::<i64>(), 0..200);
    texts: Vec<String>, lists(texts());
    holes: Vec<Option<bool>>, lists(any::<Option<bool>>());
    blobs: Vec<Vec<u8>>, lists(prop::collection::vec(any::<u8>(), 0..5));
    grid: Option<Vec<Vec<f64>>>, prop::option::of(lists(lists(prop::num::f64::NORMAL)));
    click: Click, clicks();
    maybe_click: Option<Click>, prop::option::of(clicks());
    clicks: Vec<Click>, lists(clicks());
}

const ALL: u128 = u128::MAX;
const NONE: u128 = 0;
const ONE: u128 = Everything::__columns(&["text"]);
const SOME: u128 = Everything::__columns(&["i16", "f64", "bytes", "window", "maybe_text", "grid", "click"]);
const OTHERS: u128 = !SOME;

fn pack<R: Schema, const COLUMNS: u128>(row: &R) -> Vec<u8> {
    let mut packed = Vec::new();
    R::pack::<COLUMNS>(row.view(), &mut packed);
    packed
}

/// The row at the front of the bytes, and how many it takes.
fn unpack<R: Schema, const COLUMNS: u128>(bytes: &[u8]) -> Option<(R, usize)> {
    let arena = Arena::default();
    let mut rest = bytes;
    let view = R::unpack::<COLUMNS>(&mut rest, &arena)?;
    Some((R::from_view(view), bytes.len() - rest.len()))
}

/// Packs two rows behind one another and compares them, as text, with what is to come back: NaN equals NaN.
fn assert_unpacked<const COLUMNS: u128>(rows: &[Everything; 2]) -> Result<(), TestCaseError> {
    let arena = Arena::default();
    let packed = [pack::<_, COLUMNS>(&rows[0]), pack::<_, COLUMNS>(&rows[1])].concat();
    let mut bytes = packed.as_slice();
    for row in rows {
        let expected = masked(row, COLUMNS);
        let view = Everything::unpack::<COLUMNS>(&mut bytes, &arena);
        prop_assert_eq!(format!("{:?}", view), format!("{:?}", Some(expected.view())));
        let owned = view.map(Everything::from_view);
        prop_assert_eq!(format!("{:?}", owned), format!("{:?}", Some(expected)));
        // An unpacked view, whose lists are in the arena, packs to the same bytes: those of NaNs too.
        prop_assert_eq!(owned.map(|row| pack::<_, COLUMNS>(&row)), Some(pack::<_, COLUMNS>(row)));
    }
    prop_assert!(bytes.is_empty());
    Ok(())
}

/// Whatever comes back lies within the bytes.
fn assert_harmless<const COLUMNS: u128>(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Some((row, taken)) = unpack::<Everything, COLUMNS>(bytes) {
        prop_assert!(taken <= bytes.len());
        // It can't hold more than it was given.
        prop_assert!(pack::<_, COLUMNS>(&row).len() <= taken);
    }
    Ok(())
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 128,
        rng_seed: RngSeed::Fixed(20_260_102),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_column_comes_back_under_every_column_set(rows in [rows(), rows()]) {
        assert_unpacked::<ALL>(&rows)?;
        assert_unpacked::<NONE>(&rows)?;
        assert_unpacked::<ONE>(&rows)?;
        assert_unpacked::<SOME>(&rows)?;
        assert_unpacked::<OTHERS>(&rows)?;
    }

    #[test]
    fn a_row_that_is_cut_off_is_no_row(row in rows(), at in any::<prop::sample::Index>()) {
        let packed = pack::<_, ALL>(&row);
        prop_assert_eq!(unpack::<Everything, ALL>(&packed[..at.index(packed.len())]), None);
        let packed = pack::<_, SOME>(&row);
        prop_assert_eq!(unpack::<Everything, SOME>(&packed[..at.index(packed.len())]), None);
    }

    #[test]
    fn damaged_bytes_are_harmless(
        row in rows(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut packed = pack::<_, ALL>(&row);
        for (at, byte) in damage {
            *at.get_mut(&mut packed) = byte;
        }
        assert_harmless::<ALL>(&packed)?;
        // The bytes of another column set are as good as any.
        assert_harmless::<SOME>(&packed)?;
        assert_harmless::<OTHERS>(&packed)?;
    }

    #[test]
    fn any_bytes_are_harmless(
        bytes in prop::collection::vec(prop_oneof![2 => 0_u8..4, 1 => any::<u8>()], 0..1_000),
    ) {
        assert_harmless::<ALL>(&bytes)?;
        assert_harmless::<SOME>(&bytes)?;
        assert_harmless::<OTHERS>(&bytes)?;
        if let Some((tree, taken)) = unpack::<Tree, ALL>(&bytes) {
            prop_assert!(pack::<_, ALL>(&tree).len() <= taken);
        }
    }
}

#[test]
fn a_packed_row_is_as_large_as_its_columns() {
    let mut click = Click { id: 1, page: "/cart".into(), at: Timestamp::from_secs(1) };
    assert_eq!(pack::<_, ALL>(&click).len(), 8 + 1 + 5 + 8);
    assert_eq!(pack::<_, 0b101>(&click).len(), 8 + 8);
    assert_eq!(pack::<_, NONE>(&click), b"");
    click.page = "p".repeat(128);
    assert_eq!(pack::<_, ALL>(&click).len(), 8 + 2 + 128 + 8);
}

#[derive(Debug, PartialEq, Schema)]
struct Forms {
    flag: bool,
    short: i16,
    wide: usize,
    real: f32,
    text: String,
    date: Date,
    at: Timestamp,
    there: Option<u8>,
    not_there: Option<u8>,
    list: Vec<Option<u16>>,
    window: Window,
    click: Click,
}

#[test]
fn every_form_is_as_documented_since_checkpoints_hold_it() {
    let row = Forms {
        flag: true,
        short: -2,
        wide: 3,
        real: 1.0,
        text: "ü".into(),
        date: Date::from_days(-1),
        at: Timestamp::from_micros(0x0102),
        there: Some(7),
        not_there: None,
        list: vec![Some(9), None],
        window: Window { start: Timestamp::from_micros(1), end: Timestamp::from_micros(2) },
        click: Click { id: 4, page: "p".into(), at: Timestamp::from_micros(5) },
    };
    let packed = [
        b"\x01".as_slice(),
        b"\xfe\xff",
        b"\x03\0\0\0\0\0\0\0",
        b"\0\0\x80\x3f",
        b"\x02\xc3\xbc",
        b"\xff\xff\xff\xff",
        b"\x02\x01\0\0\0\0\0\0",
        b"\x01\x07",
        b"\0",
        b"\x02\x01\x09\0\0",
        b"\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0",
        b"\x04\0\0\0\0\0\0\0\x01p\x05\0\0\0\0\0\0\0",
    ]
    .concat();
    assert_eq!(pack::<_, ALL>(&row), packed);
    assert_eq!(unpack::<Forms, ALL>(&packed), Some((row, packed.len())));
}

#[test]
fn text_is_borrowed_from_the_packed_bytes() {
    let packed = pack::<_, ALL>(&Click { id: 1, page: "/cart".into(), at: Timestamp::UNIX_EPOCH });
    let arena = Arena::default();
    let view = Click::unpack::<ALL>(&mut packed.as_slice(), &arena).unwrap();
    assert!(packed.as_ptr_range().contains(&view.page.as_ptr()));
}

#[test]
fn bytes_that_are_not_utf_8_are_no_text_and_tags_are_zero_or_one() {
    const TEXT: u128 = Everything::__columns(&["text"]);
    const MAYBE: u128 = Everything::__columns(&["maybe"]);
    const FLAG: u128 = Everything::__columns(&["flag"]);
    assert_eq!(unpack::<Everything, TEXT>(b"\x01a").unwrap().0.text, "a");
    assert_eq!(unpack::<Everything, TEXT>(b"\x01\xff"), None);
    assert_eq!(unpack::<Everything, MAYBE>(b"\x01\x05\0\0\0\0\0\0\0").unwrap().0.maybe, Some(5));
    assert_eq!(unpack::<Everything, MAYBE>(b"\x02\x05\0\0\0\0\0\0\0"), None);
    assert_eq!(unpack::<Everything, FLAG>(b"\x02"), None);
}

#[derive(Debug, PartialEq, Schema)]
struct Tree {
    name: String,
    children: Vec<Self>,
}

#[test]
fn lists_nest_128_deep_and_deeper_bytes_do_not_overflow_the_stack() {
    // A row with one child, so many times; then a row without.
    let nested = |lists: usize| [b"\0\x01".repeat(lists - 1), b"\0\0".to_vec()].concat();
    let (_, taken) = unpack::<Tree, ALL>(&nested(128)).unwrap();
    assert_eq!(taken, 256);
    assert_eq!(unpack::<Tree, ALL>(&nested(129)), None);
    assert_eq!(unpack::<Tree, ALL>(&nested(1_000_000)), None);
    // The depth is that of one row: a damaged one leaves the arena as it was.
    let arena = Arena::default();
    assert!(Tree::unpack::<ALL>(&mut nested(129).as_slice(), &arena).is_none());
    let bytes = nested(128);
    assert!(Tree::unpack::<ALL>(&mut bytes.as_slice(), &arena).is_some());
}
