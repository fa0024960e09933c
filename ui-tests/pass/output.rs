//! Every allowed cell of the support matrix: query shape × output mode.

use stream_runtime::prelude::*;
use ui_tests::{Click, PageStat};

macro_rules! queries {
    ($($name:ident: $mode:ident { $($clauses:tt)* })*) => {$(
        stream_query! { query $name(clicks: Click) -> PageStat { $($clauses)* output $mode; } }
    )*};
}

queries! {
    RowsAppend: append { from c in clicks; select PageStat { page: c.page, views: 1 }; }
    RowsUpdate: update { from c in clicks; select PageStat { page: c.page, views: 1 }; }

    GlobalUpdate: update { from c in clicks; select PageStat { page: String::new(), views: count() }; }
    GlobalComplete: complete { from c in clicks; select PageStat { page: String::new(), views: count() }; }
    GlobalWatermark: update {
        from c in clicks watermark(c.timestamp, minutes(1));
        select PageStat { page: String::new(), views: count() };
    }

    KeysUpdate: update {
        from c in clicks;
        group by c.page unbounded;
        select PageStat { page: c.page, views: count() };
    }
    KeysComplete: complete {
        from c in clicks;
        group by c.page unbounded;
        select PageStat { page: c.page, views: count() };
    }
    KeysWatermark: update {
        from c in clicks watermark(c.timestamp, minutes(1));
        group by c.page unbounded;
        select PageStat { page: c.page, views: count() };
    }

    WindowUpdate: update {
        from c in clicks;
        group by window(c.timestamp, minutes(5)), c.page unbounded;
        select PageStat { page: c.page, views: count() };
    }
    WindowComplete: complete {
        from c in clicks;
        group by window(c.timestamp, minutes(5)), c.page, unbounded;
        select PageStat { page: c.page, views: count() };
    }

    WatermarkedWindowAppend: append {
        from c in clicks watermark(c.timestamp, minutes(1));
        group by window(c.timestamp, minutes(5)), c.page;
        select PageStat { page: c.page, views: count() };
    }
    WatermarkedWindowUpdate: update {
        from c in clicks watermark(c.timestamp, minutes(1));
        group by window(c.timestamp, minutes(5)), c.page;
        select PageStat { page: c.page, views: count() };
    }
    WatermarkedWindowComplete: complete {
        from c in clicks watermark(c.timestamp, minutes(1));
        group by window(c.timestamp, minutes(5)), c.page;
        select PageStat { page: c.page, views: count() };
    }
    // In complete mode every group is kept in any case, and the clause may say so.
    WatermarkedWindowCompleteUnbounded: complete {
        from c in clicks watermark(c.timestamp, minutes(1));
        group by window(c.timestamp, minutes(5)), c.page unbounded;
        select PageStat { page: c.page, views: count() };
    }

    InstantAppend: append {
        from c in clicks watermark(c.timestamp, minutes(1));
        group by c.timestamp, c.page;
        select PageStat { page: c.page, views: count() };
    }
    InstantUpdate: update {
        from c in clicks watermark(c.timestamp, minutes(1));
        group by c.timestamp, c.page;
        select PageStat { page: c.page, views: count() };
    }
    InstantComplete: complete {
        from c in clicks watermark(c.timestamp, minutes(1));
        group by c.timestamp, c.page;
        select PageStat { page: c.page, views: count() };
    }
}

fn main() {
    let _ = RowsAppend::query().clicks(FileSource::json("clicks")).to(FileSink::json("out"));
    let _ = WatermarkedWindowAppend::query().clicks(FileSource::json("clicks")).to(FileSink::json("out"));
    let _ = GlobalComplete::query().clicks(FileSource::json("clicks")).to(ConsoleSink::new());
    let _ = KeysUpdate::query().clicks(FileSource::csv("clicks")).to(ConsoleSink::new());
    println!("{}", InstantAppend::explain());
}
