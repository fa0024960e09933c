use stream_runtime::prelude::*;

#[derive(Schema)]
struct Click {
    page: String,
    letter: char,
}

fn main() {}
