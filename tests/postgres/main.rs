//! The sink, the static table and the transactions of PostgreSQL, against a real server.
//!
//! `DATABASE_URL` names one, or the tests start one of their own, which takes a few seconds: see `server`.

mod database;
mod faults;
mod modes;
mod proxy;
mod recovery;
mod round_trip;
mod server;
mod static_table;
mod table_check;
mod tls;
mod transactions;
mod types;

use stream_runtime::prelude::*;

#[derive(Schema, Clone, Debug, PartialEq)]
struct Event {
    key: String,
    number: i64,
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Total {
    key: String,
    n: u64,
    sum: i64,
}

stream_query! {
    query Events(events: Event) -> Event {
        from e in events;
        select Event { key: e.key, number: e.number };
        output append;
    }
}

stream_query! {
    query Totals(events: Event) -> Total {
        from e in events;
        group by e.key unbounded;
        select Total { key: e.key, n: count(), sum: sum(e.number) };
        output update;
    }
}

stream_query! {
    query AllTotals(events: Event) -> Total {
        from e in events;
        group by e.key unbounded;
        select Total { key: e.key, n: count(), sum: sum(e.number) };
        output complete;
    }
}

fn event(key: &str, number: i64) -> Event {
    Event { key: key.to_owned(), number }
}
