//! A query killed (SIGKILL) at every step of every batch, and started again, writes the very bytes that a query
//! which was left alone writes (the very rows of each batch, for a deduplication by several workers).
//!
//! The query runs in a child process: this test binary, asked to run only `child`. What tells one kind of query from
//! another here is the state that a restart has to bring back: groups of windows, keys that have been seen, sessions, rows of joins and which of
//! them have matched, the state of two queries in one; and tables, which it has to load.

mod queries;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use queries::{Campaigns, Distinct, Shipping, Totals, UnshippedByHour, Visits};
use stream_runtime::engine::{QueryBuilder, Step};
use stream_runtime::plan::Plan;
use stream_runtime::prelude::*;
use stream_runtime::sink::file::committed_files;

/// Which query the child runs.
#[derive(Clone, Copy, Debug)]
enum Case {
    Totals,
    Distinct,
    Visits,
    Shipping,
    UnshippedByHour,
    Campaigns,
}

impl Case {
    const ALL: [Self; 6] =
        [Self::Totals, Self::Distinct, Self::Visits, Self::Shipping, Self::UnshippedByHour, Self::Campaigns];

    /// How many batches the query has. All but the last, which has no data, read one file each.
    const fn batches(self) -> u64 {
        match self {
            Self::Totals => 6,
            Self::Distinct | Self::Visits | Self::Shipping | Self::UnshippedByHour | Self::Campaigns => 4,
        }
    }

    /// The streams that the query reads.
    const fn streams(self) -> &'static [&'static str] {
        match self {
            Self::Totals | Self::Distinct | Self::Visits | Self::Campaigns => &["events"],
            Self::Shipping | Self::UnshippedByHour => &["orders", "shipments"],
        }
    }

    fn input(self) -> PathBuf {
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("recovery-input-{self:?}"))
    }
}

const CASE: &str = "STREAM_QUERY_TEST_CASE";
const DIRECTORY: &str = "STREAM_QUERY_TEST_DIRECTORY";
const CRASH: &str = "STREAM_QUERY_TEST_CRASH";

/// Not a test of its own: the body of the child process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Ok(directory) = std::env::var(DIRECTORY) else { return };
    let directory = Path::new(&directory);
    let name = std::env::var(CASE).expect("the parent names the case");
    let case = Case::ALL.into_iter().find(|case| format!("{case:?}") == name).expect("a case");
    let stream = |name: &str| FileSource::json(case.input().join(name)).max_files_per_trigger(1);
    let events = stream("events");
    let sink = FileSink::json(directory.join("out"));
    let shipping = || Shipping::query().orders(stream("orders")).shipments(stream("shipments"));
    match case {
        Case::Totals => run_query(Totals::query().events(events).to(sink), directory).await,
        Case::Distinct => run_query(Distinct::query().events(events).to(sink), directory).await,
        Case::Visits => run_query(Visits::query().events(events).to(sink), directory).await,
        Case::Shipping => run_query(shipping().to(sink), directory).await,
        Case::UnshippedByHour => {
            run_query(UnshippedByHour::query().shipping(shipping()).to(sink), directory).await;
        }
        Case::Campaigns => {
            let ads = StaticFile::csv(golden().join("ads.csv"));
            run_query(Campaigns::query().events(events).ads(ads).to(sink), directory).await;
        }
    }
}

/// Runs a query to its end, or to where the parent kills it.
async fn run_query<P: Plan>(query: QueryBuilder<P>, directory: &Path) {
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
    let query = query
        .checkpoint(directory.join("checkpoint"))
        .trigger(Trigger::AvailableNow)
        .workers(2)
        .at_step(Arc::new(hook))
        .start()
        .await
        .expect("the query starts");
    query.await_termination().await.expect("the query runs to its end");
}

fn spawn(case: Case, directory: &Path, crash: Option<(u64, Step)>) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("this test binary"));
    command
        .args(["child", "--exact", "--nocapture"])
        .env(CASE, format!("{case:?}"))
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped());
    if let Some((batch, step)) = crash {
        command.env(CRASH, format!("{batch} {step:?}"));
    }
    command.spawn().expect("the child starts")
}

/// Runs the child to its end.
fn run(case: Case, directory: &Path) {
    let output = spawn(case, directory, None).wait_with_output().expect("the child ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// Runs the child until it reaches the step, and kills it there.
fn kill_at(case: Case, directory: &Path, batch: u64, step: Step) {
    let mut child = spawn(case, directory, Some((batch, step)));
    let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    let reached = stdout.lines().map_while(Result::ok).any(|line| line == "reached");
    child.kill().expect("the child can be killed");
    child.wait().expect("the child ends");
    assert!(reached, "the child never reached {step:?} of batch {batch}");
}

/// The committed output, a file a batch that has rows.
fn output(directory: &Path) -> Vec<Vec<u8>> {
    let files = committed_files(directory.join("out")).expect("the manifest can be read");
    files.iter().map(|file| std::fs::read(file).expect("a committed file")).collect()
}

/// Inputs that other tests have, too.
fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/small20-input")
}

/// Kills the query at every step of every batch; gives the result that it has to have each time.
fn kill_everywhere(case: Case) -> Vec<Vec<u8>> {
    if case.input().exists() {
        std::fs::remove_dir_all(case.input()).expect("the input of an earlier run can be removed");
    }
    for stream in case.streams() {
        let input = case.input().join(stream);
        std::fs::create_dir_all(&input).expect("a directory for the input");
        for file in 0..case.batches() - 1 {
            let name = format!("part-{file:02}.jsonl");
            std::fs::copy(golden().join(stream).join(&name), input.join(&name))
                .expect("the input can be copied");
        }
    }
    let undisturbed = tempfile::tempdir().expect("a directory");
    run(case, undisturbed.path());
    let expected = output(undisturbed.path());
    for batch in 0..case.batches() {
        for step in Step::ALL {
            let directory = tempfile::tempdir().expect("a directory");
            kill_at(case, directory.path(), batch, step);
            run(case, directory.path());
            assert!(
                output(directory.path()) == expected,
                "killed at {step:?} of batch {batch}: other output"
            );
        }
    }
    expected
}

fn rows(file: &[u8]) -> Vec<serde_json::Value> {
    let lines = file.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).expect("a row of JSON")).collect()
}

#[test]
fn an_aggregation_killed_at_any_step_of_any_batch_writes_the_same_bytes() {
    let expected = kill_everywhere(Case::Totals);
    assert!(rows(&expected.concat()).len() > 10, "the query has results");
}

#[test]
fn a_deduplication_killed_at_any_step_of_any_batch_writes_the_same_rows() {
    let expected = kill_everywhere(Case::Distinct);
    let written = rows(&expected.concat()).len();
    // Some rows repeat one of the batch before: had a restart lost the keys, there would be more.
    let distinct_by_file: usize = (0..Case::Distinct.batches() - 1)
        .map(|file| {
            let text = std::fs::read(Case::Distinct.input().join(format!("events/part-{file:02}.jsonl")));
            let rows = rows(&text.expect("the input"));
            let ids: std::collections::HashSet<_> =
                rows.iter().map(|row| (row["event_id"].to_string(), row["ts"].to_string())).collect();
            ids.len()
        })
        .sum();
    assert!(written > 2_000 && written < distinct_by_file, "{written} of {distinct_by_file}");
}

#[test]
fn sessions_of_a_query_killed_at_any_step_of_any_batch_are_the_same_bytes() {
    let expected = kill_everywhere(Case::Visits);
    assert!(expected.len() > 2, "several batches have results");
    let minutes = |row: &serde_json::Value, end: &str| -> i64 {
        let time: Timestamp = row["window"][end].as_str().expect("a time").parse().expect("a time");
        time.as_micros() / 60_000_000
    };
    // The files are six minutes each: a session longer than that came from several batches.
    let spanning = |row: &&serde_json::Value| minutes(row, "end") - minutes(row, "start") > 9;
    assert!(rows(&expected.concat()).iter().filter(spanning).count() > 2, "sessions grow over batches");
}

#[test]
fn a_left_join_killed_at_any_step_of_any_batch_writes_the_same_bytes() {
    let batches = kill_everywhere(Case::Shipping);
    assert!(batches.len() > 2, "several batches have results");
    let rows = rows(&batches.concat());
    let with_carrier = rows.iter().filter(|row| row["carrier"].is_string()).count();
    let without = rows.len() - with_carrier;
    assert!(with_carrier > 20 && without > 20, "{with_carrier} matches, {without} rows without");
    // Had a restart lost which rows have matched, some would come out again without a carrier.
    let mut orders: Vec<_> =
        rows.iter().map(|row| (row["order_id"].to_string(), row["carrier"].to_string())).collect();
    orders.sort_unstable();
    assert!(
        orders.windows(2).all(|pair| pair[0].0 != pair[1].0 || pair[0].1 != "null" && pair[1].1 != "null")
    );
}

#[test]
fn a_query_that_reads_a_join_killed_at_any_step_of_any_batch_writes_the_same_bytes() {
    let batches = kill_everywhere(Case::UnshippedByHour);
    assert!(rows(&batches.concat()).len() > 2, "the query has results");
}

#[test]
fn a_join_with_a_table_killed_at_any_step_of_any_batch_writes_the_same_bytes() {
    let batches = kill_everywhere(Case::Campaigns);
    assert!(rows(&batches.concat()).len() > 100, "the query has results");
}
