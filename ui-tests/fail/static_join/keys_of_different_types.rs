use stream_runtime::prelude::*;
use ui_tests::{Order, Product, Sale};

stream_query! {
    query Sales(orders: Order, catalog: static Product) -> Sale {
        from o in orders;
        join p in catalog on p.id == o.id;
        select Sale { order: o.id, product: p.name };
        output append;
    }
}

fn main() {}
