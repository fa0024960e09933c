//! Every allowed cell of the support matrix for joins of two streams, and what a condition and a range may be.

#![deny(warnings)]

use stream_runtime::prelude::*;
use ui_tests::{Delivery, Order, Sale};

const LIMIT: Duration = hours(24);
const SLACK: Duration = minutes(5);

macro_rules! queries {
    ($($name:ident { $($clauses:tt)* })*) => {$(
        stream_query! {
            query $name(orders: Order, deliveries: Delivery) -> Sale {
                $($clauses)*
                output append;
            }
        }
    )*};
}

queries! {
    Inner {
        from o in orders watermark(o.ordered, hours(2));
        join d in deliveries watermark(d.sent, hours(3)) on d.order_id == o.id
            within d.sent in o.ordered ..= o.ordered + hours(24);
        select Sale { order: o.id, product: d.carrier };
    }
    Left {
        from o in orders watermark(o.ordered, hours(2));
        left join d in deliveries watermark(d.sent, hours(3)) on d.order_id == o.id
            within d.sent in o.ordered ..= o.ordered + hours(24);
        where d.is_none_or(|d| d.carrier != "own");
        select Sale { order: o.id, product: d.map_or("none", |d| d.carrier).to_owned() };
    }
    Right {
        from o in orders watermark(o.ordered, hours(2));
        right join d in deliveries watermark(d.sent, hours(3)) on d.order_id == o.id
            within d.sent in o.ordered ..= o.ordered + hours(24);
        select Sale { order: d.order_id, product: o.map_or("none", |o| o.product).to_owned() };
    }
    Full {
        from o in orders watermark(o.ordered, hours(2));
        full join d in deliveries watermark(d.sent, hours(3)) on d.order_id == o.id
            within d.sent in o.ordered ..= o.ordered + hours(24);
        let id = o.map(|o| o.id).or(d.map(|d| d.order_id));
        select Sale { order: id.unwrap_or_default(), product: o.map_or("none", |o| o.product).to_owned() };
    }
    Semi {
        from o in orders watermark(o.ordered, hours(2));
        semi join d in deliveries watermark(d.sent, hours(3)) on d.order_id == o.id
            within d.sent in o.ordered ..= o.ordered + hours(24);
        select Sale { order: o.id, product: o.product };
    }
    Anti {
        from o in orders watermark(o.ordered, hours(2));
        anti join d in deliveries watermark(d.sent, hours(3)) on d.order_id == o.id
            within d.sent in o.ordered ..= o.ordered + hours(24);
        select Sale { order: o.id, product: o.product };
    }

    EqualTimes {
        from o in orders watermark(o.ordered, hours(2));
        full join d in deliveries watermark(d.sent, hours(3)) on d.sent == o.ordered && o.id == d.order_id;
        select Sale { order: o.map_or(0, |o| o.id), product: d.map_or("none", |d| d.carrier).to_owned() };
    }
    Unbounded {
        from o in orders;
        join d in deliveries on d.order_id == o.id unbounded;
        select Sale { order: o.id, product: d.carrier };
    }
    Conditions {
        from o in orders watermark(o.ordered, hours(2));
        let product = o.product.trim();
        let due = o.ordered;
        left join d in deliveries watermark(d.sent, hours(3))
            on (o.amount > 1.0 && d.order_id == o.id) && d.carrier.len() == product.len() && d.carrier != "own"
                && (d.carrier < product || due < d.sent)
            within d.sent in due - SLACK .. due + LIMIT;
        select Sale { order: o.id, product };
    }
    OtherWayRound {
        from o in orders watermark(o.ordered, hours(2));
        join d in deliveries watermark(d.sent, hours(3)) on o.id == d.order_id
            within o.ordered in d.sent - LIMIT ..= d.sent;
        select Sale { order: o.id, product: d.carrier };
    }
    Conversions {
        from o in orders watermark(o.ordered, hours(2));
        join d in deliveries watermark(d.sent, hours(3)) on d.order_id as i64 == o.id as i64
            within d.sent in o.ordered ..= o.ordered + days(1);
        select Sale { order: o.id, product: d.carrier };
    }

    ThenWindow {
        from o in orders watermark(o.ordered, hours(2));
        join d in deliveries watermark(d.sent, hours(3)) on d.order_id == o.id
            within d.sent in o.ordered ..= o.ordered + hours(24);
        group by window(d.sent, hours(1)), o.product;
        select Sale { order: count(), product: o.product };
        having count() > 1;
    }
    LeftThenWindow {
        from o in orders watermark(o.ordered, hours(2));
        left join d in deliveries watermark(d.sent, hours(3)) on d.order_id == o.id
            within d.sent in o.ordered ..= o.ordered + hours(24);
        group by window(o.ordered, hours(1)), o.product;
        select Sale { order: count(d.map(|d| d.order_id)), product: o.product };
    }
    RightThenSession {
        from o in orders watermark(o.ordered, hours(2));
        right join d in deliveries watermark(d.sent, hours(3)) on d.order_id == o.id
            within d.sent in o.ordered ..= o.ordered + hours(24);
        group by session(d.sent, hours(1)), d.carrier;
        select Sale { order: count(), product: d.carrier };
    }
    SemiThenInstant {
        from o in orders watermark(o.ordered, hours(2));
        semi join d in deliveries watermark(d.sent, hours(3)) on d.order_id == o.id
            within d.sent in o.ordered ..= o.ordered + hours(24);
        group by o.ordered, o.product;
        select Sale { order: count(), product: o.product };
    }
    DedupBeforeAndBehind {
        from o in orders watermark(o.ordered, hours(2));
        dedup by o.id, o.ordered;
        left join d in deliveries watermark(d.sent, hours(3)) on d.order_id == o.id
            within d.sent in o.ordered ..= o.ordered + hours(24);
        dedup by o.product within watermark;
        explode word in o.product.split(' ');
        select Sale { order: o.id, product: word };
    }
}

stream_query! {
    query Chain(orders: Order, deliveries: Delivery, returns: Delivery) -> Sale {
        from o in orders watermark(o.ordered, hours(2));
        left join d in deliveries watermark(d.sent, hours(3)) on d.order_id == o.id
            within d.sent in o.ordered ..= o.ordered + hours(24);
        where o.amount > 0.0;
        full join r in returns watermark(r.sent, hours(3)) on r.order_id == o.id
            within r.sent in o.ordered ..= o.ordered + days(14);
        let carrier = d.map(|d| d.carrier).or(r.map(|r| r.carrier));
        select Sale { order: o.map_or(0, |o| o.id), product: carrier.unwrap_or("none").to_owned() };
        output append;
    }
}

// A join without bounds behind one that may have made up the row of `from`.
stream_query! {
    query UnboundedBehindRight(first: Event, second: Event, third: Event) -> Id {
        from a in first watermark(a.at, minutes(1));
        right join b in second watermark(b.at, minutes(1)) on a.id == b.id within b.at in a.at ..= a.at + hours(1);
        join c in third on c.id == b.id unbounded;
        select Id { id: c.id };
        output append;
    }
}

#[derive(Schema)]
struct Event {
    id: u64,
    at: Timestamp,
}

#[derive(Schema)]
struct Id {
    id: u64,
}

/// A public query whose rows are the module's own.
mod service {
    use stream_runtime::prelude::*;

    #[derive(Schema)]
    struct Impression {
        id: u64,
        at: Timestamp,
    }

    #[derive(Schema)]
    struct Seen {
        id: u64,
    }

    stream_query! {
        /// Impressions that were seen twice.
        pub query SeenAgain(first: Impression, second: Impression) -> Seen {
            from a in first watermark(a.at, minutes(1));
            semi join b in second watermark(b.at, minutes(1)) on a.id == b.id within b.at in a.at ..= a.at + hours(1);
            select Seen { id: a.id };
            output append;
        }
    }
}

fn main() {
    let orders = FileSource::json("orders");
    let _ = Inner::query().orders(orders).deliveries(FileSource::csv("deliveries")).to(FileSink::json("out"));
    println!("{}{}", Left::explain(), Right::explain());
    println!("{}{}{}", Full::explain(), Semi::explain(), Anti::explain());
    println!("{}{}{}", EqualTimes::explain(), Unbounded::explain(), Conditions::explain());
    println!("{}{}", OtherWayRound::explain(), Conversions::explain());
    println!("{}{}{}", ThenWindow::explain(), LeftThenWindow::explain(), RightThenSession::explain());
    println!("{}{}", SemiThenInstant::explain(), DedupBeforeAndBehind::explain());
    println!("{}{}{}", Chain::explain(), service::SeenAgain::explain(), UnboundedBehindRight::explain());
}
