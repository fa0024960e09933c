//! Chunks of JSON lines and CSV on their way to rows, and rows on their way there and back.

use proptest::prelude::*;
use stream_runtime::format::TextRow;
use stream_runtime::format::csv::{CsvFormat, Layout, write_record};
use stream_runtime::plan::{
    Append, BatchContext, Emitted, Mode, Plan, PlanInfo, Reads, Rejects, RowsInfo, WorkerContext, from,
};
use stream_runtime::prelude::*;
use stream_runtime::schema::Arena;
use stream_runtime::source::{Chunk, OnMalformed, Position};

/// Every column.
const ALL: u128 = u128::MAX;

const INFO: PlanInfo = PlanInfo {
    query: "all",
    inputs: &[],
    queries: &[],
    statics: &[],
    from: RowsInfo::Inputs(&[0]),
    joins: &[],
    clauses: &[],
    operators: &[],
    select: "",
    selected: &[],
    having: None,
    order_by: None,
    limit: None,
    mode: Mode::Append,
};

/// Runs a chunk through the query that selects everything.
fn rows<R: Schema>(chunk: Chunk<'_, R>) -> stream_runtime::Result<Vec<R>> {
    rows_with(&OnMalformed::Fail, chunk)
}

fn rows_with<R: Schema>(policy: &OnMalformed, chunk: Chunk<'_, R>) -> stream_runtime::Result<Vec<R>> {
    let plan = from::<R, ALL>(&[0])
        .select::<R, _>(|view, _, emitter| emitter.emit(R::from_view(view)))
        .output::<Append>(INFO);
    let time = Timestamp::UNIX_EPOCH;
    let batch = BatchContext {
        batch: 0,
        late_micros: 0,
        evict_micros: 0,
        has_data: true,
        time,
        tells_removed: false,
    };
    let mut worker = plan.worker(WorkerContext { seed: 7, worker: 0, workers: 1 });
    plan.begin(&mut worker, &batch);
    plan.feed(&mut worker, 0, chunk, &mut Rejects::new(policy, time))?;
    let mut emitted = Emitted::default();
    plan.finish(&mut [&mut worker], 0, &batch, &mut emitted)?;
    Ok(emitted.rows)
}

fn at(line: u64, offset: u64) -> Position<'static> {
    Position { source: "in", line, offset, lines_before: None, message: None }
}

fn json<R: Schema>(bytes: &[u8]) -> stream_runtime::Result<Vec<R>> {
    rows(Chunk::Json { bytes, at: at(10, 1_000) })
}

fn csv<R: Schema>(layout: &Layout, records: &[u8]) -> stream_runtime::Result<Vec<R>> {
    rows(Chunk::Csv { bytes: records, layout, at: at(2, 100) })
}

/// Reads a whole file: a header, then records.
fn csv_file<R: Schema>(text: &str) -> stream_runtime::Result<Vec<R>> {
    let (header, records) = text.split_once('\n').unwrap();
    let layout = Layout::from_header::<R>(CsvFormat::default(), header.as_bytes()).unwrap();
    csv(&layout, records.as_bytes())
}

#[derive(Clone, Debug, PartialEq, Schema)]
struct Ad {
    page: String,
    campaign: Option<String>,
    clicks: Option<u64>,
}

fn ad(page: &str, campaign: Option<&str>, clicks: Option<u64>) -> Ad {
    Ad { page: page.to_owned(), campaign: campaign.map(str::to_owned), clicks }
}

#[test]
fn blank_lines_line_ends_and_a_missing_last_one_make_no_difference() {
    let lines = "\n{\"page\":\"a\"}\r\n\r\n  \n{\"page\":\"b\"}";
    assert_eq!(json::<Ad>(lines.as_bytes()).unwrap(), [ad("a", None, None), ad("b", None, None)]);
    let records = "\r\n\na,c,1\r\n\r\n\n\"b\",,\n\nc,,2";
    let expected = [ad("a", Some("c"), Some(1)), ad("b", None, None), ad("c", None, Some(2))];
    assert_eq!(csv_file::<Ad>(&format!("page,campaign,clicks\n{records}")).unwrap(), expected);
    assert!(json::<Ad>(b"").unwrap().is_empty());
    assert!(csv_file::<Ad>("page,campaign,clicks\n").unwrap().is_empty());
}

#[test]
fn a_byte_order_mark_at_the_start_of_a_file_is_no_content() {
    let bytes = b"\xef\xbb\xbf{\"page\":\"a\"}\n";
    let ads: Vec<Ad> = rows(Chunk::Json { bytes, at: at(1, 0) }).unwrap();
    assert_eq!(ads, [ad("a", None, None)]);
    assert_eq!(csv_file::<Ad>("\u{feff}page\na\n").unwrap(), [ad("a", None, None)]);
}

#[test]
fn a_bad_line_is_located_by_its_line_and_byte() {
    let error = json::<Ad>(b"{\"page\":\"a\"}\n\n{\"page\":7}\n").unwrap_err().to_string();
    assert!(error.contains("in:12 (byte 1014)") && error.contains("column `page`"), "{error}");
    let layout = Layout::positional::<Ad>(CsvFormat::default());
    let error = csv::<Ad>(&layout, b"\"a\n\na\",,\n\r\nb,c,-1\n").unwrap_err().to_string();
    assert!(error.contains("in:6 (byte 111)"), "{error}");
    assert!(error.contains("column `clicks`: `-1` is not a 64-bit integer without sign"), "{error}");
}

#[test]
fn a_dropped_row_takes_no_other_with_it() {
    let bytes = b"{\"page\":\"a\"}\n{\"page\n\xff\n[]\n{\"page\":\"b\"}\n{";
    let kept: Vec<Ad> = rows_with(&OnMalformed::Drop, Chunk::Json { bytes, at: at(1, 0) }).unwrap();
    assert_eq!(kept, [ad("a", None, None), ad("b", None, None)]);
    let layout = Layout::positional::<Ad>(CsvFormat::default());
    let chunk = Chunk::Csv { bytes: b"a,,\nb\nc,,x\n\xff,,\nd,,1\n\"e,,\n", layout: &layout, at: at(1, 0) };
    let kept: Vec<Ad> = rows_with(&OnMalformed::Drop, chunk).unwrap();
    assert_eq!(kept, [ad("a", None, None), ad("d", None, Some(1))]);
}

#[test]
fn a_message_without_lines_is_located_by_its_byte_alone() {
    let at = at(0, 7);
    let error = rows::<Ad>(Chunk::Json { bytes: b"{\"page\":\"a\"}\n{}", at }).unwrap_err().to_string();
    assert!(error.contains("in (byte 20)"), "{error}");
}

#[test]
fn bytes_that_are_no_text_spoil_their_own_line_only() {
    let error = json::<Ad>(b"{\"page\":\"\xc3\xa4\"}\n{\"page\":\"\xff\"}\n").unwrap_err().to_string();
    assert!(error.contains("in:11 (byte 1014)") && error.contains("isn't UTF-8"), "{error}");
    let layout = Layout::positional::<Ad>(CsvFormat::default());
    let error = csv::<Ad>(&layout, b"\xc3\xa4,,\n\xff,,\n").unwrap_err().to_string();
    assert!(error.contains("in:3 (byte 105)") && error.contains("isn't UTF-8"), "{error}");
}

#[test]
fn an_empty_cell_is_null_and_a_quoted_one_is_empty_text() {
    let rows = csv_file::<Ad>("page,campaign,clicks\n,,\n\"\",\"\",\"\"\n\"x,\"\"\",\"\",3\n").unwrap();
    assert_eq!(rows, [ad("", None, None), ad("", Some(""), None), ad("x,\"", Some(""), Some(3))]);
}

#[derive(Debug, PartialEq, Schema)]
struct Strict {
    #[schema(rename = "Id")]
    id: u64,
    #[schema(default = "seven")]
    count: u64,
    #[schema(default)]
    note: Option<String>,
}

fn seven() -> u64 {
    7
}

#[test]
fn columns_are_found_by_their_external_names_in_any_order() {
    let rows = csv_file::<Strict>("x,count,Id\n?,,1\n?,2,3\n").unwrap();
    assert_eq!(rows[0], Strict { id: 1, count: 7, note: None });
    assert_eq!(rows[1], Strict { id: 3, count: 2, note: None });
    let error = csv_file::<Strict>("Id\n\"\"\n").unwrap_err().to_string();
    assert!(error.contains("column `Id`: the cell is empty"), "{error}");
}

#[test]
fn a_header_without_a_needed_column_says_what_is_missing_and_what_is_there() {
    let format = CsvFormat::default();
    let refusal = |header: &str| Layout::from_header::<Strict>(format, header.as_bytes()).unwrap_err();
    assert_eq!(refusal("id,\"no te\""), "the header lacks `Id`; it has `id`, `no te`");
    assert_eq!(refusal("Id,Id"), "the header names column `Id` twice");
    assert_eq!(refusal(""), "the header is empty");
    let bytes = Layout::from_header::<Strict>(format, b"Id,\xff").unwrap_err();
    assert!(bytes.contains("isn't UTF-8"), "{bytes}");
}

#[test]
fn a_record_with_other_than_the_headers_cells_is_no_row() {
    let layout = Layout::positional::<Ad>(CsvFormat::default());
    for (record, cells) in [("a,b", 2), ("a,b,1,", 4), ("a", 1)] {
        let error = csv::<Ad>(&layout, record.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(&format!("{cells} cells instead of 3")), "{error}");
    }
}

#[test]
fn a_quote_that_is_never_closed_is_named_as_the_mistake() {
    let layout = Layout::positional::<Ad>(CsvFormat::default());
    let error = csv::<Ad>(&layout, b"a,\"b,1\nc,,\nd,,\n").unwrap_err().to_string();
    assert!(error.contains("in:2") && error.contains("a quoted cell isn't closed"), "{error}");
    assert_eq!(csv::<Ad>(&layout, b"a,,1").unwrap(), [ad("a", None, Some(1))]);
    assert_eq!(csv::<Ad>(&layout, b"a,\"b\n\",\n").unwrap(), [ad("a", Some("b\n"), None)]);
}

#[test]
fn delimiter_and_quote_are_the_formats_own() {
    let format = CsvFormat { delimiter: b'\t', quote: b'\'', header: false };
    let layout = Layout::positional::<Ad>(format);
    assert_eq!(layout.format(), format);
    let expected = [ad("a\"b", Some("it's\tthis"), None)];
    assert_eq!(csv::<Ad>(&layout, b"a\"b\t'it''s\tthis'\t\n").unwrap(), expected);
}

#[test]
fn records_longer_than_any_buffer_are_read() {
    let long = "x".repeat(1_000_000);
    let rows = csv_file::<Ad>(&format!("page,campaign,clicks\n{long},{long},1\n")).unwrap();
    assert_eq!(rows, [ad(&long, Some(&long), Some(1))]);
    let names: Vec<_> = (0..1_000).map(|index| format!("c{index}")).collect();
    let wide = format!("{},page\n{}a\n", names.join(","), ",".repeat(1_000));
    assert_eq!(csv_file::<Ad>(&wide).unwrap(), [ad("a", None, None)]);
}

/// Columns of every kind, with values of every kind.
#[derive(Clone, Debug, PartialEq, Schema)]
struct Mixed {
    text: String,
    maybe_text: Option<String>,
    bytes: Vec<u8>,
    flag: bool,
    small: i8,
    large: i64,
    positive: u64,
    huge: u128,
    narrow: f32,
    wide: f64,
    maybe: Option<f64>,
    ts: Timestamp,
    #[schema(timestamp = "millis")]
    millis: Timestamp,
    #[schema(timestamp = "micros")]
    micros: Option<Timestamp>,
    duration: Duration,
    date: Date,
    window: Window,
    list: Vec<Option<String>>,
    nested: Option<Nested>,
}

#[derive(Clone, Debug, PartialEq, Schema)]
struct Nested {
    #[schema(rename = "größe \"cm\"")]
    size: i32,
    tags: Vec<String>,
}

/// 1840 to 2100: where a double holds the microseconds of a number of milliseconds.
fn timestamp() -> impl Strategy<Value = Timestamp> {
    (-4_102_444_800_000_000_i64..4_102_444_800_000_000).prop_map(Timestamp::from_micros)
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof!["\\PC{0,12}", "[\"',;\r\n\\\\ \u{feff}]{0,6}", any::<String>()]
}

fn finite() -> impl Strategy<Value = f64> {
    prop_oneof![
        proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL | proptest::num::f64::ZERO,
        Just(f64::INFINITY),
        Just(f64::NEG_INFINITY),
    ]
}

prop_compose! {
    fn mixed()(
        (text, maybe_text, bytes) in
            (texts(), proptest::option::of(texts()), proptest::collection::vec(any::<u8>(), 0..9)),
        (flag, small, large, positive, huge) in any::<(bool, i8, i64, u64, u128)>(),
        (narrow, wide, maybe) in
            (proptest::num::f32::NORMAL | proptest::num::f32::SUBNORMAL, finite(), proptest::option::of(finite())),
        (ts, millis, micros) in (timestamp(), timestamp(), proptest::option::of(any::<i64>())),
        (duration, date) in (any::<i64>(), -700_000_i32..2_000_000),
        (start, end) in (timestamp(), timestamp()),
        list in proptest::collection::vec(proptest::option::of(texts()), 0..4),
        nested in proptest::option::of((any::<i32>(), proptest::collection::vec(texts(), 0..3))),
    ) -> Mixed {
        Mixed {
            text, maybe_text, bytes, flag, small, large, positive, huge, narrow, wide, maybe, ts, millis,
            micros: micros.map(Timestamp::from_micros),
            duration: Duration::from_micros(duration),
            date: Date::from_days(date),
            window: Window { start, end },
            list,
            nested: nested.map(|(size, tags)| Nested { size, tags }),
        }
    }
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn rows_written_as_json_read_back_the_same(rows in proptest::collection::vec(mixed(), 1..4)) {
        let mut lines = Vec::new();
        for row in &rows {
            row.encode_json(&mut lines);
            lines.push(b'\n');
        }
        prop_assert_eq!(json::<Mixed>(&lines).unwrap(), rows);
    }

    #[test]
    fn rows_written_as_csv_read_back_the_same(
        rows in proptest::collection::vec(mixed(), 1..4),
        delimiter in proptest::sample::select(vec![b',', b';', b'\t', b'|']),
    ) {
        let format = CsvFormat { delimiter, ..CsvFormat::default() };
        let mut records = Vec::new();
        for row in &rows {
            let mut text = TextRow::default();
            row.encode_text(&mut text);
            write_record(format, text.cells.iter().map(Option::as_deref), &mut records);
        }
        prop_assert_eq!(csv::<Mixed>(&Layout::positional::<Mixed>(format), &records).unwrap(), rows);
    }

    #[test]
    fn a_kept_view_is_the_view(row in mixed()) {
        let arena = Arena::default();
        let kept = <Mixed as stream_runtime::schema::Column>::keep(row.view(), &arena);
        prop_assert_eq!(Mixed::from_view(kept), row);
    }

    #[test]
    fn no_line_whatsoever_panics(line in prop_oneof![any::<String>(), "[\\[\\]{}\",:0-9a-z\\\\.eE+-]{0,40}"]) {
        let arena = Arena::default();
        let _ = Mixed::decode_json::<ALL>(&line, &arena);
        let _ = csv::<Ad>(&Layout::positional::<Ad>(CsvFormat::default()), line.as_bytes());
    }

    #[test]
    fn a_line_cut_short_is_an_error(row in mixed(), cut in any::<prop::sample::Index>()) {
        let mut line = Vec::new();
        row.encode_json(&mut line);
        let line = String::from_utf8(line).unwrap();
        let mut end = cut.index(line.len());
        while !line.is_char_boundary(end) {
            end -= 1;
        }
        let arena = Arena::default();
        prop_assert!(Mixed::decode_json::<ALL>(&line[..end], &arena).is_err());
        prop_assert!(Mixed::decode_json::<0>(&line[..end], &arena).is_err());
    }
}
