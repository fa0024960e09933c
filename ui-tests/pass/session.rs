//! Every allowed cell of the support matrix for sessions; gaps of all kinds.

use stream_runtime::prelude::*;
use ui_tests::Click;

const GAP: Duration = minutes(30);

#[derive(Schema)]
struct Visit {
    user: String,
    visit: Window,
    from: Timestamp,
    clicks: u64,
}

macro_rules! queries {
    ($($name:ident: $mode:ident { $($clauses:tt)* })*) => {$(
        stream_query! { query $name(clicks: Click) -> Visit { $($clauses)* output $mode; } }
    )*};
}

queries! {
    Append: append {
        from c in clicks watermark(c.timestamp, minutes(1));
        group by session(c.timestamp, minutes(30)) as visit, c.user_id;
        select Visit { user: c.user_id, visit, from: visit.start, clicks: count() };
    }
    CompleteWithWatermark: complete {
        from c in clicks watermark(c.timestamp, minutes(1));
        group by session(c.timestamp, GAP), c.user_id;
        select Visit { user: c.user_id, visit: session, from: session.start, clicks: count() };
    }
    CompleteWithout: complete {
        from c in clicks;
        group by c.user_id as user, session(c.timestamp, GAP), unbounded;
        select Visit { user, visit: session(c.timestamp, GAP), from: session.start, clicks: count() };
    }
    OverAnotherTime: complete {
        from c in clicks watermark(c.timestamp, minutes(1));
        group by session(c.timestamp + hours(9), GAP), c.user_id unbounded;
        select Visit { user: c.user_id, visit: session, from: session.start, clicks: count() };
    }

    GapOfTheRow: append {
        from c in clicks watermark(c.timestamp, minutes(1));
        let patience = minutes(c.page.len() as i64);
        group by session(c.timestamp, if c.action == "buy" { hours(1) } else { patience }), c.user_id;
        select Visit { user: c.user_id, visit: session, from: min(c.timestamp), clicks: count() };
        having clicks > 1 && session.end > Timestamp::UNIX_EPOCH;
    }
    GapThatMayBeNull: append {
        from c in clicks watermark(c.timestamp, minutes(1));
        group by session(c.timestamp, c.amount.map(|amount| seconds(amount as i64))), c.user_id;
        select Visit { user: c.user_id, visit: session, from: session.start, clicks: count_distinct(c.page) };
    }
    OfSeveralKeys: append {
        from c in clicks watermark(c.timestamp, minutes(1));
        explode page in c.page.split('/');
        let time = c.timestamp;
        group by session(time, GAP), c.user_id, page;
        select Visit { user: format!("{} {page}", c.user_id), visit: session, from: session.start, clicks: count() };
    }
    WithoutAggregates: append {
        from c in clicks watermark(c.timestamp, minutes(1));
        group by session(c.timestamp, GAP), c.user_id;
        select Visit { user: c.user_id, visit: session, from: session.start, clicks: 0 };
    }
}

fn main() {
    let _ = Append::query().clicks(FileSource::json("clicks")).to(FileSink::json("out"));
    let _ = CompleteWithout::query().clicks(FileSource::json("clicks")).to(ConsoleSink::new());
    println!("{}", GapOfTheRow::explain());
}
