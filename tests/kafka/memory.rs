//! What a query holds of a backlog: no more than its budget. Measured in a process of its own, since no allocator of ours sees what the
//! client holds.

use std::process::{Command, Stdio};

use stream_runtime::prelude::*;
use stream_runtime::source::KafkaOffsets;

use crate::Numbers;
use crate::support::{Topic, servers, unique};

const BUDGET: u64 = 16 << 20;
/// The size of a message.
const PADDING: usize = 10_000;
const PARTITIONS: i32 = 4;

const TOPIC: &str = "STREAM_QUERY_TEST_TOPIC";

/// Not a test of its own: the body of the child process, which tells its peak.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Ok(topic) = std::env::var(TOPIC) else { return };
    let source = KafkaSource::new(servers())
        .subscribe([topic])
        .starting_offsets(KafkaOffsets::Earliest)
        .prefetch_bytes(BUDGET);
    let query = Numbers::query()
        .numbers(source)
        .to(ForeachSink::new(|_| Ok(())))
        .trigger(Trigger::AvailableNow)
        .workers(2)
        .start()
        .await
        .unwrap();
    query.await_termination().await.unwrap();
    let rows: u64 = query.recent_progress().iter().map(|progress| progress.num_input_rows).sum();
    println!("\n{rows} rows, peak {}", peak());
}

/// The most memory that this process has had, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
    let kilobytes =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux tells the peak");
    kilobytes.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1_024
}

/// The peak of a process that reads so many messages.
async fn peak_of_reading(messages: i64) -> u64 {
    let topic = Topic::with(servers(), &unique("backlog"), PARTITIONS, &[]).await;
    let padding = "x".repeat(PADDING);
    for n in 0..messages {
        topic.send((n % i64::from(PARTITIONS)) as i32, format!("{{\"n\":{n},\"padding\":\"{padding}\"}}"));
    }
    topic.flush();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["memory::child", "--exact", "--nocapture"])
        .env(TOPIC, &topic.name)
        .env(kafka_broker::VARIABLE, servers())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    topic.delete().await;
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    let read = format!("{messages} rows, peak ");
    let peak = said.lines().find_map(|line| line.strip_prefix(&*read));
    peak.unwrap_or_else(|| panic!("{said}")).parse().unwrap()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn memory_stays_within_the_budget_whatever_the_backlog() {
    // The first has all that doesn't depend on messages, and some of them.
    let (small, large) = (peak_of_reading(100).await, peak_of_reading(40_000).await);
    let more = large.saturating_sub(small);
    assert!(more < 2 * BUDGET, "{small} bytes for 1 MB, {large} bytes for 400 MB");
}
