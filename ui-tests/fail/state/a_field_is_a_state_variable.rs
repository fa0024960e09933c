use stream_runtime::process::{ProcessorState, ValueState};

#[derive(Default, ProcessorState)]
struct Account {
    last: ValueState<u64>,
    count: u64,
}

fn main() {}
