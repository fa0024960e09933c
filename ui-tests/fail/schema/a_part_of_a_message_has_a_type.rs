use stream_runtime::prelude::*;

#[derive(Schema)]
struct Click {
    page: String,
    #[schema(kafka = "offset")]
    offset: String,
}

fn main() {}
