//! A dashboard over a click stream: views, users and the most popular action of each page, by five minutes; to the console and to files, with
//! the rate of processing and the size of the state from the query's progress.
//!
//! `cargo run --features kafka --example clickstream` — finds or starts a broker, makes its topic, and ends by itself.

#[path = "support/kafka.rs"]
mod kafka;

use kafka::Kafka;
use stream_runtime::prelude::*;
use stream_runtime::sink::file::committed_files;
use stream_runtime::source::KafkaOffsets;

#[derive(Schema)]
struct Click {
    user_id: String,
    page: String,
    action: String,
    timestamp: Timestamp,
}

#[derive(Schema)]
struct PageStats {
    window: Window,
    page: String,
    views: u64,
    users: u64,
    top_action: String,
}

stream_query! {
    /// A window is final when the watermark, two minutes behind the latest click, has passed its end.
    query Dashboard(clicks: Click) -> PageStats {
        from click in clicks watermark(click.timestamp, minutes(2));
        group by window(click.timestamp, minutes(5)) as w, click.page;
        select PageStats {
            window: w,
            page: click.page,
            views: count_if(click.action == "view"),
            users: count_distinct(click.user_id),
            top_action: mode(click.action),
        };
        output append;
    }
}

/// Prints what a service would send to its monitoring.
struct Monitor;

impl QueryListener for Monitor {
    fn on_progress(&self, progress: &Progress) {
        let state = progress.state_operators.iter();
        let (rows, bytes, late) = state.fold((0, 0, 0), |(rows, bytes, late), operator| {
            (
                rows + operator.num_rows_total,
                bytes + operator.memory_used_bytes,
                late + operator.num_rows_dropped_by_watermark,
            )
        });
        let behind = progress.sources[0].metrics.get("maxOffsetsBehindLatest").map_or("0", String::as_str);
        println!(
            "batch {}: {} clicks, {:.0} a second; state: {rows} groups, {bytes} bytes; {late} too late; {behind} messages behind",
            progress.batch_id,
            progress.num_input_rows,
            progress.processed_rows_per_second.unwrap_or(0.0),
        );
    }
}

const PAGES: [&str; 3] = ["/home", "/products", "/cart"];
const ACTIONS: [&str; 6] = ["view", "click", "view", "scroll", "view", "click"];

/// Twenty minutes of clicks, two a second, by forty users, and one that comes a quarter of an hour late.
fn clicks() -> impl Iterator<Item = (&'static str, String)> {
    let click = |second: i64, page: &'static str, action: &str, user: i64| {
        let time = Timestamp::from_secs(1_767_268_800 + second);
        (
            page,
            format!(
                "{{\"user_id\":\"u{user}\",\"page\":\"{page}\",\"action\":\"{action}\",\"timestamp\":\"{time}\"}}"
            ),
        )
    };
    let regular = (0..2_400_i64).map(move |index| {
        let page = PAGES[(index * index % 7) as usize % PAGES.len()];
        let buys = page == "/cart" && index % 5 < 3;
        let action = if buys { "purchase" } else { ACTIONS[index as usize % ACTIONS.len()] };
        click(index / 2, page, action, index * 7 % 40)
    });
    regular.chain([click(240, "/home", "view", 99)])
}

#[tokio::main]
async fn main() -> stream_runtime::Result<()> {
    let mut kafka = Kafka::find();
    let topic = kafka.topic("clicks", 1).await;
    kafka.produce(&topic, clicks());
    let directory = tempfile::tempdir().expect("a directory for the example's files can be made");
    let output = directory.path().join("page-stats");

    println!("{}", Dashboard::explain());
    let source = KafkaSource::new(kafka.servers())
        .subscribe([&topic])
        .starting_offsets(KafkaOffsets::Earliest)
        .max_offsets_per_trigger(600);
    let query = Dashboard::query()
        .clicks(source)
        .to(ConsoleSink::new().truncate(false))
        .to(FileSink::json(&output))
        .listener(Monitor)
        .checkpoint(directory.path().join("checkpoint"))
        .trigger(Trigger::AvailableNow)
        .start()
        .await?;
    query.await_termination().await?;

    println!("\n=== the files that were committed\n");
    for file in committed_files(&output)? {
        let lines = std::fs::read_to_string(&file).expect("a committed file can be read");
        print!("{lines}");
    }
    kafka.delete_topics().await;
    Ok(())
}
