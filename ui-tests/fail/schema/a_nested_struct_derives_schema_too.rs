use stream_runtime::prelude::*;

struct Address {
    city: String,
}

#[derive(Schema)]
struct Click {
    page: String,
    addresses: Vec<Address>,
}

fn main() {}
