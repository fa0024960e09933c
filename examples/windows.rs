//! The tumbling and sliding windows of the Spark lesson, over `amount` and `action`, and its stateless query.
//!
//! `cargo run --example windows` — makes its own input, and ends by itself.

use std::fmt::Write as _;

use stream_runtime::prelude::*;

#[derive(Schema)]
struct Event {
    user_id: String,
    action: String,
    amount: Option<f64>,
    event_time: Timestamp,
}

#[derive(Schema)]
struct Purchase {
    user_id: String,
    action_upper: String,
    amount: Option<f64>,
    event_time: Timestamp,
}

#[derive(Schema)]
struct ByAction {
    window: Window,
    action: String,
    event_count: u64,
    total_amount: Option<f64>,
    avg_amount: Option<f64>,
}

#[derive(Schema)]
struct ByUser {
    window: Window,
    user_id: String,
    event_count: u64,
    total_amount: Option<f64>,
}

stream_query! {
    /// Stateless: each row by itself.
    query Purchases(events: Event) -> Purchase {
        from event in events;
        where event.amount.is_some_and(|amount| amount > 90.0);
        let action_upper = event.action.to_uppercase();
        select Purchase {
            user_id: event.user_id,
            action_upper: action_upper,
            amount: event.amount,
            event_time: event.event_time,
        };
        output append;
    }
}

stream_query! {
    /// Tumbling: every event is in one window of ten minutes.
    query Tumbling(events: Event) -> ByAction {
        from event in events watermark(event.event_time, minutes(5));
        group by window(event.event_time, minutes(10)) as w, event.action;
        select ByAction {
            window: w,
            action: event.action,
            event_count: count(),
            total_amount: sum(event.amount),
            avg_amount: avg(event.amount),
        };
        output update;
    }
}

stream_query! {
    /// Sliding: every event is in two windows of ten minutes, one starting each five.
    query Sliding(events: Event) -> ByUser {
        from event in events watermark(event.event_time, minutes(5));
        group by window(event.event_time, minutes(10), slide = minutes(5)) as w, event.user_id;
        select ByUser {
            window: w,
            user_id: event.user_id,
            event_count: count(),
            total_amount: sum(event.amount),
        };
        output append;
    }
}

/// Three files of events: one a batch.
fn write_events(directory: &std::path::Path) -> std::io::Result<()> {
    let actions = ["view", "click", "purchase"];
    for file in 0..3_u32 {
        let mut lines = String::new();
        for row in 0..8_u32 {
            let n = file * 8 + row;
            // Amounts in cents, made by an arithmetic that looks random; every fifth is null.
            let cents = n * 7_919 % 10_000;
            let amount =
                if n % 5 == 4 { "null".to_owned() } else { format!("{}.{:02}", cents / 100, cents % 100) };
            let _ = writeln!(
                lines,
                r#"{{"user_id":"u{}","action":"{}","amount":{amount},"event_time":"2026-01-01T12:{:02}:00Z"}}"#,
                n % 3,
                actions[n as usize % actions.len()],
                n * 2 % 60,
            );
        }
        std::fs::write(directory.join(format!("events-{file}.jsonl")), lines)?;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    write_events(directory.path())?;
    let events = || FileSource::json(directory.path()).max_files_per_trigger(1);
    let now = Trigger::AvailableNow;

    println!("{}", Purchases::explain());
    let query = Purchases::query().events(events()).to(ConsoleSink::new()).trigger(now).start().await?;
    query.await_termination().await?;

    println!("{}", Tumbling::explain());
    let query = Tumbling::query()
        .events(events())
        .to(ConsoleSink::new().truncate(false))
        .trigger(now)
        .start()
        .await?;
    query.await_termination().await?;

    println!("{}", Sliding::explain());
    let query = Sliding::query().events(events()).to(ConsoleSink::new()).trigger(now).start().await?;
    query.await_termination().await?;
    Ok(())
}
