use stream_runtime::prelude::*;

#[derive(Schema)]
struct Click {
    page: String,
    #[schema(skip)]
    cached: std::num::NonZeroU8,
}

fn main() {}
