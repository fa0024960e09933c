//! What is wrong with a line, said so that its writer finds the place, however hostile the line is.

use super::columns::{Everything, everything};
use super::{CLICK, Click, json, read, refusal};

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
