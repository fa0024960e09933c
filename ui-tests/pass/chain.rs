//! Every allowed cell of the support matrix for a query that reads another one.

#![deny(warnings)]

use stream_runtime::prelude::*;
use ui_tests::{Click, PageStat};

/// The inner queries, in a module of their own.
pub mod minutes_of_pages {
    use stream_runtime::prelude::*;
    use ui_tests::Click;

    /// Views of a page in a minute.
    #[derive(Schema)]
    pub struct PageMinute {
        /// The minute.
        pub window: Window,
        /// Its end, which is an event time, too.
        pub until: Timestamp,
        /// The page.
        pub page: String,
        /// How often it was viewed.
        pub views: u64,
    }

    stream_query! {
        /// Views of each page in each minute.
        pub query PageMinutes(clicks: Click) -> PageMinute {
            from c in clicks watermark(c.timestamp, minutes(1));
            group by window(c.timestamp, minutes(1)) as w, c.page;
            select PageMinute { window: w, until: w.end, page: c.page, views: count() };
            output append;
        }
    }

    stream_query! {
        /// Clicks that were no robot's.
        pub query Genuine(clicks: Click) -> Click {
            from c in clicks watermark(c.timestamp, minutes(1));
            where c.action != "robot";
            select c;
            output append;
        }
    }
}

use minutes_of_pages::{Genuine, PageMinutes};

macro_rules! queries {
    ($($name:ident: $mode:ident { $($clauses:tt)* })*) => {$(
        stream_query! { query $name() -> PageStat { $($clauses)* output $mode; } }
    )*};
}

queries! {
    RowsAppend: append {
        from m in query PageMinutes;
        where m.views > 10;
        select PageStat { page: m.page, views: m.views };
    }
    RowsUpdate: update {
        from m in query minutes_of_pages::PageMinutes;
        select PageStat { page: m.page, views: m.views };
    }
    WindowOfWindows: append {
        from m in query PageMinutes;
        group by window(m.window, hours(1)), m.page;
        select PageStat { page: m.page, views: sum(m.views) };
    }
    WindowOfEnds: append {
        from m in query PageMinutes;
        group by window(m.until, hours(1), slide = minutes(15)), m.page;
        select PageStat { page: m.page, views: sum(m.views) };
    }
    Sessions: append {
        from c in query Genuine;
        group by session(c.timestamp, minutes(30)), c.page;
        select PageStat { page: c.page, views: count() };
    }
    Dedup: append {
        from m in query PageMinutes;
        dedup by m.page, m.window;
        select PageStat { page: m.page, views: m.views };
    }
    JoinOfQueries: append {
        from m in query PageMinutes;
        left join c in query Genuine on c.page == m.page within c.timestamp in m.until - minutes(1) .. m.until;
        select PageStat { page: m.page, views: c.map_or(0, |_| m.views) };
    }
}

stream_query! {
    query ThreeDeep(extra: Click) -> PageStat {
        from e in extra watermark(e.timestamp, minutes(2));
        semi join c in query Genuine on c.page == e.page && c.timestamp == e.timestamp;
        select PageStat { page: e.page, views: 1 };
        output append;
    }
}

stream_query! {
    query FourDeep() -> PageStat {
        from t in query ThreeDeep;
        select PageStat { page: t.page, views: t.views };
        output append;
    }
}

fn clicks() -> impl stream_runtime::source::Source<Click> {
    FileSource::json("clicks")
}

fn main() {
    let inner = PageMinutes::query().clicks(clicks());
    let _ = WindowOfWindows::query().page_minutes(inner).to(FileSink::json("out"));
    let three = ThreeDeep::query().extra(clicks()).genuine(Genuine::query().clicks(clicks()));
    let _ = FourDeep::query().three_deep(three).to(FileSink::json("out"));
    println!("{}{}", Sessions::explain(), Dedup::explain());
    println!("{}{}", JoinOfQueries::explain(), FourDeep::explain());
}
