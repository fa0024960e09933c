use stream_runtime::prelude::*;
use ui_tests::Click;

#[derive(Schema)]
struct Place {
    page: String,
}

#[derive(Schema)]
struct Visits {
    place: Place,
    views: u64,
}

stream_query! {
    query Sales(clicks: Click) -> Visits {
        from c in clicks;
        group by c.page unbounded;
        select Visits { place: Place { page: c.page.to_owned() }, views: count() };
        order by views desc, place;
        output complete;
    }
}

fn main() {}
