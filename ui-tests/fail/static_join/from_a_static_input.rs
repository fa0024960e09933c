use stream_runtime::prelude::*;
use ui_tests::{Product, Sale};

stream_query! {
    query Sales(products: static Product) -> Sale {
        from p in products;
        select Sale { order: 1, product: p.id };
        output append;
    }
}

fn main() {}
