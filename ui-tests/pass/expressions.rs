//! What else Rust allows in a query: raw identifiers, paths, attributes, blocks, null event times, many aggregates.

#![deny(warnings)]

use stream_runtime::prelude::*;

mod model {
    use stream_runtime::prelude::*;

    #[derive(Schema)]
    pub struct Event {
        pub r#type: String,
        pub at: Option<Timestamp>,
        pub n: i64,
    }
}

#[derive(Schema)]
struct Instant {
    at: Option<Timestamp>,
    r#type: String,
    n: i64,
}

stream_query! {
    query Instants(events: model::Event) -> Instant {
        from e in events watermark(e.at, seconds(1));
        where { let n = e.n; n > 0 && if e.r#type.is_empty() { false } else { true } };
        group by e.at, e.r#type;
        select Instant { at: e.at, r#type: e.r#type, n: match max(e.n) { n if n > 3 => n, _ => count() as i64 } };
        output append;
    }
}

#[derive(Schema)]
struct Wide {
    total: i64,
    rows: u64,
}

stream_query! {
    query Many(events: model::Event) -> Wide {
        from e in events;
        select Wide {
            total: sum(e.n) + sum(e.n + 1) + sum(e.n + 2) + sum(e.n + 3) + sum(e.n + 4) + sum(e.n + 5)
                + sum(e.n + 6) + sum(e.n + 7) + sum(e.n + 8) + sum(e.n + 9) + sum(e.n + 10) + sum(e.n + 11)
                + sum(e.n + 12) + sum(e.n),
            rows: count(),
        };
        output update;
    }
}

stream_query! {
    query OnlyCounts(events: model::Event) -> Wide {
        from e in events;
        select Wide { total: 0, rows: count() };
        output complete;
    }
}

stream_query! {
    #[cfg(any())]
    query NotHere(events: model::Event) -> Wide {
        from e in events watermark(e.at, DELAY_THAT_IS_NOT_HERE);
        select Wide { total: 0, rows: 1 };
        output append;
    }
}

stream_query! {
    #[allow(dead_code)]
    query Debugged(events: model::Event) -> Wide {
        from e in events;
        let text: String = format!("{e:?}");
        select Wide { total: text.len() as i64, rows: 1 };
        output append;
    }
}

fn main() {
    println!("{}{}{}", Instants::explain(), Many::explain(), OnlyCounts::explain());
}
