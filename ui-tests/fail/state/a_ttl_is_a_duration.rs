use stream_runtime::process::{ProcessorState, ValueState};

#[derive(Default, ProcessorState)]
struct Account {
    #[state(ttl = 10)]
    last: ValueState<u64>,
}

fn main() {}
