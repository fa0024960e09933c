//! A query killed (SIGKILL) at every step of every batch, and started again, writes the very bytes that a query
//! which was left alone writes.
//!
//! The query runs in a child process: this test binary, asked to run only `child`.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use stream_runtime::engine::Step;
use stream_runtime::prelude::*;
use stream_runtime::sink::file::committed_files;

#[derive(Schema)]
struct Event {
    action: String,
    amount: f64,
    ts: Timestamp,
}

#[derive(Schema)]
struct ByAction {
    window: Window,
    action: String,
    n: u64,
    total: f64,
}

stream_query! {
    query Totals(events: Event) -> ByAction {
        from e in events watermark(e.ts, minutes(1));
        group by window(e.ts, minutes(2)) as w, e.action;
        select ByAction { window: w, action: e.action, n: count(), total: sum(e.amount) };
        output append;
    }
}

const DIRECTORY: &str = "STREAM_QUERY_TEST_DIRECTORY";
const CRASH: &str = "STREAM_QUERY_TEST_CRASH";
const BATCHES: u64 = 6;

/// Not a test of its own: the body of the child process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Ok(directory) = std::env::var(DIRECTORY) else { return };
    let directory = Path::new(&directory);
    let crash = std::env::var(CRASH).ok();
    let hook = move |batch: u64, step: Step| {
        if crash.as_deref() == Some(&format!("{batch} {step:?}")) {
            println!("\nreached");
            // Stands still, holding everything that it holds, until the parent kills it.
            loop {
                std::thread::park();
            }
        }
        true
    };
    let query = Totals::query()
        .events(FileSource::json(input()).max_files_per_trigger(1))
        .to(FileSink::json(directory.join("out")))
        .checkpoint(directory.join("checkpoint"))
        .trigger(Trigger::AvailableNow)
        .workers(2)
        .at_step(Arc::new(hook))
        .start()
        .await
        .expect("the query starts");
    query.await_termination().await.expect("the query runs to its end");
}

fn spawn(directory: &Path, crash: Option<(u64, Step)>) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("this test binary"));
    command.args(["child", "--exact", "--nocapture"]).env(DIRECTORY, directory).stdout(Stdio::piped());
    if let Some((batch, step)) = crash {
        command.env(CRASH, format!("{batch} {step:?}"));
    }
    command.spawn().expect("the child starts")
}

/// Runs the child to its end.
fn run(directory: &Path) {
    let output = spawn(directory, None).wait_with_output().expect("the child ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// Runs the child until it reaches the step, and kills it there.
fn kill_at(directory: &Path, batch: u64, step: Step) {
    let mut child = spawn(directory, Some((batch, step)));
    let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    let reached = stdout.lines().map_while(Result::ok).any(|line| line == "reached");
    child.kill().expect("the child can be killed");
    child.wait().expect("the child ends");
    assert!(reached, "the child never reached {step:?} of batch {batch}");
}

/// The committed output, in order.
fn output(directory: &Path) -> Vec<u8> {
    let files = committed_files(directory.join("out")).expect("the manifest can be read");
    files.iter().flat_map(|file| std::fs::read(file).expect("a committed file")).collect()
}

fn input() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("recovery-input")
}

#[test]
fn a_query_killed_at_any_step_of_any_batch_writes_the_same_bytes() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/small20-input/events");
    std::fs::create_dir_all(input()).expect("a directory for the input");
    // All but the last batch, which has no data, read one file each.
    for file in 0..BATCHES - 1 {
        let name = format!("part-{file:02}.jsonl");
        std::fs::copy(golden.join(&name), input().join(&name)).expect("the input can be copied");
    }
    let undisturbed = tempfile::tempdir().expect("a directory");
    run(undisturbed.path());
    let expected = output(undisturbed.path());
    assert!(expected.split(|byte| *byte == b'\n').count() > 11, "the query has results");

    for batch in 0..BATCHES {
        for step in Step::ALL {
            let directory = tempfile::tempdir().expect("a directory");
            kill_at(directory.path(), batch, step);
            run(directory.path());
            assert!(
                output(directory.path()) == expected,
                "killed at {step:?} of batch {batch}: other output"
            );
        }
    }
}
