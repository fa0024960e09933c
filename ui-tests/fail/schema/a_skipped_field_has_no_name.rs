use stream_runtime::prelude::*;

#[derive(Schema)]
struct Click {
    page: String,
    #[schema(skip, rename = "url")]
    cached: String,
}

fn main() {}
