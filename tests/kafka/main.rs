//! Sources and sinks of Kafka, against a real broker.

mod batches;
mod brokers;
mod gaps;
mod halt;
mod loss;
mod memory;
mod partitions;
mod rows;
mod sink;
mod soak;
mod start;
mod support;

use stream_runtime::prelude::*;

#[derive(Schema, Clone, Debug, PartialEq)]
struct Number {
    n: i64,
}

stream_query! {
    query Numbers(numbers: Number) -> Number {
        from row in numbers;
        select Number { n: row.n };
        output append;
    }
}

fn json(n: i64) -> String {
    format!("{{\"n\":{n}}}")
}
