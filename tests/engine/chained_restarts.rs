//! A checkpoint that meets a query which reads another one, changed since: what state depends on is refused, the rest is told.

use std::path::Path;

use stream_runtime::checkpoint::{Fingerprint, SledStore, StateStore};
use stream_runtime::engine::QueryBuilder;
use stream_runtime::plan::{Append, Plan};
use stream_runtime::prelude::*;

use super::{Event, event};

#[derive(Schema, Clone, Debug, PartialEq)]
struct Cleaned {
    ts: Timestamp,
    key: String,
    number: i64,
    note: String,
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Total {
    key: String,
    total: i64,
    at: Option<Timestamp>,
}

/// An inner query of the clauses given, an aggregation behind it, a query that only passes on what it reads, and a deduplication behind that.
macro_rules! chain {
    ($module:ident: $delay:expr, $e:ident $condition:expr, $value:expr => $number:expr, $note:expr) => {
        mod $module {
            use super::*;

            stream_query! {
                query Clean(events: Event) -> Cleaned {
                    from $e in events watermark($e.ts, $delay);
                    where $condition;
                    let name = $value;
                    select Cleaned { ts: $e.ts, key: name, number: $number, note: $note };
                    output append;
                }
            }

            stream_query! {
                query Totals() -> Total {
                    from c in query Clean;
                    group by window(c.ts, seconds(20)), c.key;
                    select Total { key: c.key, total: sum(c.number), at: max(c.ts) };
                    output append;
                }
            }

            stream_query! {
                query Passed() -> Total {
                    from c in query Clean;
                    select Total { key: c.key, total: c.number, at: Some(c.ts) };
                    output append;
                }
            }

            stream_query! {
                query Once() -> Total {
                    from c in query Passed;
                    dedup by c.key unbounded;
                    select Total { key: c.key, total: c.total, at: None };
                    output append;
                }
            }

            pub(super) fn totals(
                source: MemorySource<Event>,
            ) -> QueryBuilder<impl Plan<Output = Total, Mode = Append>> {
                Totals::query().clean(Clean::query().events(source)).to(MemorySink::new().1)
            }

            pub(super) fn passed(
                source: MemorySource<Event>,
            ) -> QueryBuilder<impl Plan<Output = Total, Mode = Append>> {
                Passed::query().clean(Clean::query().events(source)).to(MemorySink::new().1)
            }

            pub(super) fn once(
                source: MemorySource<Event>,
            ) -> QueryBuilder<impl Plan<Output = Total, Mode = Append>> {
                let passed = Passed::query().clean(Clean::query().events(source));
                Once::query().passed(passed).to(MemorySink::new().1)
            }
        }
    };
}

chain!(base: seconds(10), e e.number > 0, e.key.to_owned() => e.number, "note".to_owned());
chain!(filter: seconds(10), e e.number > 1, e.key.to_owned() => e.number, "note".to_owned());
chain!(delay: seconds(20), e e.number > 0, e.key.to_owned() => e.number, "note".to_owned());
chain!(note: seconds(10), e e.number > 0, e.key.to_owned() => e.number, "another note".to_owned());
chain!(value: seconds(10), e e.number > 0, e.key.to_lowercase() => e.number, "note".to_owned());
chain!(number: seconds(10), e e.number > 0, e.key.to_owned() => -e.number, "note".to_owned());

/// Runs a query over a row, and gives what the checkpoint remembers of it.
async fn run<P: Plan>(directory: &Path, query: QueryBuilder<P>) -> Result<Fingerprint, String> {
    let query = query.checkpoint(directory).trigger(Trigger::AvailableNow);
    let query = query.start().await.map_err(|error| error.to_string())?;
    query.await_termination().await.expect("it ends by itself");
    let metadata =
        SledStore::open(directory).expect("nobody has it open").metadata().expect("it can be read");
    Ok(metadata.expect("it was written").fingerprint)
}

/// What a restart of one query as another one says: the changes that it accepts, or why it doesn't start.
macro_rules! restart {
    ($then:ident as $now:ident: $query:ident) => {{
        let directory = tempfile::tempdir().expect("a directory");
        let (input, source) = MemorySource::new();
        input.add([event(1, 1)]);
        let then = run(directory.path(), $then::$query(source)).await.expect("a new checkpoint");
        match run(directory.path(), $now::$query(input.source())).await {
            Ok(now) => Ok(then.check(&now).expect("it has started")),
            Err(error) => Err(error),
        }
    }};
}

#[tokio::test]
async fn the_same_queries_go_on() {
    macro_rules! same {
        ($($module:ident)+) => {$(
            assert_eq!(restart!($module as $module: totals), Ok(vec![]));
            assert_eq!(restart!($module as $module: passed), Ok(vec![]));
            assert_eq!(restart!($module as $module: once), Ok(vec![]));
        )+};
    }
    same!(base filter delay note value number);
}

#[tokio::test]
async fn a_filter_and_a_delay_of_an_inner_query_may_change_and_are_told() {
    let changes = restart!(base as filter: totals).expect("it starts");
    let [change] = changes.as_slice() else { panic!("{changes:?}") };
    assert!(change.starts_with("clauses of query clean was `where number > 0; let name"), "{change}");
    assert!(change.contains("and is `where number > 1; let name"), "{change}");
    let changes = restart!(base as delay: once).expect("it starts");
    let expected = "watermark of events of query clean of query passed was `ts, 10 s` and is `ts, 20 s` now";
    assert_eq!(changes, [expected]);
}

#[tokio::test]
async fn a_column_of_an_inner_query_that_nobody_reads_may_change_and_is_told() {
    let changes = restart!(base as note: totals).expect("it starts");
    let [change] = changes.as_slice() else { panic!("{changes:?}") };
    assert!(change.starts_with("select of query clean was `Cleaned {"), "{change}");
}

#[tokio::test]
async fn what_state_holds_of_an_inner_query_may_not_change_through_values_and_further_queries() {
    for error in [restart!(base as value: totals), restart!(base as value: once)] {
        let error = error.expect_err("another key");
        assert!(
            error.contains("clean.key: key.to_owned()") && error.contains("clean.key: key.to_lowercase()"),
            "{error}"
        );
    }
    for error in [restart!(base as number: totals), restart!(base as number: once)] {
        let error = error.expect_err("another number");
        assert!(error.contains("clean.number: number") && error.contains("clean.number: -number"), "{error}");
    }
}

#[tokio::test]
async fn without_state_behind_it_an_inner_query_may_change_as_it_likes() {
    for changes in [restart!(base as value: passed), restart!(base as number: passed)] {
        let changes = changes.expect("it starts");
        assert!(changes.iter().all(|change| change.contains(" of query clean was ")), "{changes:?}");
        assert_eq!(changes.len(), 1);
    }
}

macro_rules! pair {
    ($module:ident: $left:expr, $right:expr) => {
        mod $module {
            use super::*;

            stream_query! {
                query Lefts(events: Event) -> Event {
                    from e in events watermark(e.ts, $left);
                    select e;
                    output append;
                }
            }

            stream_query! {
                query Rights(events: Event) -> Event {
                    from e in events watermark(e.ts, $right);
                    select e;
                    output append;
                }
            }

            stream_query! {
                query Pairs() -> Total {
                    from l in query Lefts;
                    join r in query Rights on r.key == l.key && r.ts == l.ts;
                    select Total { key: l.key, total: r.number, at: Some(l.ts) };
                    output append;
                }
            }

            pub(super) fn pairs(
                source: MemorySource<Event>,
            ) -> QueryBuilder<impl Plan<Output = Total, Mode = Append>> {
                let query = Pairs::query().lefts(Lefts::query().events(source));
                query.rights(Rights::query().events(MemorySource::new().1)).to(MemorySink::new().1)
            }
        }
    };
}

pair!(ten_and_twenty: seconds(10), seconds(20));
pair!(twenty_and_ten: seconds(20), seconds(10));

#[tokio::test]
async fn inputs_of_one_name_in_two_inner_queries_are_told_apart() {
    let changes = restart!(ten_and_twenty as twenty_and_ten: pairs).expect("it starts");
    assert_eq!(
        changes,
        [
            "watermark of events of query lefts was `ts, 10 s` and is `ts, 20 s` now",
            "watermark of events of query rights was `ts, 20 s` and is `ts, 10 s` now",
        ]
    );
}
