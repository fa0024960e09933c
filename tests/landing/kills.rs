//! A query killed (SIGKILL) at every step of the batches around the one that merges small files, and started again,
//! lands the same rows in the same directories, each once.
//!
//! The query runs in a child process: this test binary, asked to run only `child`. What a kill within a sink's own
//! work does is tested beside the sink.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, TimestampMicrosecondType, UInt64Type};
use stream_runtime::engine::Step;
use stream_runtime::sink::file::committed_files;

use super::queries::W1;
use super::*;

const DIRECTORY: &str = "STREAM_QUERY_TEST_DIRECTORY";
const CRASH: &str = "STREAM_QUERY_TEST_CRASH";
/// Batch 9 has the compact entry, and merges.
const KILLED: std::ops::Range<u64> = 8..11;

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
    let sink = FileSink::parquet(directory.join("out")).partition_by(["action"]).target_file_bytes(5_000);
    let query = W1::query()
        .events(events("small20"))
        .to(sink)
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
    command.args(["kills::child", "--exact", "--nocapture"]).env(DIRECTORY, directory).stdout(Stdio::piped());
    if let Some((batch, step)) = crash {
        command.env(CRASH, format!("{batch} {step:?}"));
    }
    command.spawn().expect("the child starts")
}

fn run(directory: &Path) {
    let output = spawn(directory, None).wait_with_output().expect("the child ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

fn kill_at(directory: &Path, batch: u64, step: Step) {
    let mut child = spawn(directory, Some((batch, step)));
    let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    let reached = stdout.lines().map_while(Result::ok).any(|line| line == "reached");
    child.kill().expect("the child can be killed");
    child.wait().expect("the child ends");
    assert!(reached, "the child never reached {step:?} of batch {batch}");
}

/// The count and the bits of the total, by directory and start of the window.
type Landed = BTreeMap<(String, i64), (u64, u64)>;

/// The rows by directory and window, each of which is there once, and how many files hold them.
fn landed(directory: &Path) -> (Landed, usize) {
    let out = directory.join("out");
    let files = committed_files(&out).expect("a manifest");
    let mut rows = Landed::new();
    for file in &files {
        let below =
            file.strip_prefix(&out).ok().and_then(Path::parent).and_then(Path::to_str).expect("a directory");
        let read = read(file);
        let column = |name: &str| read.column_by_name(name).expect("a column");
        let starts = column("window").as_struct().column_by_name("start").expect("a column").clone();
        for row in 0..arrow_array::Array::len(&read) {
            let start = starts.as_primitive::<TimestampMicrosecondType>().value(row);
            let n = column("n").as_primitive::<UInt64Type>().value(row);
            let total = column("total").as_primitive::<Float64Type>().value(row).to_bits();
            assert!(rows.insert((below.to_owned(), start), (n, total)).is_none(), "{below}, {start} twice");
        }
    }
    (rows, files.len())
}

#[test]
fn a_query_killed_at_any_step_around_a_merge_lands_the_same_rows_once() {
    let undisturbed = tempfile::tempdir().expect("a directory");
    run(undisturbed.path());
    let expected = landed(undisturbed.path());
    let (rows, files) = &expected;
    assert!(rows.len() > 40 && *files < rows.len() / 2, "{} rows in {files} files", rows.len());
    for batch in KILLED {
        for step in Step::ALL {
            let directory = tempfile::tempdir().expect("a directory");
            kill_at(directory.path(), batch, step);
            run(directory.path());
            assert_eq!(landed(directory.path()), expected, "killed at {step:?} of batch {batch}");
        }
    }
}
