//! Every allowed cell of the support matrix for deduplication, and what its keys may be.

use stream_runtime::prelude::*;
use ui_tests::{Click, PageStat};

macro_rules! queries {
    ($($name:ident: $mode:ident { $($clauses:tt)* })*) => {$(
        stream_query! { query $name(clicks: Click) -> PageStat { $($clauses)* output $mode; } }
    )*};
}

queries! {
    ByEventTimeAppend: append {
        from c in clicks watermark(c.timestamp, minutes(1));
        dedup by c.user_id, c.timestamp;
        select PageStat { page: c.page, views: 1 };
    }
    ByEventTimeUpdate: update {
        from c in clicks watermark(c.timestamp, minutes(1));
        dedup by c.timestamp;
        select PageStat { page: c.page, views: 1 };
    }
    WithinWatermarkAppend: append {
        from c in clicks watermark(c.timestamp, minutes(1));
        dedup by c.user_id within watermark;
        select PageStat { page: c.page, views: 1 };
    }
    WithinWatermarkUpdate: update {
        from c in clicks watermark(c.timestamp, minutes(1));
        dedup by c.user_id, c.page, within watermark;
        select PageStat { page: c.page, views: 1 };
    }
    UnboundedAppend: append {
        from c in clicks;
        dedup by c.user_id unbounded;
        select PageStat { page: c.page, views: 1 };
    }
    UnboundedUpdate: update {
        from c in clicks watermark(c.timestamp, minutes(1));
        dedup by c.user_id, unbounded;
        select PageStat { page: c.page, views: 1 };
    }

    WindowAppend: append {
        from c in clicks watermark(c.timestamp, minutes(1));
        dedup by c.user_id, c.timestamp;
        group by window(c.timestamp, minutes(5)), c.page;
        select PageStat { page: c.page, views: count() };
    }
    WindowUpdate: update {
        from c in clicks watermark(c.timestamp, minutes(1));
        dedup by c.user_id within watermark;
        group by window(c.timestamp, minutes(5), slide = minutes(1)), c.page;
        select PageStat { page: c.page, views: count() };
    }
    WindowComplete: complete {
        from c in clicks watermark(c.timestamp, minutes(1));
        dedup by c.user_id, c.timestamp;
        group by window(c.timestamp, minutes(5)), c.page;
        select PageStat { page: c.page, views: count() };
    }
    InstantAppend: append {
        from c in clicks watermark(c.timestamp, minutes(1));
        dedup by c.user_id, c.timestamp;
        group by c.timestamp, c.page;
        select PageStat { page: c.page, views: count() };
    }
    KeysUpdate: update {
        from c in clicks watermark(c.timestamp, minutes(1));
        dedup by c.user_id, c.timestamp;
        group by c.page unbounded;
        select PageStat { page: c.page, views: count() };
    }
    KeysComplete: complete {
        from c in clicks;
        dedup by c.user_id unbounded;
        group by c.page unbounded;
        select PageStat { page: c.page, views: count() };
    }
    GlobalUpdate: update {
        from c in clicks;
        dedup by c.user_id unbounded;
        select PageStat { page: String::new(), views: count() };
    }
    GlobalComplete: complete {
        from c in clicks watermark(c.timestamp, minutes(1));
        dedup by c.user_id within watermark;
        select PageStat { page: first(c.page), views: count() };
    }
    SessionAppend: append {
        from c in clicks watermark(c.timestamp, minutes(1));
        dedup by c.user_id, c.timestamp;
        group by session(c.timestamp, minutes(5)), c.page;
        select PageStat { page: c.page, views: count() };
    }
    SessionComplete: complete {
        from c in clicks;
        dedup by c.user_id unbounded;
        group by session(c.timestamp, minutes(5)), c.page unbounded;
        select PageStat { page: c.page, views: count() };
    }

    AmongTheSteps: append {
        from c in clicks watermark(c.timestamp, minutes(1));
        where c.action == "buy";
        let user = c.user_id.trim();
        let time = c.timestamp;
        dedup by user, c.page.len(), time, c.amount.map(|amount| amount as i64);
        where c.amount > Some(1.0);
        explode page in c.page.split('/');
        let lower = page.to_lowercase();
        where !lower.is_empty();
        select PageStat { page: lower, views: user.len() as u64 };
    }
}

mod nulls {
    use super::*;

    #[derive(Schema)]
    pub struct Event {
        pub id: Option<String>,
        pub at: Option<Timestamp>,
    }

    stream_query! {
        pub query Once(events: Event) -> Event {
            from event in events watermark(event.at, seconds(0));
            dedup by event.id, event.at;
            select event;
            output append;
        }
    }
}

fn main() {
    let _ = ByEventTimeAppend::query().clicks(FileSource::json("clicks")).to(FileSink::json("out"));
    let _ = nulls::Once::query().events(FileSource::csv("events")).to(FileSink::json("out"));
    println!("{}", SessionAppend::explain());
}
