//! A query in a process of its own, which a test kills (SIGKILL) at a step of a batch or in the middle of its transaction.
//!
//! The child is this test binary, asked to run only `child`.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use stream_runtime::engine::Step;
use stream_runtime::error::BoxError;
use stream_runtime::prelude::*;
use stream_runtime::sink::MessageWriter;
use stream_runtime::source::KafkaOffsets;

use crate::support::servers;
use crate::{Number, Numbers};

const DIRECTORY: &str = "STREAM_QUERY_TEST_DIRECTORY";
const TOPICS: &str = "STREAM_QUERY_TEST_TOPICS";
const CRASH: &str = "STREAM_QUERY_TEST_CRASH";
const SERVERS: &str = "STREAM_QUERY_TEST_SERVERS";

/// Where to kill the child.
#[derive(Clone, Copy, Debug)]
pub(super) enum Crash {
    /// At a step of a batch.
    At(u64, Step),
    /// While this number is being written, behind others of its batch.
    Writing(i64),
}

impl Crash {
    /// As the child's environment has it.
    fn name(self) -> String {
        match self {
            Self::At(batch, step) => format!("{step:?} of batch {batch}"),
            Self::Writing(n) => format!("writing {n}"),
        }
    }
}

/// Input, output, and dead letters.
#[derive(Clone, Copy)]
pub(super) struct Topics<'a> {
    pub(super) input: &'a str,
    pub(super) output: &'a str,
    pub(super) dead_letters: &'a str,
}

/// How many offsets a batch has.
pub(super) const BATCH: i64 = 10;

/// Stands still, holding everything that it holds, until the parent kills it.
fn stand_still() -> ! {
    println!("\nreached");
    loop {
        std::thread::park();
    }
}

/// Not a test of its own: the body of the child process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Ok(directory) = std::env::var(DIRECTORY) else { return };
    let servers = std::env::var(SERVERS).unwrap();
    let topics = std::env::var(TOPICS).unwrap();
    let [input, output, dead_letters] = *topics.split(' ').collect::<Vec<_>>() else { panic!("{topics}") };
    let crash = std::env::var(CRASH).unwrap_or_default();
    let writing = crash.clone();
    let format = move |row: &Number, message: &mut MessageWriter| -> Result<(), BoxError> {
        if writing == Crash::Writing(row.n).name() {
            stand_still();
        }
        row.encode_message(message);
        Ok(())
    };
    let sink = KafkaSink::new(&servers).topic(output).format(format);
    let (sink, malformed) = sink.dead_letters(dead_letters);
    let source = KafkaSource::new(&servers)
        .subscribe([input])
        .starting_offsets(KafkaOffsets::Earliest)
        .max_offsets_per_trigger(BATCH as u64)
        .on_malformed(OnMalformed::dead_letter(malformed));
    let hook = move |batch: u64, step: Step| {
        if crash == Crash::At(batch, step).name() {
            stand_still();
        }
        true
    };
    let query = Numbers::query()
        .numbers(source)
        .to(sink)
        .checkpoint(directory)
        .trigger(Trigger::AvailableNow)
        .at_step(Arc::new(hook))
        .start()
        .await
        .expect("the query starts");
    query.await_termination().await.expect("the query runs to its end");
}

fn command(directory: &Path, topics: Topics<'_>) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["sink::child::child", "--exact", "--nocapture"])
        .env(DIRECTORY, directory)
        .env(TOPICS, [topics.input, topics.output, topics.dead_letters].join(" "))
        .env(SERVERS, servers());
    command
}

/// Runs the child to its end.
pub(super) fn run(directory: &Path, topics: Topics<'_>) {
    let output = command(directory, topics).output().unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Runs the child up to there, and kills it.
pub(super) fn kill(directory: &Path, topics: Topics<'_>, crash: Crash) {
    let mut child =
        command(directory, topics).env(CRASH, crash.name()).stdout(Stdio::piped()).spawn().unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let reached = stdout.lines().map_while(Result::ok).any(|line| line == "reached");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(reached, "the child never reached {crash:?}");
}
