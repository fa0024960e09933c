use stream_runtime::prelude::*;

#[derive(Schema)]
struct Click;

#[derive(Schema)]
struct Skipped {
    #[schema(skip)]
    page: String,
}

fn main() {}
