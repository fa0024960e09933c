//! The fast way through a line of JSON gives what the general one does, on every line.

use proptest::prelude::*;
use stream_runtime::__private::{decode_in_any_order, decode_line};
use stream_runtime::prelude::*;
use stream_runtime::schema::Arena;

#[derive(Clone, Debug, PartialEq, Schema)]
struct Event {
    user_id: String,
    amount: Option<f64>,
    narrow: f32,
    count: u8,
    total: i64,
    big: u64,
    wide: i128,
    flag: bool,
    ts: Timestamp,
    #[schema(timestamp = "millis")]
    millis: Option<Timestamp>,
    #[schema(default = "nowhere")]
    page: String,
    nested: Option<Place>,
    tags: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Schema)]
struct Place {
    city: String,
    zip: Option<u32>,
}

fn nowhere() -> String {
    "nowhere".to_owned()
}

/// Both results as text, so that NaN equals NaN.
fn both<const COLUMNS: u128>(line: &str) -> (String, String) {
    let arena = Arena::default();
    let show = |result: Result<EventView<'_>, stream_runtime::schema::RowError>| match result {
        Ok(view) => format!("{view:?}"),
        Err(error) => error.to_string(),
    };
    (
        show(decode_line::<Event, COLUMNS>(line, &arena)),
        show(decode_in_any_order::<Event, COLUMNS>(line, &arena)),
    )
}

fn assert_alike(line: &str) -> Result<(), TestCaseError> {
    const ALL: u128 = u128::MAX;
    const SOME: u128 = Event::__columns(&["amount", "count", "ts", "page", "nested"]);
    const OTHERS: u128 = !SOME;
    for (fast, general) in [both::<ALL>(line), both::<SOME>(line), both::<OTHERS>(line), both::<0>(line)] {
        prop_assert_eq!(fast, general, "{}", line);
    }
    Ok(())
}

const LINE: &str = concat!(
    r#"{"user_id":"u91","amount":113.6,"narrow":0.5,"count":7,"total":-12,"big":18446744073709551615,"wide":1,"#,
    r#""flag":true,"ts":"2025-12-31T23:59:03.306Z","millis":1767225543306,"page":"/p/130","#,
    r#""nested":{"city":"Köln","zip":50667},"tags":["a","b\n"]}"#
);

/// The same line as Python's `json` writes it.
fn spaced() -> String {
    LINE.replace("\":", "\": ").replace(",\"", ", \"")
}

#[test]
fn a_line_in_declared_order_is_read_without_the_general_reader() {
    use stream_runtime::__private::{RowFields, Scanner};
    for line in [LINE, &spaced()] {
        let arena = Arena::default();
        let mut scanner = Scanner::new(line, &arena);
        let view = Event::scan_object::<{ u128::MAX }>(&mut scanner).unwrap();
        assert!(scanner.is_at_end());
        assert_eq!(view.nested.unwrap().city, "Köln");
        assert_eq!(view, decode_in_any_order::<Event, { u128::MAX }>(line, &arena).unwrap());
    }
}

#[test]
fn columns_left_out_are_null_default_or_an_error_either_way() {
    for key in ["\"amount\":113.6,", "\"page\":\"/p/130\",", "\"count\":7,", "\"user_id\":\"u91\","] {
        assert!(LINE.contains(key));
        assert_alike(&LINE.replace(key, "")).unwrap();
    }
    assert_alike("{}").unwrap();
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        5 => "\"[a-z/0-9]{0,12}\"",
        1 => "\"(\\PC|\\\\n|\\\\u00e4|\\\\ud834\\\\udd1e|\\\\\"|[\u{0}-\u{20}\"\\\\]){0,10}\"",
        1 => Just("\"NaN\"".to_owned()),
        1 => Just("\"-Infinity\"".to_owned()),
    ]
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        "-?[0-9]{1,4}",
        "-?[0-9]{0,22}(\\.[0-9]{0,22})?([eE][+-]?[0-9]{0,3})?",
        any::<f64>().prop_map(|number| format!("{number:?}")),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<u64>().prop_map(|number| number.to_string()),
        "(255|256|-1|-0|0|4294967296|9007199254740993|1e400|0\\.1e-5)",
    ]
}

fn time() -> impl Strategy<Value = String> {
    prop_oneof![
        "\"20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9](\\.[0-9]{1,9})?(Z|\\+01:00)\"",
        "\"20[0-9]{2}-0[1-9]-[01][1-9]T[01][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|\\+01:00)\"",
        Just("\"2025-12-31T23:59:03.306\\u005a\"".to_owned()),
    ]
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        text(),
        number(),
        time(),
        "(true|false|null|tru|nul|\\[\\]|\\{\\}|\\[1,\\{\"a\":\\[null\\]\\}\\]|)",
        "\\{\"city\":\"[a-z]{0,3}\"(,\"zip\":[0-9]{1,5})?\\}",
        "\\[(\"[a-z]{0,3}\"(,\"[a-z]{0,3}\"){0,2})?\\]",
    ]
}

/// Values that the column takes, and now and then any.
fn fitting(column: &'static str) -> BoxedStrategy<String> {
    let integer = |range: std::ops::RangeInclusive<i64>| range.prop_map(|number| number.to_string()).boxed();
    let fits = match column {
        "user_id" | "page" => "\"([a-z/0-9ä]|\\\\n|\\\\u00e4|\\\\ud834\\\\udd1e|\\\\\"){0,12}\"".boxed(),
        "ts" => "\"20[0-9]{2}-0[1-9]-[01][1-9]T[01][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|\\+01:00)\""
            .boxed(),
        "flag" => "true|false".boxed(),
        "nested" => "null|\\{\"city\":\"[a-z]{0,3}\"(,\"zip\":[1-9][0-9]{0,4})?\\}".boxed(),
        "tags" => "\\[(\"[a-z]{0,3}\"(,\"[a-z]{0,3}\"){0,2})?\\]".boxed(),
        "count" => integer(0..=255),
        "millis" => integer(-4_102_444_800_000..=4_102_444_800_000),
        "big" => any::<u64>().prop_map(|number| number.to_string()).boxed(),
        "amount" | "narrow" => prop_oneof![
            "-?(0|[1-9][0-9]{0,18})(\\.[0-9]{1,18})?([eE][+-]?[0-9])?",
            any::<f32>()
                .prop_filter("JSON has no NaN", |number| number.is_finite())
                .prop_map(|number| format!("{number:?}")),
        ]
        .boxed(),
        _ => integer(i64::MIN..=i64::MAX),
    };
    prop_oneof![40 => fits, 1 => value()].boxed()
}

/// A line with all columns in order, some of which are left out, repeated or changed places.
fn line() -> impl Strategy<Value = String> {
    let names: Vec<&'static str> = Event::FIELDS.iter().map(|field| field.name).collect();
    let columns: Vec<_> = names.into_iter().map(|name| (Just(name), fitting(name))).collect();
    let spaces = prop_oneof![4 => Just(""), 1 => Just(" "), 1 => Just("  ")];
    let end = prop_oneof![20 => Just("}"), 1 => Just("} "), 1 => Just("}x"), 1 => Just(",}"), 1 => Just("")];
    let changes = proptest::collection::vec((0_usize..14, 0_usize..14, 0_u8..4), 0..3);
    let changes = prop_oneof![2 => Just(Vec::new()), 1 => changes];
    (columns, changes, spaces, end).prop_map(|(mut columns, changes, space, end)| {
        for (from, to, change) in changes {
            let (from, to) = (from % columns.len(), to % columns.len());
            match change {
                0 => columns.swap(from, to),
                1 => columns.insert(to, columns[from].clone()),
                2 => columns.insert(to, ("unknown", columns[from].1.clone())),
                _ => drop(columns.remove(from)),
            }
        }
        let cells: Vec<_> =
            columns.into_iter().map(|(name, value)| format!("\"{name}\":{space}{value}")).collect();
        format!("{{{}{end}", cells.join(&format!(",{space}")))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rows_of_every_kind_are_read_alike(line in line()) {
        assert_alike(&line)?;
    }

    #[test]
    fn a_damaged_line_is_read_alike(
        at in any::<prop::sample::Index>(),
        with in prop_oneof![any::<char>(), proptest::sample::select(vec!['"', '\\', '{', '}', ',', ':', '0', '.', 'e', ' '])],
        insert in any::<bool>(),
    ) {
        let mut line: Vec<char> = LINE.chars().collect();
        let at = at.index(line.len());
        if insert {
            line.insert(at, with);
        } else {
            line[at] = with;
        }
        assert_alike(&line.into_iter().collect::<String>())?;
    }
}
