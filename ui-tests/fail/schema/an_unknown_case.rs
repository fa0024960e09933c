use stream_runtime::prelude::*;

#[derive(Schema)]
#[schema(rename_all = "Camel")]
struct Click {
    page: String,
}

fn main() {}
