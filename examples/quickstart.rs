//! Views of a page per minute, in every output mode, from a click stream that this program writes itself.
//!
//! `cargo run --example quickstart` — needs nothing, and ends by itself.

use std::fmt::Write as _;
use std::path::Path;

use stream_runtime::prelude::*;

#[derive(Schema)]
struct Click {
    user_id: String,
    page: String,
    action: String,
    timestamp: Timestamp,
}

#[derive(Schema)]
struct PageViews {
    window: Window,
    page: String,
    views: u64,
    visitors: u64,
}

stream_query! {
    /// A row for each page and minute, once, when the watermark says that the minute is complete.
    query FinalViews(clicks: Click) -> PageViews {
        from click in clicks watermark(click.timestamp, seconds(30));
        where click.action == "view";
        group by window(click.timestamp, minutes(1)) as w, click.page;
        select PageViews { window: w, page: click.page, views: count(), visitors: count_distinct(click.user_id) };
        output append;
    }
}

stream_query! {
    /// The rows that have changed, in each batch.
    query ChangedViews(clicks: Click) -> PageViews {
        from click in clicks watermark(click.timestamp, seconds(30));
        where click.action == "view";
        group by window(click.timestamp, minutes(1)) as w, click.page;
        select PageViews { window: w, page: click.page, views: count(), visitors: count_distinct(click.user_id) };
        output update;
    }
}

stream_query! {
    /// The whole result, in each batch.
    query AllViews(clicks: Click) -> PageViews {
        from click in clicks watermark(click.timestamp, seconds(30));
        where click.action == "view";
        group by window(click.timestamp, minutes(1)) as w, click.page;
        select PageViews { window: w, page: click.page, views: count(), visitors: count_distinct(click.user_id) };
        output complete;
    }
}

/// A file a batch: seconds after 12:00, page, user.
const BATCHES: [&[(u32, &str, &str)]; 4] = [
    &[(5, "/home", "ada"), (20, "/home", "bob"), (40, "/buy", "ada")],
    &[(70, "/home", "eve"), (50, "/buy", "bob"), (100, "/home", "ada")],
    // 12:00:10 is behind the watermark by now (12:01:40 − 30 s), but its minute is closed only in this batch.
    &[(10, "/home", "late but in time"), (130, "/buy", "eve")],
    // Now the minute from 12:00 is closed: this row is dropped, and counted.
    &[(15, "/home", "too late"), (200, "/home", "bob")],
];

fn write_clicks(directory: &Path) -> std::io::Result<()> {
    for (batch, clicks) in BATCHES.iter().enumerate() {
        let mut lines = String::new();
        for (second, page, user) in *clicks {
            let _ = writeln!(
                lines,
                r#"{{"user_id":"{user}","page":"{page}","action":"view","timestamp":"2026-01-01T12:{:02}:{:02}Z"}}"#,
                second / 60,
                second % 60
            );
        }
        std::fs::write(directory.join(format!("clicks-{batch}.jsonl")), lines)?;
    }
    Ok(())
}

/// Says what the console sink can't know: what the watermark did to late rows.
fn report(query: &StreamingQuery) {
    for progress in query.recent_progress() {
        for operator in &progress.state_operators {
            if operator.num_rows_dropped_by_watermark > 0 {
                println!(
                    "batch {}: {} late row(s) dropped, watermark {}",
                    progress.batch_id,
                    operator.custom_metrics["lateInputRows"],
                    progress.event_time.watermark.unwrap_or_default(),
                );
            }
        }
    }
    println!();
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    write_clicks(directory.path())?;
    let clicks = || FileSource::json(directory.path()).max_files_per_trigger(1);

    println!("{}", FinalViews::explain());

    println!("=== output append: a window is emitted once, when it is complete\n");
    let query = FinalViews::query()
        .clicks(clicks())
        .to(ConsoleSink::new())
        .trigger(Trigger::AvailableNow)
        .start()
        .await?;
    query.await_termination().await?;
    report(&query);

    println!("=== output update: what has changed in the batch\n");
    let query = ChangedViews::query()
        .clicks(clicks())
        .to(ConsoleSink::new())
        .trigger(Trigger::AvailableNow)
        .start()
        .await?;
    query.await_termination().await?;
    report(&query);

    println!("=== output complete: everything, and late rows still count\n");
    let query = AllViews::query()
        .clicks(clicks())
        .to(ConsoleSink::new())
        .trigger(Trigger::AvailableNow)
        .start()
        .await?;
    query.await_termination().await?;
    report(&query);
    Ok(())
}
