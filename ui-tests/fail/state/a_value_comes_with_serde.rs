use stream_runtime::process::{ProcessorState, ValueState};

struct Payment {
    amount: f64,
}

#[derive(Default, ProcessorState)]
struct Account {
    last: ValueState<Payment>,
}

fn main() {}
