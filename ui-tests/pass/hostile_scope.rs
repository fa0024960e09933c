//! Generated code names nothing that the service's scope could put something else in the place of.

#![deny(warnings, missing_docs, missing_debug_implementations, unreachable_pub)]

mod service {
    #![allow(dead_code, unused_macros, non_camel_case_types, non_upper_case_globals, missing_docs, unreachable_pub)]

    use stream_runtime::prelude::{Schema, Timestamp, minutes, stream_query};

    pub struct Option;
    pub struct Result;
    pub struct Some;
    pub struct None;
    pub struct Ok;
    pub struct Vec;
    pub struct Append;
    pub struct Groups;
    pub struct Deduplicated;
    pub struct Sessions;
    pub struct Plan;
    pub struct Source;
    pub struct Missing;
    pub struct Bound;
    pub struct S;
    pub struct T;
    pub type bool = ();
    pub type u128 = ();
    pub const COLUMNS: () = ();
    pub const INFO: () = ();
    pub const WIDTH: stream_runtime::time::Duration = minutes(5);
    pub const DELAY: stream_runtime::time::Duration = WIDTH;
    pub fn groups() {}
    pub fn acc() {}
    pub fn row() {}
    pub fn keep() {}
    pub fn out() {}
    pub fn op() {}
    pub fn sessions() {}
    pub fn left() {}
    pub fn right() {}
    pub fn compare() {}
    pub const LIMIT: ::core::primitive::u64 = 2;
    pub mod core {}
    pub mod std {}

    macro_rules! assert {
        () => {};
    }

    #[derive(Schema)]
    pub struct Row {
        pub row: String,
        pub acc: i64,
        pub keep: i64,
        pub at: Timestamp,
    }

    #[derive(Schema)]
    pub struct Output {
        pub row: String,
        pub acc: i64,
    }

    stream_query! {
        pub query Aggregation(groups: Row) -> Output {
            from acc in groups watermark(acc.at, DELAY);
            let keep = acc.keep > 0;
            where keep;
            group by window(acc.at, WIDTH), acc.row as row;
            select Output { row, acc: max(acc.acc) };
            having acc > 0;
            output append;
        }
    }

    stream_query! {
        pub query Visits(sessions: Row) -> Output {
            from op in sessions watermark(op.at, DELAY);
            dedup by op.row, op.at;
            group by session(op.at, WIDTH), op.row as row;
            select Output { row, acc: max(op.acc) };
            output append;
        }
    }

    stream_query! {
        pub query Ordered(limit: Row) -> Output {
            from order in limit;
            group by order.row as row unbounded;
            select Output { row, acc: max(order.acc) };
            order by row.len() desc, acc;
            limit LIMIT;
            output complete;
        }
    }

    stream_query! {
        pub query Rows(to: Row) -> Output {
            from out in to;
            where out.acc > 1;
            select Output { row: out.row, acc: out.acc };
            output append;
        }
    }
}

fn main() {
    std::println!("{}{}", service::Aggregation::explain(), service::Rows::explain());
    std::println!("{}{}", service::Visits::explain(), service::Ordered::explain());
}
