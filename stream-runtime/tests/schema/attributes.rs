//! The attributes of `#[schema(…)]`: names, defaults, skipped fields, and formats of timestamps.

use stream_runtime::prelude::*;

use super::{cells, json, read, refusal};

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
