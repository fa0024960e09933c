//! A query as a service runs it: started with a trigger, watched through its handle, stopped, failed, started again.

mod chained_restarts;
mod doubles;
mod failures;
mod files;
mod foreach_batch;
mod handle;
mod inputs;
mod listener;
#[path = "../naive/mod.rs"]
mod naive;
mod nested;
mod progress;
mod restarts;
mod settling;
mod silence;
mod sinks_together;
mod steps;
mod stop;
mod tables;
mod triggers;

use stream_runtime::prelude::*;

#[derive(Schema, Clone, Debug, PartialEq)]
struct Event {
    key: String,
    number: i64,
    ts: Timestamp,
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Stat {
    window: Window,
    key: String,
    n: u64,
    numbers: Vec<i64>,
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Number {
    number: i64,
}

stream_query! {
    query Stats(events: Event) -> Stat {
        from e in events watermark(e.ts, seconds(10));
        where e.number != 0;
        group by window(e.ts, seconds(20)) as w, e.key;
        select Stat { window: w, key: e.key, n: count(), numbers: collect_list(e.number) };
        output append;
    }
}

stream_query! {
    query Numbers(events: Event) -> Number {
        from e in events;
        select Number { number: e.number };
        output append;
    }
}

/// An instant of 1970, by seconds.
fn at(second: i64) -> Timestamp {
    Timestamp::from_secs(second)
}

fn event(number: i64, second: i64) -> Event {
    Event { key: "k".to_owned(), number, ts: at(second) }
}

fn numbers(rows: &[Number]) -> Vec<i64> {
    rows.iter().map(|row| row.number).collect()
}
