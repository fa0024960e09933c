//! Aggregations by keys: every type of key, nulls, many of them, and the event time itself.

use stream_runtime::prelude::*;
use stream_runtime::testing::TestQuery;

use super::at;

#[derive(Schema, Clone, Debug, PartialEq)]
struct Item {
    text: String,
    note: Option<String>,
    flag: bool,
    small: i8,
    wide: Option<u64>,
    day: Date,
    length: Duration,
    bytes: Vec<u8>,
    seen: Option<Timestamp>,
    ts: Timestamp,
}

/// All keys of an item, and how many items have them.
#[derive(Schema, Clone, Debug, PartialEq)]
struct Group {
    text: String,
    note: Option<String>,
    flag: bool,
    small: i8,
    wide: Option<u64>,
    day: Date,
    length: Duration,
    bytes: Vec<u8>,
    seen: Option<Timestamp>,
    n: u64,
}

stream_query! {
    query ByEverything(items: Item) -> Group {
        from i in items;
        group by i.text, i.note, i.flag, i.small, i.wide, i.day, i.length, i.bytes, i.seen unbounded;
        select Group {
            text: i.text, note: i.note, flag: i.flag, small: i.small, wide: i.wide, day: i.day,
            length: i.length, bytes: i.bytes, seen: i.seen, n: count(),
        };
        output update;
    }
}

fn item() -> Item {
    Item {
        text: "t".to_owned(),
        note: Some(String::new()),
        flag: false,
        small: -1,
        wide: Some(0),
        day: Date::from_days(-1),
        length: seconds(1),
        bytes: vec![0, 255],
        seen: Some(at(0)),
        ts: at(1),
    }
}

/// Items that differ from [`item`] in one key each.
fn items() -> Vec<Item> {
    vec![
        item(),
        Item { text: String::new(), ..item() },
        Item { note: None, ..item() },
        Item { note: Some("t".to_owned()), ..item() },
        Item { flag: true, ..item() },
        Item { small: 1, ..item() },
        Item { wide: None, ..item() },
        Item { wide: Some(u64::MAX), ..item() },
        Item { day: Date::from_days(1), ..item() },
        Item { length: seconds(-1), ..item() },
        Item { bytes: vec![], ..item() },
        Item { bytes: vec![0, 255, 0], ..item() },
        Item { seen: None, ..item() },
        Item { seen: Some(at(-1)), ..item() },
    ]
}

fn group(item: Item, n: u64) -> Group {
    let Item { text, note, flag, small, wide, day, length, bytes, seen, ts: _ } = item;
    Group { text, note, flag, small, wide, day, length, bytes, seen, n }
}

#[tokio::test]
async fn keys_of_every_type_tell_their_groups_apart_also_after_a_restart() {
    for workers in [1, 4] {
        let mut test =
            TestQuery::open(|source, sink| ByEverything::query().items(source).to(sink).workers(workers))
                .await
                .expect("it opens");
        test.add(items().into_iter().chain(items()));
        test.expect(items().into_iter().map(|item| group(item, 2))).await;
        test.restart().await.expect("it opens again");
        test.add(items());
        test.expect(items().into_iter().map(|item| group(item, 3))).await;
    }
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct ByNote {
    note: Option<String>,
    total: i64,
}

stream_query! {
    query Notes(items: Item) -> ByNote {
        from i in items watermark(i.ts, seconds(0));
        group by i.note unbounded;
        select ByNote { note: i.note, total: sum(i.small) };
        output update;
    }
}

/// docs/semantics.md 4.2 and 3.3: only touched groups, and no row is late where no key is event time.
#[tokio::test]
async fn update_mode_emits_touched_groups_and_without_an_event_time_key_nothing_is_late() {
    let mut test =
        TestQuery::open(|source, sink| Notes::query().items(source).to(sink)).await.expect("it opens");
    let row = |note: Option<&str>, small, second| Item {
        note: note.map(str::to_owned),
        small,
        ts: at(second),
        ..item()
    };
    let result = |note: Option<&str>, total| ByNote { note: note.map(str::to_owned), total };
    test.add([row(None, 1, 100), row(Some("a"), 2, 100), row(None, 3, 100)]);
    test.expect([result(None, 4), result(Some("a"), 2)]).await;
    test.add([row(None, 1, 5)]);
    test.expect([result(None, 5)]).await;
    let last = &test.progress()[2];
    assert_eq!(last.event_time.watermark, Some(at(100)));
    assert_eq!(last.state_operators[0].num_rows_dropped_by_watermark, 0);
    assert_eq!(last.state_operators[0].num_rows_total, 2);
    assert_eq!(test.progress()[1].num_input_rows, 0, "the batch without data runs all the same");
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Reading {
    sensor: String,
    ts: Timestamp,
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct AtInstant {
    ts: Timestamp,
    sensor: String,
    n: u64,
}

stream_query! {
    query Instants(readings: Reading) -> AtInstant {
        from r in readings watermark(r.ts, seconds(5));
        group by r.ts, r.sensor;
        select AtInstant { ts: r.ts, sensor: r.sensor, n: count() };
        output append;
    }
}

fn reading(sensor: &str, second: i64) -> Reading {
    Reading { sensor: sensor.to_owned(), ts: at(second) }
}

#[tokio::test]
async fn a_group_of_the_event_time_itself_closes_when_the_watermark_reaches_it() {
    let mut test =
        TestQuery::open(|source, sink| Instants::query().readings(source).to(sink)).await.expect("it opens");
    let group = |sensor: &str, second, n| AtInstant { ts: at(second), sensor: sensor.to_owned(), n };
    test.add([reading("a", 10), reading("b", 10), reading("a", 10), reading("a", 11), reading("a", 15)]);
    // The watermark is 10 s: inclusive, so the groups of 10 s close, and that of 11 s doesn't.
    test.expect([group("a", 10, 2), group("b", 10, 1)]).await;
    test.restart().await.expect("it opens again");
    test.add([reading("a", 10), reading("a", 11), reading("a", 100)]);
    test.expect([group("a", 11, 2), group("a", 15, 1)]).await;
    let late: Vec<_> =
        test.progress().iter().map(|batch| batch.state_operators[0].num_rows_dropped_by_watermark).collect();
    assert_eq!(late, [0, 0, 1, 0]);
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Maybe {
    ts: Option<Timestamp>,
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct AtMaybe {
    ts: Option<Timestamp>,
    n: u64,
}

macro_rules! nullable {
    ($name:ident, $mode:ident) => {
        stream_query! {
            query $name(rows: Maybe) -> AtMaybe {
                from r in rows watermark(r.ts, seconds(5));
                group by r.ts;
                select AtMaybe { ts: r.ts, n: count() };
                output $mode;
            }
        }
    };
}

nullable!(NullableAppend, append);
nullable!(NullableUpdate, update);

/// docs/semantics.md 3.2: the group of null is never late and never closes.
#[tokio::test]
async fn the_group_of_a_null_event_time_never_closes_and_is_never_late() {
    let mut append = TestQuery::open(|source, sink| NullableAppend::query().rows(source).to(sink))
        .await
        .expect("it opens");
    let mut update = TestQuery::open(|source, sink| NullableUpdate::query().rows(source).to(sink))
        .await
        .expect("it opens");
    let row = |second: Option<i64>| Maybe { ts: second.map(at) };
    let group = |second: Option<i64>, n| AtMaybe { ts: second.map(at), n };

    append.add([row(None), row(Some(10)), row(None)]);
    append.expect([]).await;
    append.add([row(Some(1_000)), row(None)]);
    append.expect([group(Some(10), 1)]).await;
    append.restart().await.expect("it opens again");
    append.add([row(None), row(Some(2_000))]);
    append.expect([group(Some(1_000), 1)]).await;
    let operator = &append.progress().last().expect("batches ran").state_operators[0];
    assert_eq!((operator.num_rows_total, operator.num_rows_dropped_by_watermark), (2, 0));

    update.add([row(None), row(Some(10)), row(None)]);
    update.expect([group(None, 2), group(Some(10), 1)]).await;
    update.add([row(Some(1_000))]);
    update.expect([group(Some(1_000), 1)]).await;
    update.restart().await.expect("it opens again");
    update.add([row(None), row(Some(10))]);
    update.expect([group(None, 3)]).await;
}
