use stream_runtime::prelude::*;

#[derive(Schema)]
struct Click(String, u64);

fn main() {}
