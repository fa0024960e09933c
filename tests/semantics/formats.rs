//! Files in, files out: CSV, and nested, generic and list columns, through a query with a checkpoint.

use std::path::Path;

use stream_runtime::prelude::*;
use stream_runtime::sink::file::committed_files;

#[derive(Schema)]
struct Order {
    #[schema(rename = "order id")]
    id: u64,
    city: String,
    note: Option<String>,
    paid: bool,
    amount: f64,
    day: Date,
    at: Timestamp,
}

#[derive(Schema)]
struct ByCity {
    window: Window,
    city: String,
    orders: u64,
    notes: u64,
    paid: bool,
    amount: f64,
    last_day: Date,
    ids: Vec<u64>,
}

stream_query! {
    query Cities(orders: Order) -> ByCity {
        from o in orders watermark(o.at, seconds(0));
        group by window(o.at, hours(1)) as w, o.city;
        select ByCity {
            window: w, city: o.city, orders: count(), notes: count(o.note), paid: every(o.paid),
            amount: sum(o.amount), last_day: max(o.day), ids: collect_list(o.id),
        };
        output append;
    }
}

#[derive(Schema)]
struct Passed {
    #[schema(rename = "order id")]
    id: u64,
    note: Option<String>,
    amount: f64,
    at: Timestamp,
}

stream_query! {
    query Passes(orders: Order) -> Passed {
        from o in orders;
        where o.paid;
        select Passed { id: o.id, note: o.note, amount: o.amount / 2.0, at: o.at };
        output append;
    }
}

const ORDERS: &str = "\
order id;city;note;paid;amount;day;at;ignored
1;\"Bonn; am Rhein\";;true;1.5;2026-01-01;2026-01-01T00:10:00Z;x
2;Köln;\"said \"\"hi\"\"\";false;2;2026-01-02;2026-01-01T00:20:00.5Z;x
3;\"Bonn; am Rhein\";\"\";true;0.25;2025-12-31;2026-01-01T01:59:59.999999+01:00;x
4;Ulm;late;true;1;2026-01-01;2026-01-01T07:00:00Z;x
";

/// The committed files' text, in order.
fn output(directory: &Path) -> String {
    let files = committed_files(directory).expect("the manifest can be read");
    files.iter().map(|file| std::fs::read_to_string(file).expect("a committed file")).collect()
}

fn orders(directory: &Path) -> FileSource<stream_runtime::source::Csv> {
    let input = directory.join("in");
    std::fs::create_dir_all(&input).expect("a directory for the input");
    std::fs::write(input.join("orders.csv"), ORDERS).expect("the input can be written");
    FileSource::csv(input).delimiter(b';').header(true)
}

#[tokio::test]
async fn csv_in_and_csv_out_keep_nulls_quotes_and_times() {
    let directory = tempfile::tempdir().expect("a directory");
    let query = Passes::query()
        .orders(orders(directory.path()))
        .to(FileSink::csv(directory.path().join("out")))
        .checkpoint(directory.path().join("checkpoint"))
        .trigger(Trigger::AvailableNow)
        .start()
        .await
        .expect("the query starts");
    query.await_termination().await.expect("the query runs to its end");
    let expected = "\
order id,note,amount,at
1,,0.75,2026-01-01T00:10:00.000Z
3,\"\",0.125,2026-01-01T00:59:59.999999Z
4,late,0.5,2026-01-01T07:00:00.000Z
";
    assert_eq!(output(&directory.path().join("out")), expected);
}

#[tokio::test]
async fn csv_in_windows_out_and_a_list_is_json_in_its_cell() {
    let directory = tempfile::tempdir().expect("a directory");
    let query = Cities::query()
        .orders(orders(directory.path()))
        .to(FileSink::csv(directory.path().join("out")).header(false).delimiter(b'\t'))
        .checkpoint(directory.path().join("checkpoint"))
        .trigger(Trigger::AvailableNow)
        .start()
        .await
        .expect("the query starts");
    query.await_termination().await.expect("the query runs to its end");
    let window = "[2026-01-01T00:00:00.000Z, 2026-01-01T01:00:00.000Z)";
    let expected = format!(
        "{window}\tBonn; am Rhein\t2\t1\ttrue\t1.75\t2026-01-01\t[1,3]\n{window}\tKöln\t1\t1\tfalse\t2.0\t2026-01-02\t[2]\n"
    );
    assert_eq!(output(&directory.path().join("out")), expected);
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Envelope<T> {
    id: u32,
    payload: T,
    sent: Timestamp,
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Measures {
    unit: Option<String>,
    values: Vec<f64>,
    place: Place,
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Place {
    site: String,
    level: Option<i8>,
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Highest {
    window: Window,
    place: Place,
    value: f64,
    units: Vec<String>,
    message: Envelope<u64>,
}

stream_query! {
    query Highests(messages: Envelope<Measures>) -> Highest {
        from m in messages watermark(m.sent, seconds(0));
        explode value in m.payload.values;
        let place = m.payload.place;
        group by window(m.sent, minutes(1)) as w, place.site as site, place.level as floor;
        select Highest {
            window: w,
            place: Place { site: site.to_owned(), level: floor },
            value: max(value),
            units: collect_set(m.payload.unit),
            message: Envelope { id: min(m.id), payload: count(), sent: w.start },
        };
        output append;
    }
}

#[tokio::test]
async fn nested_generic_and_list_columns_go_through_files_and_groups() {
    let directory = tempfile::tempdir().expect("a directory");
    let input = directory.path().join("in");
    std::fs::create_dir_all(&input).expect("a directory for the input");
    let lines = r#"{"id":7,"payload":{"unit":"m","values":[1.5,-2.0],"place":{"site":"a","level":1}},"sent":"2026-01-01T00:00:10Z"}
{"id":8,"payload":{"values":[],"place":{"site":"a","level":1}},"sent":"2026-01-01T00:00:11Z"}
{"id":3,"payload":{"unit":"ft","values":[9.25],"place":{"level":1,"site":"a"}},"sent":"2026-01-01T00:00:12Z"}
{"id":9,"payload":{"unit":null,"values":[0.5],"place":{"site":"a"}},"sent":"2026-01-01T00:00:13Z"}
{"id":10,"payload":{"values":[],"place":{"site":"z"}},"sent":"2026-01-01T00:05:00Z"}
"#;
    std::fs::write(input.join("part.jsonl"), lines).expect("the input can be written");
    let query = Highests::query()
        .messages(FileSource::json(&input))
        .to(FileSink::json(directory.path().join("out")))
        .checkpoint(directory.path().join("checkpoint"))
        .trigger(Trigger::AvailableNow)
        .start()
        .await
        .expect("the query starts");
    query.await_termination().await.expect("the query runs to its end");
    let window = r#""window":{"start":"2026-01-01T00:00:00.000Z","end":"2026-01-01T00:01:00.000Z"}"#;
    let sent = r#""sent":"2026-01-01T00:00:00.000Z""#;
    let expected = format!(
        concat!(
            r#"{{{window},"place":{{"site":"a"}},"value":0.5,"units":[],"message":{{"id":9,"payload":1,{sent}}}}}"#,
            "\n",
            r#"{{{window},"place":{{"site":"a","level":1}},"value":9.25,"units":["ft","m"],"message":{{"id":3,"payload":3,{sent}}}}}"#,
            "\n"
        ),
        window = window,
        sent = sent
    );
    assert_eq!(output(&directory.path().join("out")), expected);
}
