use stream_runtime::prelude::*;

#[derive(Schema)]
struct Click {
    page: String,
    #[schema(kafka = "value")]
    value: Vec<u8>,
}

fn main() {}
