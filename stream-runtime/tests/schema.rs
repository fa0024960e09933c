//! `#[derive(Schema)]` as a service uses it: every column type, every attribute, every shape of struct.

use stream_runtime::format::TextRow;
use stream_runtime::prelude::*;
use stream_runtime::schema::{Arena, Field, IntoColumn};

/// Decodes a line of JSON into an owned row.
fn read<R: Schema>(line: &str) -> R {
    read_columns::<R, { u128::MAX }>(line)
}

fn read_columns<R: Schema, const COLUMNS: u128>(line: &str) -> R {
    let arena = Arena::default();
    match R::decode_json::<COLUMNS>(line, &arena) {
        Ok(view) => R::from_view(view),
        Err(error) => panic!("{line}: {error}"),
    }
}

/// What is wrong with a line of JSON.
fn refusal<R: Schema>(line: &str) -> String {
    let arena = Arena::default();
    match R::decode_json::<{ u128::MAX }>(line, &arena) {
        Ok(_) => panic!("{line} was accepted"),
        Err(error) => error.to_string(),
    }
}

fn json(row: &impl Schema) -> String {
    let mut out = Vec::new();
    row.encode_json(&mut out);
    String::from_utf8(out).unwrap()
}

fn cells(row: &impl Schema) -> Vec<Option<String>> {
    let mut text = TextRow::default();
    row.encode_text(&mut text);
    text.cells
}

#[derive(Clone, Debug, PartialEq, Schema)]
struct Click {
    user_id: String,
    page: String,
    amount: Option<f64>,
    timestamp: Timestamp,
}

const CLICK: &str = r#"{"user_id":"u1","page":"a\"b","amount":1.5,"timestamp":"1970-01-01T00:00:01Z"}"#;

#[test]
fn a_row_is_read_into_a_view_and_written_back() {
    let click: Click = read(CLICK);
    let second = Timestamp::from_secs(1);
    let expected = Click { user_id: "u1".into(), page: "a\"b".into(), amount: Some(1.5), timestamp: second };
    assert_eq!(click, expected);
    assert_eq!(json(&click), CLICK.replace("01Z", "01.000Z"));
    assert_eq!(click.view().page, "a\"b");
}

#[test]
fn text_without_escapes_is_borrowed_from_the_line() {
    let arena = Arena::default();
    let view = Click::decode_json::<{ u128::MAX }>(CLICK, &arena).unwrap();
    let line = CLICK.as_bytes().as_ptr_range();
    assert!(line.contains(&view.user_id.as_ptr()));
    assert!(!line.contains(&view.page.as_ptr()));
}

#[test]
fn the_field_table_has_external_names_and_types_as_written() {
    assert_eq!(Click::NAME, "Click");
    let amount = Field { name: "amount", type_name: "Option<f64>", nullable: true, has_default: false };
    assert_eq!(Click::FIELDS[2], amount);
}

#[test]
fn a_column_that_is_not_named_is_not_even_looked_at() {
    const PAGE: u128 = Click::__columns(&["page", "no_such_column"]);
    assert_eq!(PAGE, 0b10);
    let click: Click = read_columns::<_, PAGE>(r#"{"user_id":[{}],"page":"p","amount":"x","timestamp":{}}"#);
    assert_eq!(click.page, "p");
    assert_eq!((click.user_id.as_str(), click.amount, click.timestamp), ("", None, Timestamp::UNIX_EPOCH));
    // Nor need it be there.
    assert_eq!(read_columns::<Click, PAGE>(r#"{"page":"q"}"#).page, "q");
}

#[test]
fn unknown_keys_are_skipped_and_the_last_of_two_keys_wins() {
    let line = r#"{"x":{"page":[1,{"y":null}]},"page":"first","user_id":"u","page":"last","timestamp":"1970-01-01T00:00:00Z"}"#;
    assert_eq!(read::<Click>(line).page, "last");
}

#[derive(Clone, Debug, PartialEq, Schema)]
struct Everything {
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

fn everything() -> Everything {
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

#[derive(Debug, PartialEq, Schema)]
#[schema(rename_all = "camelCase")]
struct Renamed {
    user_id: String,
    #[schema(rename = "Seite \"1\"")]
    page: String,
    r#type: u8,
}

#[test]
fn columns_go_by_their_external_names_and_sets_by_their_rust_names() {
    let line = r#"{"userId":"u","Seite \"1\"":"p","type":7}"#;
    let row: Renamed = read(line);
    assert_eq!(row, Renamed { user_id: "u".into(), page: "p".into(), r#type: 7 });
    assert_eq!(json(&row), line);
    let names: Vec<_> = Renamed::FIELDS.iter().map(|field| field.name).collect();
    assert_eq!(names, ["userId", "Seite \"1\"", "type"]);
    assert_eq!(Renamed::__columns(&["user_id", "userId", "r#type"]), 0b101);
    assert_eq!(row.view().r#type, 7);
}

#[derive(Debug, PartialEq, Schema)]
struct Defaults {
    id: u64,
    #[schema(default)]
    count: u64,
    #[schema(default = "unknown::page")]
    page: String,
    #[schema(default = "unknown::tags")]
    tags: Vec<String>,
    #[schema(default = "unknown::note")]
    note: Option<String>,
    #[schema(skip)]
    cache: std::collections::BTreeMap<u8, char>,
    #[schema(skip, default = "unknown::page")]
    label: String,
}

mod unknown {
    pub(super) fn page() -> String {
        "unknown".to_owned()
    }
    pub(super) fn tags() -> Vec<String> {
        vec![page()]
    }
    #[allow(clippy::unnecessary_wraps, reason = "a default has the column's type")]
    pub(super) fn note() -> Option<String> {
        Some("none given".to_owned())
    }
}

#[test]
fn a_missing_value_has_its_default_and_a_null_is_not_missing() {
    let row: Defaults = read(r#"{"id":1}"#);
    let expected = Defaults {
        id: 1,
        count: 0,
        page: "unknown".into(),
        tags: vec!["unknown".into()],
        note: Some("none given".into()),
        cache: std::collections::BTreeMap::new(),
        label: "unknown".into(),
    };
    assert_eq!(row, expected);
    assert_eq!(read::<Defaults>(r#"{"id":1,"note":null}"#).note, None);
    assert!(refusal::<Defaults>(r#"{"id":1,"page":null}"#).contains("column `page`"));
    assert_eq!(json(&row), r#"{"id":1,"count":0,"page":"unknown","tags":["unknown"],"note":"none given"}"#);
    assert_eq!(Defaults::FIELDS.len(), 5);
    assert!(Defaults::FIELDS[1].has_default && !Defaults::FIELDS[0].has_default);
}

#[derive(Debug, PartialEq, Schema)]
struct Clocks {
    #[schema(timestamp = "rfc3339")]
    text: Timestamp,
    #[schema(timestamp = "seconds")]
    seconds: Timestamp,
    #[schema(timestamp = "millis")]
    millis: Option<Timestamp>,
    #[schema(timestamp = "micros")]
    micros: Vec<Timestamp>,
    #[schema(timestamp = "millis")]
    window: Window,
}

#[test]
fn timestamps_are_read_and_written_in_the_columns_format() {
    let line = concat!(
        r#"{"text":"1970-01-01T00:00:00.000Z","seconds":-1.5,"millis":1767225600123.456,"#,
        r#""micros":[-1,0],"window":{"start":0,"end":600000}}"#
    );
    let row: Clocks = read(line);
    assert_eq!(row.seconds.as_micros(), -1_500_000);
    assert_eq!(row.millis.map(Timestamp::as_micros), Some(1_767_225_600_123_456));
    assert_eq!(row.window.end, Timestamp::from_secs(600));
    assert_eq!(json(&row), line);
    let texts = cells(&row);
    assert_eq!(texts[1].as_deref(), Some("-1.5"));
    assert_eq!(texts[4].as_deref(), Some("[0, 600000)"));
    let error = refusal::<Clocks>(&line.replace("-1.5", "9223372036854775807"));
    assert!(error.contains("column `seconds`") && error.contains("number of seconds"), "{error}");
    let error = refusal::<Clocks>(&line.replace("-1.5", "\"1970-01-01T00:00:00Z\""));
    assert!(error.contains("expected a number of seconds since the epoch"), "{error}");
}

#[derive(Debug, PartialEq, Schema)]
struct Envelope<T, U = u8, const N: usize = 1>
where
    U: Clone,
{
    key: String,
    value: T,
    many: Vec<T>,
    #[schema(skip)]
    unused: std::marker::PhantomData<U>,
}

#[test]
fn a_generic_struct_is_a_row_for_every_column_type() {
    let line = r#"{"key":"k","value":{"page":"p"},"many":[]}"#;
    let row: Envelope<Inner> = read(line);
    assert_eq!(row.value.page, "p");
    assert_eq!(json(&row), line);
    let view = row.view();
    let copy = view;
    assert!(view == copy);
    assert!(format!("{copy:?}").starts_with("EnvelopeView { key: \"k\""));
    assert_eq!(Envelope::<u64>::__columns(&["value"]), 0b010);
    assert_eq!(Envelope::<Option<u64>>::FIELDS[1].type_name, "T");
}

#[derive(Debug, PartialEq, Schema)]
struct Inner {
    page: String,
}

#[derive(Debug, PartialEq, Schema)]
struct Tree {
    name: String,
    children: Vec<Self>,
}

#[test]
fn a_struct_may_hold_a_list_of_itself_as_deep_as_json_goes() {
    let line = r#"{"name":"root","children":[{"name":"leaf","children":[]}]}"#;
    let tree: Tree = read(line);
    assert_eq!(tree.children[0].name, "leaf");
    assert_eq!(json(&tree), line);
    let deep = r#"{"name":"","children":["#.repeat(100_000);
    assert!(refusal::<Tree>(&deep).contains("recursion limit"));
}

#[test]
fn a_view_fills_a_column_of_its_struct() {
    let inner = Inner { page: "p".into() };
    let filled: Inner = inner.view().into_column();
    assert_eq!(filled, inner);
    let filled: Option<Inner> = inner.view().into_column();
    assert_eq!(filled, Some(inner));
    let tags = vec!["a".to_owned()];
    let filled: Option<Vec<String>> = stream_runtime::schema::Column::view(&tags).into_column();
    assert_eq!(filled, Some(tags));
}

/// Everything that generated code could mean by an unqualified name is something else here.
mod hostile {
    #![allow(dead_code, non_camel_case_types)]

    pub(super) struct Option;
    pub(super) struct Result;
    pub(super) struct Vec;
    pub(super) struct Default;
    pub(super) struct Schema;
    pub(super) struct Column;
    pub(super) struct str;
    pub(super) struct u8;
    pub(super) struct u128;
    pub(super) struct usize;
    pub(super) struct bool;
    pub(super) mod core {}
    pub(super) mod std {}
    pub(super) mod stream_runtime {}
    pub(super) mod __private {}
    pub(super) fn drop() {}
    #[allow(non_snake_case)]
    pub(super) fn Some() {}
    #[allow(non_snake_case)]
    pub(super) fn Ok() {}
    #[allow(non_upper_case_globals)]
    pub(super) const None: () = ();

    /// A column of the service's own, under the name of a standard one.
    #[derive(::stream_runtime::Schema)]
    pub(super) struct String {
        pub(super) inner: ::std::string::String,
    }

    #[derive(::stream_runtime::Schema)]
    pub(super) struct Row<A, D> {
        pub(super) text: String,
        pub(super) map: A,
        #[schema(default)]
        pub(super) object: ::core::option::Option<D>,
        pub(super) arena: ::core::primitive::u8,
        pub(super) out: ::core::primitive::u8,
        pub(super) view: ::core::primitive::u8,
        pub(super) cells: ::core::primitive::u8,
        #[schema(default = "column")]
        pub(super) column: ::core::primitive::u8,
    }

    fn column() -> ::core::primitive::u8 {
        9
    }
}

#[test]
fn generated_code_survives_a_hostile_scope() {
    let line = r#"{"text":{"inner":"x"},"map":1,"arena":2,"out":3,"view":4,"cells":5}"#;
    let row: hostile::Row<u64, i64> = read(line);
    assert_eq!((row.text.inner.as_str(), row.map, row.arena, row.column), ("x", 1, 2, 9));
    assert_eq!(json(&row), line.replace(":5}", ":5,\"column\":9}"));
}

#[test]
fn an_error_names_the_column_what_was_expected_what_was_found_and_where() {
    let ok = r#"{"user_id":"u","page":"p","amount":1,"timestamp":"1970-01-01T00:00:00Z"}"#;
    read::<Click>(ok);
    let cases = [
        (
            ok.replace("\"u\"", "7"),
            "column `user_id`: invalid type: integer `7`, expected text (byte 12 of the row)",
        ),
        (
            ok.replace("\"u\"", "null"),
            "column `user_id`: invalid type: null, expected text (byte 15 of the row)",
        ),
        (
            ok.replace(":1,", ":\"1\","),
            "column `amount`: invalid type: string \"1\", expected a number (`f64`) (byte 38 of the row)",
        ),
        (
            ok.replace("1970-", "1970"),
            "column `timestamp`: invalid value: string \"197001-01T00:00:00Z\", expected an RFC 3339 timestamp such as `2026-01-01T00:00:00Z` (byte 70 of the row)",
        ),
        (ok.replace("\"user_id\":\"u\",", ""), "column `user_id` is missing (byte 58 of the row)"),
        (ok[..20].to_owned(), "EOF while parsing a string (byte 20 of the row)"),
        (format!("{ok}{ok}"), "trailing characters (byte 73 of the row)"),
        (
            "[]".to_owned(),
            "invalid type: sequence, expected an object with the columns of `Click` (byte 0 of the row)",
        ),
        (
            "7".to_owned(),
            "invalid type: integer `7`, expected an object with the columns of `Click` (byte 1 of the row)",
        ),
    ];
    for (line, expected) in cases {
        assert_eq!(refusal::<Click>(&line), expected, "{line}");
    }
}

#[test]
fn nested_errors_name_the_way_to_the_column() {
    let error = refusal::<Envelope<Inner>>(r#"{"key":"","value":{"page":[]},"many":[]}"#);
    assert!(error.starts_with("column `value`: column `page`: invalid type: sequence"), "{error}");
}

#[test]
fn integers_out_of_range_and_fractions_are_refused() {
    let line = json(&everything());
    for (from, to, column) in [
        ("\"u8\":255", "\"u8\":256", "u8"),
        ("\"u8\":255", "\"u8\":-1", "u8"),
        ("\"u8\":255", "\"u8\":1.0", "u8"),
        ("\"i64\":-9223372036854775808", "\"i64\":9223372036854775808", "i64"),
        ("\"u64\":18446744073709551615", "\"u64\":18446744073709551616", "u64"),
        ("\"u128\":3", "\"u128\":93", "u128"),
        ("\"duration\":\"PT5M\"", "\"duration\":\"soon\"", "duration"),
        ("\"duration\":\"PT5M\"", "\"duration\":9223372036854775808", "duration"),
        ("\"date\":\"1969-12-31\"", "\"date\":\"1969-13-31\"", "date"),
        ("\"bytes\":\"AP8H\"", "\"bytes\":\"AP8\"", "bytes"),
        ("\"flag\":true", "\"flag\":1", "flag"),
        ("\"numbers\":[1,-2]", "\"numbers\":[1,\"-2\"]", "numbers"),
    ] {
        assert!(line.contains(from), "{from}");
        let error = refusal::<Everything>(&line.replace(from, to));
        assert!(error.contains(&format!("column `{column}`")), "{error}");
    }
}

#[test]
fn a_message_about_a_long_value_is_short() {
    let line = CLICK.replace("1970", &"9".repeat(1_000_000));
    let error = refusal::<Click>(&line);
    assert!(error.len() < 500, "{} bytes", error.len());
    assert!(error.contains("column `timestamp`") && error.contains("expected an RFC 3339"), "{error}");
}

#[test]
fn hostile_nesting_is_an_error_whether_the_column_is_read_or_skipped() {
    let deep = "[".repeat(1_000_000);
    assert!(refusal::<Click>(&format!("{{\"x\":{deep}")).contains("EOF"));
    let grid = json(&everything()).replace("[[],[0.5]]", &deep);
    let error = refusal::<Everything>(&grid);
    assert!(error.contains("column `grid`"), "{error}");
}
