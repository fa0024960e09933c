use stream_runtime::prelude::*;

#[derive(Schema)]
struct Click {
    page: String,
    #[schema(kafka = "key", default)]
    key: String,
}

fn main() {}
