use stream_runtime::prelude::*;
use ui_tests::Order;

stream_query! {
    query Once() -> Order {
        from o in query Larg;
        select o;
        output append;
    }
}

fn main() {}
