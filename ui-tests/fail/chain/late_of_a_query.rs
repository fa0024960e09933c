use stream_runtime::prelude::*;
use ui_tests::Order;

stream_query! {
    query LargeOrders(orders: Order) -> Order {
        from o in orders watermark(o.ordered, hours(2));
        where o.amount > 100.0;
        select o;
        output append;
    }
}

stream_query! {
    query Sales() -> ui_tests::Sale {
        from s in query LargeOrders late into late_sales;
        select ui_tests::Sale { order: s.id, product: s.product };
        output append;
    }
}

fn main() {}
