//! Late rows of every clause that drops them: their sinks come behind the sources, in the order of the query.

use stream_runtime::prelude::*;
use ui_tests::{Click, Delivery, Journal, Order, PageStat, Sale};

macro_rules! queries {
    ($($name:ident: $mode:ident { $($clauses:tt)* })*) => {
        $(
            stream_query! {
                query $name(clicks: Click) -> PageStat {
                    $($clauses)*
                    output $mode;
                }
            }
        )*
    };
}

queries! {
    Windows: append {
        from c in clicks watermark(c.timestamp, minutes(1)) late into late_clicks;
        group by window(c.timestamp, minutes(5)), c.page;
        select PageStat { page: c.page, views: count() };
    }
    Sliding: update {
        from c in clicks watermark(c.timestamp, minutes(1)) late into late_clicks;
        group by window(c.timestamp, minutes(5), slide = minutes(1)), c.page;
        select PageStat { page: c.page, views: count() };
    }
    Sessions: append {
        from c in clicks watermark(c.timestamp, minutes(1)) late into late_clicks;
        group by session(c.timestamp, minutes(5)), c.page;
        select PageStat { page: c.page, views: count() };
    }
    Dedup: complete {
        from c in clicks watermark(c.timestamp, minutes(1)) late into late_clicks;
        dedup by c.user_id within watermark;
        select PageStat { page: String::new(), views: count() };
    }
}

stream_query! {
    pub query Shipped(orders: Order, returns: Order, deliveries: Delivery) -> Sale {
        from o in orders union returns watermark(o.ordered, hours(1)) late into late_orders;
        join d in deliveries watermark(d.sent, hours(1)) late into late_deliveries
            on d.order_id == o.id within d.sent in o.ordered ..= o.ordered + hours(24);
        select Sale { order: o.id, product: o.product };
        output append;
    }
}

/// Reads a query with late rows of its own.
mod chain {
    use super::*;

    stream_query! {
        query Products() -> Sale {
            from s in query Shipped;
            where s.order > 1;
            select s;
            output append;
        }
    }

    pub fn start() {
        let shipped = Shipped::query()
            .orders(FileSource::json("orders"))
            .returns(FileSource::json("returns"))
            .deliveries(FileSource::json("deliveries"))
            .late_orders(FileSink::json("late-orders"))
            .late_deliveries(Journal);
        let _ = Products::query().shipped(shipped).to(FileSink::json("out")).checkpoint("checkpoint");
    }
}

fn main() {
    let clicks = || FileSource::json("clicks");
    let _ = Windows::query().clicks(clicks()).late_clicks(FileSink::json("late")).to(FileSink::json("out"));
    let _ = Sliding::query().clicks(clicks()).late_clicks(FileSink::csv("late")).to(ConsoleSink::new());
    let _ = Sessions::query().clicks(clicks()).late_clicks(ConsoleSink::new()).to(Journal);
    let (_, late) = MemorySink::<Click>::new();
    let _ = Dedup::query().clicks(clicks()).late_clicks(late).to(ConsoleSink::new());
    chain::start();
    println!("{}", Sliding::explain());
}
