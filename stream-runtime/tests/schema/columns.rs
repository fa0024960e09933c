//! Every column type: the form it's written in, and that it's read back as it was.

use stream_runtime::prelude::*;
use stream_runtime::schema::Arena;

use super::{Click, cells, json, read, refusal};

#[derive(Clone, Debug, PartialEq, Schema)]
pub(super) struct Everything {
    flag: bool,
    i8: i8,
    i16: i16,
    i32: i32,
    i64: i64,
    i128: i128,
    isize: isize,
    u8: u8,
    u16: u16,
    u32: u32,
    u64: u64,
    u128: u128,
    usize: usize,
    f32: f32,
    f64: f64,
    text: String,
    bytes: Vec<u8>,
    timestamp: Timestamp,
    duration: Duration,
    date: Date,
    window: Window,
    maybe: Option<u64>,
    maybe_text: Option<String>,
    numbers: Vec<i64>,
    texts: Vec<String>,
    holes: Vec<Option<bool>>,
    blobs: Vec<Vec<u8>>,
    grid: Option<Vec<Vec<f64>>>,
    click: Click,
    maybe_click: Option<Click>,
    clicks: Vec<Click>,
}

pub(super) fn everything() -> Everything {
    let click = Click {
        user_id: "ü".into(),
        page: "line\nend".into(),
        amount: None,
        timestamp: Timestamp::from_micros(-1),
    };
    Everything {
        flag: true,
        i8: i8::MIN,
        i16: i16::MIN,
        i32: i32::MIN,
        i64: i64::MIN,
        i128: i128::MIN,
        isize: isize::MIN,
        u8: u8::MAX,
        u16: u16::MAX,
        u32: u32::MAX,
        u64: u64::MAX,
        u128: u128::MAX,
        usize: usize::MAX,
        f32: 0.1,
        f64: f64::MAX,
        text: "\u{1}\"\\/ 𝄞".into(),
        bytes: vec![0, 255, 7],
        timestamp: Timestamp::from_micros(1_767_225_600_123_456),
        duration: minutes(5),
        date: Date::from_days(-1),
        window: Window { start: Timestamp::UNIX_EPOCH, end: Timestamp::from_secs(600) },
        maybe: Some(0),
        maybe_text: None,
        numbers: vec![1, -2],
        texts: vec![String::new(), "x".into()],
        holes: vec![None, Some(false)],
        blobs: vec![vec![], vec![1]],
        grid: Some(vec![vec![], vec![0.5]]),
        click: click.clone(),
        maybe_click: None,
        clicks: vec![Click { amount: Some(-0.0), ..click }],
    }
}

#[test]
fn every_column_type_is_written_in_its_form() {
    let expected = concat!(
        r#"{"flag":true,"i8":-128,"i16":-32768,"i32":-2147483648,"i64":-9223372036854775808,"#,
        r#""i128":-170141183460469231731687303715884105728,"isize":-9223372036854775808,"#,
        r#""u8":255,"u16":65535,"u32":4294967295,"u64":18446744073709551615,"#,
        r#""u128":340282366920938463463374607431768211455,"usize":18446744073709551615,"#,
        r#""f32":0.1,"f64":1.7976931348623157e+308,"text":"\u0001\"\\/ 𝄞","bytes":"AP8H","#,
        r#""timestamp":"2026-01-01T00:00:00.123456Z","duration":"PT5M","date":"1969-12-31","#,
        r#""window":{"start":"1970-01-01T00:00:00.000Z","end":"1970-01-01T00:10:00.000Z"},"maybe":0,"#,
        r#""numbers":[1,-2],"texts":["","x"],"holes":[null,false],"blobs":["","AQ=="],"grid":[[],[0.5]],"#,
        r#""click":{"user_id":"ü","page":"line\nend","timestamp":"1969-12-31T23:59:59.999999Z"},"#,
        r#""clicks":[{"user_id":"ü","page":"line\nend","amount":-0.0,"timestamp":"1969-12-31T23:59:59.999999Z"}]}"#,
    );
    assert_eq!(json(&everything()), expected);
    assert_eq!(read::<Everything>(expected), everything());
}

#[test]
fn a_decoded_view_and_a_borrowed_row_are_equal() {
    let row = everything();
    let line = json(&row);
    let arena = Arena::default();
    let view = Everything::decode_json::<{ u128::MAX }>(&line, &arena).unwrap();
    assert!(view == row.view());
    assert_eq!(view.clicks.get(0).unwrap().user_id, "ü");
    assert_eq!(view.texts.iter().collect::<Vec<_>>(), ["", "x"]);
    assert_eq!(format!("{view:?}"), format!("{:?}", row.view()));
}

#[test]
fn cells_hold_lists_and_structs_as_json_and_nothing_for_null() {
    let cells = cells(&everything());
    let by_name = |name| {
        let index = Everything::FIELDS.iter().position(|field| field.name == name).unwrap();
        cells[index].as_deref()
    };
    assert_eq!(by_name("duration"), Some("PT5M"));
    assert_eq!(by_name("window"), Some("[1970-01-01T00:00:00.000Z, 1970-01-01T00:10:00.000Z)"));
    assert_eq!(by_name("maybe_text"), None);
    assert_eq!(by_name("bytes"), Some("AP8H"));
    assert_eq!(by_name("holes"), Some("[null,false]"));
    assert_eq!(
        by_name("click"),
        Some(r#"{"user_id":"ü","page":"line\nend","timestamp":"1969-12-31T23:59:59.999999Z"}"#)
    );
}

#[derive(Debug, PartialEq, Schema)]
struct Floats {
    narrow: f32,
    wide: f64,
}

#[test]
fn numbers_that_are_not_finite_are_named_as_spark_does() {
    let line = r#"{"narrow":"-Infinity","wide":"Infinity"}"#;
    let floats: Floats = read(line);
    assert_eq!(floats, Floats { narrow: f32::NEG_INFINITY, wide: f64::INFINITY });
    assert_eq!(json(&floats), line);
    assert!(read::<Floats>(r#"{"narrow":"NaN","wide":1}"#).narrow.is_nan());
    assert!(refusal::<Floats>(r#"{"narrow":1e39,"wide":0}"#).contains("column `narrow`"));
    assert!(refusal::<Floats>(r#"{"narrow":0,"wide":1e999}"#).contains("number out of range"));
    assert!(refusal::<Floats>(r#"{"narrow":0,"wide":"inf"}"#).contains("expected a number (`f64`)"));
}
