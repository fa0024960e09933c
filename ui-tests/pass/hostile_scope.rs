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
    pub struct Bounds;
    pub struct Inner;
    pub struct LeftOuter;
    pub struct JoinKey;
    pub struct Reading;
    pub struct KeySlot;
    pub struct Here;
    pub struct Left;
    pub struct Right;
    pub struct S0;
    pub struct S1;
    pub struct P;
    pub struct S;
    pub struct T;
    pub type bool = ();
    pub type u128 = ();
    pub const COLUMNS: () = ();
    pub const INFO: () = ();
    pub const WIDTH: stream_runtime::time::Duration = minutes(5);
    pub const WITHIN_1: () = ();
    pub const TO_1: stream_runtime::time::Duration = WIDTH;
    pub const DELAY: stream_runtime::time::Duration = WIDTH;
    pub fn groups() {}
    pub fn acc() {}
    pub fn row() {}
    pub fn keep() {}
    pub fn out() {}
    pub fn op() {}
    pub fn sessions() {}
    pub fn input() {}
    pub fn slot() {}
    pub fn event_time() {}
    pub fn within() {}
    pub fn lookup() {}
    pub fn rows_0() {}
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
        pub query Joined(left: Row, right: Row, start: Row, to: Row) -> Output {
            from op in left watermark(op.at, DELAY);
            let slot = op.acc + 1;
            left join input in right watermark(input.at, DELAY) on input.row == op.row && input.acc > slot
                within input.at in op.at - TO_1 ..= op.at + TO_1;
            let rows_0 = input.map(|out| out.acc);
            join left in start watermark(left.at, DELAY) on left.acc == op.acc && left.keep == rows_0.unwrap_or(0)
                within left.at in op.at ..= op.at + TO_1;
            full join row in to watermark(row.at, DELAY) on row.keep == left.keep
                within row.at in left.at ..= left.at + WIDTH;
            let within = input.map(|_| 1).or(left.map(|left| left.acc)).or(op.map(|groups| groups.acc));
            select Output { row: row.map_or("", |row| row.row).to_owned(), acc: within.map_or(0, |acc| acc) };
            output append;
        }
    }

    stream_query! {
        pub query Looked(input: Row, checkpoint: static Row, trigger: static Row) -> Output {
            from slot in input watermark(slot.at, DELAY);
            let event_time = slot.acc;
            left join keep in checkpoint on keep.acc == event_time && keep.keep > slot.keep;
            anti join op in trigger on op.row == slot.row;
            let input = keep.map(|row| row.acc);
            group by window(slot.at, WIDTH), slot.row as row;
            select Output { row, acc: count(input) as i64 };
            output update;
        }
    }

    stream_query! {
        pub query Chained(op: Row) -> Output {
            from input in query Rows;
            join right in op watermark(right.at, DELAY) on right.row == input.row unbounded;
            select Output { row: input.row, acc: right.acc };
            output append;
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
    std::println!("{}{}", service::Visits::explain(), service::Joined::explain());
    std::println!("{}{}", service::Looked::explain(), service::Chained::explain());
    std::println!("{}", service::Ordered::explain());
}
