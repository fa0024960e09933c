use stream_runtime::prelude::*;
use stream_runtime::process::{ProcessorState, ValueState};

#[derive(Default, ProcessorState)]
struct Account {
    #[state(ttl = seconds(0))]
    last: ValueState<u64>,
}

fn main() {}
