//! Sessions: what a user does without a pause that is longer than the gap, which is the same for all or one for each row.
//!
//! `cargo run --example sessions` — needs nothing, and ends by itself.

use stream_runtime::prelude::*;

#[derive(Schema, Clone)]
struct Click {
    user_id: String,
    page: String,
    event_time: Timestamp,
}

#[derive(Schema)]
struct Session {
    window: Window,
    user_id: String,
    clicks: u64,
    length: Duration,
    pages: Vec<String>,
}

stream_query! {
    /// A session ends five minutes after its last click.
    query Visits(clicks: Click) -> Session {
        from click in clicks watermark(click.event_time, minutes(10));
        group by session(click.event_time, minutes(5)) as w, click.user_id;
        select Session {
            window: w,
            user_id: click.user_id,
            clicks: count(),
            length: w.end - w.start,
            pages: collect_list(click.page),
        };
        output append;
    }
}

/// How long a page holds its reader.
fn patience(page: &str) -> Duration {
    match page {
        "/film" => minutes(90),
        "/logout" => seconds(1),
        _ => minutes(5),
    }
}

stream_query! {
    /// A click keeps its session open for as long as its page takes.
    query PatientVisits(clicks: Click) -> Session {
        from click in clicks watermark(click.event_time, minutes(10));
        group by session(click.event_time, patience(click.page)) as w, click.user_id;
        select Session {
            window: w,
            user_id: click.user_id,
            clicks: count(),
            length: w.end - w.start,
            pages: collect_list(click.page),
        };
        output append;
    }
}

/// A batch a line: user, page, and minutes after 12:00.
const BATCHES: [&[(&str, &str, u32)]; 4] = [
    // Two sessions of ada, 12:00 to 12:05 and 12:08 to 12:13; bob watches a film.
    &[("ada", "/home", 0), ("ada", "/cart", 8), ("bob", "/film", 1)],
    // Late, and just in time: 12:04 lies in the first session, and its five minutes reach into the second. They are one.
    &[("ada", "/help", 4)],
    // bob's second page is in a session of its own, unless the film still holds him.
    &[("ada", "/logout", 12), ("bob", "/home", 20), ("eve", "/home", 60)],
    // The watermark is at 12:50 now, and at 14:20 in the batch after this one, which has no rows.
    &[("eve", "/logout", 150)],
];

fn click(&(user_id, page, minute): &(&str, &str, u32)) -> Click {
    Click {
        user_id: user_id.to_owned(),
        page: page.to_owned(),
        event_time: Timestamp::from_secs(1_767_268_800 + i64::from(minute) * 60),
    }
}

/// The batches, each of one chunk.
fn clicks() -> MemorySource<Click> {
    let (input, source) = MemorySource::new();
    for batch in BATCHES {
        input.add(batch.iter().map(click));
    }
    source.max_chunks_per_trigger(1)
}

/// Says how many sessions were open after each batch: one that bridges two others makes them fewer.
fn report(query: &StreamingQuery) {
    for progress in query.recent_progress() {
        for sessions in &progress.state_operators {
            println!(
                "batch {}: {} row(s), then {} session(s) in state; {} closed or taken into another",
                progress.batch_id,
                progress.num_input_rows,
                sessions.num_rows_total,
                sessions.num_rows_removed,
            );
        }
    }
    println!();
}

#[tokio::main]
async fn main() -> stream_runtime::Result<()> {
    println!("{}", Visits::explain());

    println!("=== a gap of five minutes\n");
    let query = Visits::query()
        .clicks(clicks())
        .to(ConsoleSink::new().truncate(false))
        .trigger(Trigger::AvailableNow)
        .start()
        .await?;
    query.await_termination().await?;
    report(&query);

    println!("=== a gap that goes by the page: bob's film holds him for an hour and a half\n");
    let query = PatientVisits::query()
        .clicks(clicks())
        .to(ConsoleSink::new().truncate(false))
        .trigger(Trigger::AvailableNow)
        .start()
        .await?;
    query.await_termination().await?;
    report(&query);
    Ok(())
}
