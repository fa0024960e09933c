use stream_runtime::prelude::*;

fn unknown() -> &'static str {
    "unknown"
}

#[derive(Schema)]
struct Click {
    #[schema(default = "unknown")]
    page: String,
}

fn main() {}
