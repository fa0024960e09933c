use stream_runtime::prelude::*;

#[derive(Schema)]
struct Click<'a> {
    page: &'a str,
}

fn main() {}
