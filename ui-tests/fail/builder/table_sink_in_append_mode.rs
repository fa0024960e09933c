use stream_runtime::prelude::*;
use ui_tests::{Click, PageStat};

stream_query! {
    query Pages(clicks: Click) -> PageStat {
        from click in clicks watermark(click.timestamp, minutes(10));
        group by window(click.timestamp, minutes(5)), click.page;
        select PageStat { page: click.page, views: count() };
        output append;
    }
}

fn main() {
    let (_table, sink) = TableSink::by(|row: &PageStat| row.page.clone());
    let _ = Pages::query().clicks(FileSource::json("clicks")).to(sink);
}
