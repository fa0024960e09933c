//! Every allowed cell of the support matrix for joins with static inputs.

#![deny(warnings)]

use stream_runtime::prelude::*;
use ui_tests::{Delivery, Order, Product, Sale};

macro_rules! queries {
    ($($name:ident: $mode:ident { $($clauses:tt)* })*) => {$(
        stream_query! {
            query $name(orders: Order, catalog: static Product) -> Sale {
                $($clauses)*
                output $mode;
            }
        }
    )*};
}

queries! {
    InnerAppend: append {
        from o in orders watermark(o.ordered, hours(2));
        join p in catalog on p.id == o.product;
        select Sale { order: o.id, product: p.name };
    }
    InnerUpdate: update {
        from o in orders watermark(o.ordered, hours(2));
        join p in catalog on p.id == o.product && p.since <= o.ordered;
        select Sale { order: o.id, product: p.name };
    }
    LeftAppend: append {
        from o in orders watermark(o.ordered, hours(2));
        left join p in catalog on o.product == p.id && p.since <= o.ordered && o.amount > 1.0;
        select Sale { order: o.id, product: p.map_or(o.product, |p| p.name).to_owned() };
    }
    LeftUpdate: update {
        from o in orders watermark(o.ordered, hours(2));
        left join p in catalog on p.id == o.product;
        where p.is_none();
        select Sale { order: o.id, product: o.product };
    }
    SemiAppend: append {
        from o in orders watermark(o.ordered, hours(2));
        semi join p in catalog on p.id == o.product && p.since <= o.ordered;
        select Sale { order: o.id, product: o.product };
    }
    SemiUpdate: update {
        from o in orders watermark(o.ordered, hours(2));
        semi join p in catalog on p.id == o.product && o.amount > 1.0;
        select Sale { order: o.id, product: o.product };
    }
    AntiAppend: append {
        from o in orders watermark(o.ordered, hours(2));
        anti join p in catalog on p.id == o.product;
        select Sale { order: o.id, product: o.product };
    }
    AntiUpdate: update {
        from o in orders watermark(o.ordered, hours(2));
        anti join p in catalog on p.id == o.product && p.name == "gone";
        select Sale { order: o.id, product: o.product };
    }

    WindowAppend: append {
        from o in orders watermark(o.ordered, hours(2));
        join p in catalog on p.id == o.product;
        group by window(o.ordered, hours(1)), p.name;
        select Sale { order: count(), product: p.name };
    }
    WindowUpdate: update {
        from o in orders watermark(o.ordered, hours(2));
        left join p in catalog on p.id == o.product;
        group by window(o.ordered, hours(1)), o.product;
        select Sale { order: count(p.map(|p| p.name)), product: o.product };
    }
    KeysComplete: complete {
        from o in orders watermark(o.ordered, hours(2));
        semi join p in catalog on p.id == o.product;
        group by o.product unbounded;
        select Sale { order: count(), product: o.product };
    }
    SessionAppend: append {
        from o in orders watermark(o.ordered, hours(2));
        anti join p in catalog on p.id == o.product;
        group by session(o.ordered, hours(1)), o.product;
        select Sale { order: count(), product: o.product };
    }
    DedupBefore: append {
        from o in orders watermark(o.ordered, hours(2));
        dedup by o.id, o.ordered;
        let id = o.product.trim();
        join p in catalog on p.id == id;
        explode word in p.name.split(' ');
        where !word.is_empty();
        select Sale { order: o.id, product: word };
    }
}

stream_query! {
    query Several(orders: Order, deliveries: Delivery, catalog: static Product, parts: static Product) -> Sale {
        from o in orders watermark(o.ordered, hours(2));
        join d in deliveries watermark(d.sent, hours(3)) on d.order_id == o.id
            within d.sent in o.ordered ..= o.ordered + hours(24);
        join p in catalog on p.id == o.product;
        left join q in parts on q.id == p.name && q.since < d.sent;
        select Sale { order: o.id, product: q.map_or(d.carrier, |q| q.name).to_owned() };
        output append;
    }
}

fn main() {
    let catalog: Vec<Product> = Vec::new();
    let _ = LeftAppend::query().orders(FileSource::json("orders")).catalog(catalog).to(FileSink::json("out"));
    println!("{}{}{}", InnerAppend::explain(), InnerUpdate::explain(), LeftUpdate::explain());
    println!("{}{}", SemiAppend::explain(), SemiUpdate::explain());
    println!("{}{}", AntiAppend::explain(), AntiUpdate::explain());
    println!("{}{}", WindowAppend::explain(), WindowUpdate::explain());
    println!("{}{}", KeysComplete::explain(), SessionAppend::explain());
    println!("{}{}", DedupBefore::explain(), Several::explain());
}
