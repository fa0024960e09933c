use stream_runtime::prelude::*;
use ui_tests::{Click};

stream_query! {
    query Clicks(clicks: Click) -> Click {
        from click in clicks;
        select click;
        output complete;
    }
}

fn main() {}
