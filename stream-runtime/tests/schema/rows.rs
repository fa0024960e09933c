//! A row as a whole: decoded into a view, written back, and reduced to the columns a query names.

use stream_runtime::prelude::*;
use stream_runtime::schema::{Arena, Field};

use super::{CLICK, Click, json, read, read_columns};

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
    let amount =
        Field { name: "amount", type_name: "Option<f64>", nullable: true, has_default: false, part: None };
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
