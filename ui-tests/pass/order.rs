//! `order by` with keys of all kinds, and `limit`.

#![deny(warnings)]

use std::cmp::{Ordering, Reverse};

use stream_runtime::expr::SortKey;
use stream_runtime::prelude::*;
use ui_tests::{Click, PageStat};

const TOP: u64 = 10;
const FEWER: u64 = TOP / 2;

#[derive(Schema)]
pub struct Everything {
    pub window: Window,
    pub page: String,
    pub r#type: String,
    pub users: Vec<String>,
    pub last: Option<Timestamp>,
    pub total: Option<f64>,
    pub views: u64,
    pub row: i32,
    pub place: Place,
    #[schema(skip)]
    pub severity: Severity,
}

#[derive(Schema)]
pub struct Place {
    pub name: String,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    #[default]
    Notice,
    Alarm,
}

impl SortKey for Severity {
    fn compare(&self, other: &Self) -> Ordering {
        self.cmp(other)
    }
}

fn rank(page: &str, limit: u64) -> u64 {
    (page.len() as u64).min(limit)
}

stream_query! {
    pub query Ordered(clicks: Click) -> Everything {
        from c in clicks;
        group by window(c.timestamp, minutes(5)) as window, c.page unbounded;
        select Everything {
            window,
            page: c.page,
            r#type: String::new(),
            users: collect_set(c.user_id),
            last: last(c.timestamp),
            total: sum(c.amount),
            views: count(),
            row: 1,
            place: Place { name: String::new() },
            severity: if count() > 5 { Severity::Alarm } else { Severity::Notice },
        };
        having views > 1;
        order by
            window desc, page asc, r#type, users, last desc, total desc, (views), row, severity desc,
            views > 3, views as f64 / 2.0, rank(page, TOP), Reverse(views), (page, views),
            page.chars().map(|row| row as u32).max(), format!("{page}"), users.len(),
            { let half = views / 2; half }, if row == 0 { page } else { r#type }, place.name, TOP,
            total.unwrap_or(f64::NAN) desc,
        ;
        limit FEWER;
        output complete;
    }
}

stream_query! {
    query First(clicks: Click) -> PageStat {
        from c in clicks;
        select PageStat { page: c.page, views: 1 };
        limit 100;
        output append;
    }
}

stream_query! {
    query FirstOfWindows(clicks: Click) -> PageStat {
        from c in clicks watermark(c.timestamp, minutes(1));
        dedup by c.user_id, c.timestamp;
        group by session(c.timestamp, minutes(5)), c.page;
        select PageStat { page: c.page, views: count() };
        limit u64::MAX;
        output append;
    }
}

stream_query! {
    query Global(clicks: Click) -> PageStat {
        from c in clicks;
        select PageStat { page: String::new(), views: count() };
        order by views;
        limit 0;
        output complete;
    }
}

fn main() {
    let _ = Ordered::query().clicks(FileSource::json("clicks")).to(ConsoleSink::new());
    let _ = First::query().clicks(FileSource::json("clicks")).to(FileSink::json("out"));
    let _ = Global::query().clicks(FileSource::json("clicks")).to(ConsoleSink::new());
    println!("{}", FirstOfWindows::explain());
}
