//! Topics read and written, beside bare loops over the client: `cargo bench --features kafka --bench kafka`, with names of cases behind
//! `--` for some of them only.
//!
//! What is compared runs in turns in one process, against one broker of one machine, and the medians are printed. Wall time counts, since
//! the client's threads, the query's and the broker share the cores in both cases.

mod latency;
mod memory;
mod reading;
mod support;
mod topic_to_topic;

use support::Broker;

/// A case by its name.
type Case = (&'static str, fn(&Broker));

const CASES: [Case; 4] = [
    ("reading", reading::run),
    ("topic-to-topic", topic_to_topic::run),
    ("latency", latency::run),
    ("memory", memory::run),
];

fn main() {
    if memory::is_measured() {
        return;
    }
    // Cargo adds options of its own, such as `--bench`.
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let broker = Broker::find();
    for (name, run) in CASES {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            println!("\n=== {name}\n");
            run(&broker);
        }
    }
}
