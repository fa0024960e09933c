//! Windows: constants of the service, slides, starts, names, and a `let` for the event time.

use stream_runtime::prelude::*;
use ui_tests::Click;

const WIDTH: Duration = minutes(10);
const SLIDE: Duration = minutes(4);
const LATENESS: Duration = seconds(0);

#[derive(Schema)]
struct Count {
    window: Window,
    start: Timestamp,
    count: u64,
}

stream_query! {
    query Constants(clicks: Click) -> Count {
        from click in clicks watermark(click.timestamp, LATENESS);
        group by window(click.timestamp, WIDTH, slide = SLIDE, start = seconds(-30)) as w;
        select Count { window: w, start: w.start, count: count() };
        output append;
    }
}

stream_query! {
    query WithoutAName(clicks: Click) -> Count {
        from click in clicks watermark(click.timestamp, minutes(1));
        group by window(click.timestamp, hours(1), slide = hours(1));
        select Count { window, start: window.start, count: count() };
        output append;
    }
}

stream_query! {
    query AsWritten(clicks: Click) -> Count {
        from click in clicks watermark(click.timestamp, minutes(1));
        group by window(click.timestamp, weeks(1), start = days(4));
        select Count {
            window: window(click.timestamp, weeks(1), start = days(4)),
            start: window.start,
            count: count(),
        };
        output append;
    }
}

stream_query! {
    query ThroughALet(clicks: Click) -> Count {
        from click in clicks watermark(click.timestamp, minutes(1));
        let time = click.timestamp;
        group by window(time, minutes(5)) as w;
        select Count { window: w, start: w.start, count: count() };
        output append;
    }
}

stream_query! {
    query OverAnotherTime(clicks: Click) -> Count {
        from click in clicks watermark(click.timestamp, minutes(1));
        group by window(click.timestamp + hours(9), days(1)) as w unbounded;
        select Count { window: w, start: w.start, count: count() };
        output update;
    }
}

fn main() {}
