use stream_runtime::prelude::*;

#[derive(Schema)]
struct Click {
    #[schema(alias = "url")]
    page: String,
}

fn main() {}
