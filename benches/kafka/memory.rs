//! The most memory that a process takes to read a backlog, of large and of small messages.
//!
//! Each case has a process of its own: this one, started again. The peak is what the kernel has counted (Linux).

use std::process::Command;

use stream_runtime::prelude::*;
use stream_runtime::source::KafkaOffsets;

use crate::reading::value;
use crate::support::Broker;

const PARTITIONS: i32 = 4;
const MEGABYTES: u64 = 1_000;

/// Tells a process what to read: a topic, and the budget in MiB.
const TASK: &str = "STREAM_QUERY_BENCH_TASK";

#[derive(Schema)]
struct Event {
    action: String,
}

#[derive(Schema)]
struct Count {
    action: String,
    n: u64,
}

stream_query! {
    query Counts(events: Event) -> Count {
        from e in events;
        group by e.action unbounded;
        select Count { action: e.action, n: count() };
        output complete;
    }
}

/// Whether this process is one of those that are measured; it then reads, and tells its peak.
pub(crate) fn is_measured() -> bool {
    let Ok(task) = std::env::var(TASK) else { return false };
    let (topic, budget) = task.split_once(' ').expect("a topic and a budget");
    let broker = Broker::find();
    let source = KafkaSource::new(broker.servers())
        .subscribe([topic])
        .starting_offsets(KafkaOffsets::Earliest)
        .prefetch_bytes(budget.parse::<u64>().expect("a number") << 20);
    broker.runtime.block_on(async {
        let query = Counts::query()
            .events(source)
            .to(ForeachSink::new(|_| Ok(())))
            .trigger(Trigger::AvailableNow)
            .workers(2)
            .start()
            .await
            .expect("the query starts");
        query.await_termination().await.expect("the query runs to its end");
    });
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("unknown");
    println!("{}", peak.trim());
    true
}

/// The value of each message.
type Values = Box<dyn Fn(u64) -> Vec<u8>>;

pub(crate) fn run(broker: &Broker) {
    let large = || vec![b'x'; 9_900];
    let values: [(&str, Values); 2] = [
        ("10 kB", Box::new(move |index| [&value(index)[..99], b",\"x\":\"", &large(), b"\"}"].concat())),
        ("100 B", Box::new(value)),
    ];
    for (size, value) in values {
        let topic = broker.topic(PARTITIONS);
        let messages = MEGABYTES * 1_000_000 / value(0).len() as u64;
        topic.fill((0..messages).map(&value));
        for budget in ["16", "64"] {
            let output = Command::new(std::env::current_exe().expect("this program"))
                .env(TASK, format!("{} {budget}", topic.name))
                .env(kafka_broker::VARIABLE, broker.servers())
                .output()
                .expect("the process starts");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let peak = String::from_utf8_lossy(&output.stdout);
            println!(
                "{MEGABYTES} MB of messages of {size}, {budget} MiB fetched ahead: peak {}",
                peak.trim()
            );
        }
    }
}
