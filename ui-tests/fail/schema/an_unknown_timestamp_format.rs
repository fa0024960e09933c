use stream_runtime::prelude::*;

#[derive(Schema)]
struct Click {
    #[schema(timestamp = "nanos")]
    time: Timestamp,
}

fn main() {}
