use stream_runtime::prelude::*;

#[derive(Schema)]
struct Click {
    page: String,
    #[schema(kafka = "keys")]
    key: String,
}

fn main() {}
