//! A union is used like an input: with and without a watermark, in every output mode.

#![deny(warnings)]

use stream_runtime::prelude::*;
use ui_tests::{Click, Delivery, Order, PageStat, Sale};

macro_rules! queries {
    ($($name:ident: $mode:ident { $($clauses:tt)* })*) => {$(
        stream_query! { query $name(web: Click, app: Click, kiosk: Click) -> PageStat { $($clauses)* output $mode; } }
    )*};
}

queries! {
    RowsAppend: append { from c in web union app union kiosk; select PageStat { page: c.page, views: 1 }; }
    RowsUpdate: update {
        from c in kiosk union web union app watermark(c.timestamp, minutes(1));
        dedup by c.user_id within watermark;
        select PageStat { page: c.page, views: 1 };
    }
    WindowAppend: append {
        from c in web union app union kiosk watermark(c.timestamp, minutes(1));
        group by window(c.timestamp, minutes(5)), c.page;
        select PageStat { page: c.page, views: count() };
    }
    WindowUpdate: update {
        from c in web union app union kiosk watermark(c.timestamp, minutes(1));
        group by window(c.timestamp, minutes(5)), c.page;
        select PageStat { page: c.page, views: count() };
    }
    KeysComplete: complete {
        from c in web union app union kiosk;
        group by c.page unbounded;
        select PageStat { page: c.page, views: count() };
    }
}

stream_query! {
    query Joined(orders: Order, deliveries: Delivery, phone_orders: Order) -> Sale {
        from o in orders union phone_orders watermark(o.ordered, hours(2));
        join d in deliveries watermark(d.sent, hours(3)) on d.order_id == o.id
            within d.sent in o.ordered ..= o.ordered + hours(24);
        select Sale { order: o.id, product: d.carrier };
        output append;
    }
}

fn main() {
    let _ = RowsAppend::query()
        .web(FileSource::json("web"))
        .app(FileSource::csv("app"))
        .kiosk(FileSource::json("kiosk"))
        .to(FileSink::json("out"));
    println!("{}{}", RowsUpdate::explain(), WindowAppend::explain());
    println!("{}{}{}", WindowUpdate::explain(), KeysComplete::explain(), Joined::explain());
}
