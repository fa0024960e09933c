//! `cargo xtask kafka up | down`: the broker that tests, examples and benchmarks use.

/// Starts or ends the working tree's broker.
pub(crate) fn run(command: Option<&str>) -> bool {
    let done = match command {
        Some("up") => kafka_broker::up().map(|servers| {
            println!("{servers}");
            eprintln!("running until `cargo xtask kafka down`");
        }),
        Some("down") => kafka_broker::down().map(|was_running| {
            eprintln!("{}", if was_running { "stopped" } else { "there was none" });
        }),
        _ => {
            eprintln!("usage: cargo xtask kafka up | down");
            return false;
        }
    };
    done.inspect_err(|error| eprintln!("{error}")).is_ok()
}
