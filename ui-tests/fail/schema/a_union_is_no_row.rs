use stream_runtime::prelude::*;

#[derive(Schema)]
union Click {
    number: u64,
    bits: u32,
}

fn main() {}
