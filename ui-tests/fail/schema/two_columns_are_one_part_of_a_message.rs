use stream_runtime::prelude::*;

#[derive(Schema)]
struct Click {
    #[schema(kafka = "key")]
    key: String,
    #[schema(kafka = "key")]
    same: Vec<u8>,
}

fn main() {}
