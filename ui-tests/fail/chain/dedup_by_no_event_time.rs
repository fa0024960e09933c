use stream_runtime::prelude::*;
use ui_tests::Order;

stream_query! {
    query Large(orders: Order) -> Order {
        from o in orders watermark(o.ordered, hours(2));
        where o.amount > 100.0;
        select o;
        output append;
    }
}

stream_query! {
    query Once() -> Order {
        from o in query Large;
        dedup by o.ordered, o.id;
        select o;
        output append;
    }
}

fn main() {}
