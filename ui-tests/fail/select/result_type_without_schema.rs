use stream_runtime::prelude::*;
use ui_tests::{Click};

struct Plain {
    page: String,
}

stream_query! {
    query Plains(clicks: Click) -> Plain {
        from click in clicks;
        select Plain { page: click.page };
        output append;
    }
}

fn main() {}
