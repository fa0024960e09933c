//! `#[derive(Schema)]` as a service uses it.

use stream_runtime::prelude::*;
use stream_runtime::schema::{Arena, Field};

#[derive(Clone, Debug, PartialEq, Schema)]
struct Click {
    user_id: String,
    page: String,
    amount: Option<f64>,
    timestamp: Timestamp,
}

fn all<R: Schema>(line: &str) -> R {
    let arena = Arena::default();
    R::from_view(R::decode_json::<{ u128::MAX }>(line, &arena).unwrap())
}

#[test]
fn a_row_of_json_becomes_a_view_that_borrows_from_it() {
    let line = r#"{"user_id":"u1","page":"a\"b","amount":1.5,"timestamp":"1970-01-01T00:00:01Z"}"#;
    let click: Click = all(line);
    assert_eq!(click.page, "a\"b");
    assert_eq!(Click::FIELDS[2], Field { name: "amount", type_name: "Option<f64>", nullable: true });
    let mut out = Vec::new();
    click.encode_json(&mut out);
    assert_eq!(String::from_utf8(out).unwrap(), line.replace("01Z", "01.000Z"));
}
