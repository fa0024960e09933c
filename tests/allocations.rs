//! A row whose group is known costs no allocation: a batch of fifty times the rows allocates no more blocks.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use stream_runtime::engine::{Progress, QueryListener};
use stream_runtime::prelude::*;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

#[derive(Schema)]
struct Click {
    user_id: String,
    page: String,
    amount: Option<f64>,
    timestamp: Timestamp,
}

#[derive(Schema)]
struct PageStat {
    window: Window,
    page: String,
    views: u64,
    visitors: u64,
    total: Option<f64>,
    last_page: String,
}

stream_query! {
    query PageStats(clicks: Click) -> PageStat {
        from click in clicks watermark(click.timestamp, minutes(1));
        where click.page != "/health";
        group by window(click.timestamp, minutes(10), slide = minutes(5)) as w, click.page;
        select PageStat {
            window: w, page: click.page, views: count(), visitors: count_distinct(click.user_id),
            total: sum(click.amount), last_page: max(click.page),
        };
        output update;
    }
}

const FEW: usize = 1_000;
const MANY: usize = 50 * FEW;

/// The blocks allocated up to the end of each batch.
#[derive(Clone, Default)]
struct Blocks(Arc<Mutex<Vec<u64>>>);

impl QueryListener for Blocks {
    fn on_progress(&self, _: &Progress) {
        let total = dhat::HeapStats::get().total_blocks;
        self.0.lock().expect("no test thread has panicked").push(total);
    }
}

impl Blocks {
    /// How many blocks the last batch allocated more than the one before.
    fn growth(&self) -> i64 {
        let totals = self.0.lock().expect("no test thread has panicked");
        let [.., a, b, c] = totals[..] else { panic!("three batches, not {totals:?}") };
        (c - b) as i64 - (b - a) as i64
    }
}

fn click(index: usize) -> Click {
    Click {
        user_id: format!("u{}", index % 100),
        page: format!("/p/{}", index % 10),
        amount: (!index.is_multiple_of(3)).then_some(index as f64),
        timestamp: Timestamp::from_millis(1_767_225_600_000 + (index % 1_000) as i64),
    }
}

fn json(rows: usize) -> String {
    (0..rows).fold(String::new(), |mut lines, index| {
        let Click { user_id, page, amount, timestamp } = click(index);
        let amount = amount.map_or("null".to_owned(), |amount| format!("{amount:.2}"));
        let _ = writeln!(
            lines,
            r#"{{"user_id":"{user_id}","page":"{page}","amount":{amount},"timestamp":"{timestamp}"}}"#
        );
        lines
    })
}

/// One test, since the allocator counts for the whole process.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_row_of_a_known_group_allocates_nothing() {
    let _profiler = dhat::Profiler::builder().testing().build();

    let (input, source) = MemorySource::new();
    for rows in [FEW, FEW, MANY] {
        input.add((0..rows).map(click));
    }
    let in_memory = Blocks::default();
    let query = PageStats::query().clicks(source.max_chunks_per_trigger(1));
    let query = query.to(ForeachSink::new(|_| Ok(()))).listener(in_memory.clone()).workers(1);
    let query = query.trigger(Trigger::AvailableNow).start().await.expect("the query starts");
    query.await_termination().await.expect("the query runs to its end");
    assert!(in_memory.growth() < 100, "{} blocks for {MANY} rows in memory", in_memory.growth());

    let directory = tempfile::tempdir().expect("a directory");
    for (name, rows) in [("a", FEW), ("b", FEW), ("c", MANY)] {
        std::fs::write(directory.path().join(name), json(rows)).expect("the input can be written");
    }
    let from_json = Blocks::default();
    let query = PageStats::query().clicks(FileSource::json(directory.path()).max_files_per_trigger(1));
    let query = query.to(ForeachSink::new(|_| Ok(()))).listener(from_json.clone()).workers(1);
    let query = query.trigger(Trigger::AvailableNow).start().await.expect("the query starts");
    query.await_termination().await.expect("the query runs to its end");
    assert!(from_json.growth() < 100, "{} blocks for {MANY} rows of JSON", from_json.growth());
}
