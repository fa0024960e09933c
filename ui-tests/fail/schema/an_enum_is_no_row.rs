use stream_runtime::prelude::*;

#[derive(Schema)]
enum Click {
    Page(String),
    Ad(String),
}

fn main() {}
