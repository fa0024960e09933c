use stream_runtime::prelude::*;

#[derive(Schema)]
struct Click {
    page: String,
    #[schema(timestamp = "millis")]
    time: i64,
}

fn main() {}
