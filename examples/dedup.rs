//! Each event once, though its sender repeats some of them: by id and event time, and by id alone.
//!
//! `cargo run --example dedup` — needs nothing, and ends by itself.

use stream_runtime::engine::QueryBuilder;
use stream_runtime::plan::Plan;
use stream_runtime::prelude::*;

#[derive(Schema, Clone)]
struct Event {
    event_id: u64,
    event_time: Timestamp,
}

stream_query! {
    /// A repetition is the same in both columns. Once the watermark has passed an event's time, a repetition is late
    /// and dropped for that, so its key leaves the state.
    query ByIdAndTime(events: Event) -> Event {
        from event in events watermark(event.event_time, minutes(10));
        dedup by event.event_id, event.event_time;
        select event;
        output append;
    }
}

stream_query! {
    /// A repetition has a time of its own, so the id alone is the key. It leaves the state when the watermark has passed
    /// the time of the first one plus the delay.
    query ById(events: Event) -> Event {
        from event in events watermark(event.event_time, minutes(10));
        dedup by event.event_id within watermark;
        select event;
        output append;
    }
}

/// A batch a line: ids, and minutes after 12:00. The watermark follows ten minutes behind the latest, a batch later.
const BATCHES: [&[(u64, u32)]; 5] = [
    // 1 comes twice, and 2 comes again with a time of its own.
    &[(1, 0), (2, 1), (1, 0), (2, 2), (3, 3)],
    // The keys of the batch before are known.
    &[(3, 3), (4, 5), (2, 6)],
    &[(4, 5), (5, 30)],
    // The watermark is at 12:20 now. A row is late by that of the batch before: 4 meets its key once more, which then
    // leaves the state.
    &[(4, 5), (6, 31)],
    // 12:05 is late by now, and 4 isn't in the state any more.
    &[(4, 5), (5, 30), (7, 60)],
];

fn event(&(event_id, minute): &(u64, u32)) -> Event {
    Event { event_id, event_time: Timestamp::from_secs(1_767_268_800 + i64::from(minute) * 60) }
}

/// Runs the query over the batches, and says what each did with its rows and with the state.
async fn run<P>(build: impl FnOnce(MemorySource<Event>) -> QueryBuilder<P>) -> stream_runtime::Result<()>
where
    P: Plan<Output = Event>,
{
    let (input, source) = MemorySource::new();
    for batch in BATCHES {
        input.add(batch.iter().map(event));
    }
    let (results, sink) = MemorySink::new();
    let query =
        build(source.max_chunks_per_trigger(1)).to(sink).trigger(Trigger::AvailableNow).start().await?;
    query.await_termination().await?;

    println!("batch  watermark  rows  went on  duplicates  late | state: dropped  kept");
    for progress in query.recent_progress() {
        let went_on = results.batch(progress.batch_id).map_or_else(String::new, |batch| {
            let ids: Vec<_> = batch.rows.iter().map(|event| event.event_id.to_string()).collect();
            ids.join(" ")
        });
        let watermark = progress.event_time.watermark.unwrap_or_default().to_string();
        for dedup in &progress.state_operators {
            println!(
                "{:>5}  {:>9}  {:>4}  {went_on:<7}  {:>10}  {:>4} | {:>14}  {:>4}",
                progress.batch_id,
                &watermark[11..16],
                progress.num_input_rows,
                dedup.custom_metrics["numDroppedDuplicateRows"],
                dedup.num_rows_dropped_by_watermark,
                dedup.num_rows_removed,
                dedup.num_rows_total,
            );
        }
    }
    println!();
    Ok(())
}

#[tokio::main]
async fn main() -> stream_runtime::Result<()> {
    println!("{}", ByIdAndTime::explain());
    println!("=== dedup by event_id, event_time: events 2 with other times are others\n");
    run(|source| ByIdAndTime::query().events(source)).await?;

    println!("=== dedup by event_id within watermark: the first 2 is the only one\n");
    run(|source| ById::query().events(source)).await?;
    Ok(())
}
