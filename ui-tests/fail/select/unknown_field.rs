use stream_runtime::prelude::*;
use ui_tests::{Click, PageStat};

stream_query! {
    query Pages(clicks: Click) -> PageStat {
        from click in clicks;
        select PageStat { page: click.page, veiws: 1 };
        output append;
    }
}

fn main() {}
