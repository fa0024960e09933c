use stream_runtime::prelude::*;

#[derive(Schema)]
struct Click {
    #[schema(nullable)]
    page: String,
    #[schema(timestamp = "hours")]
    time: Timestamp,
}

fn main() {}
