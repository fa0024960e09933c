//! A query killed (SIGKILL) at every step of every batch, in the middle of a `COPY` and of a `COMMIT`, and started again, leaves in
//! the table what a query leaves that was let alone.
//!
//! The query runs in a child process: this test binary, asked to run only `recovery::child`.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use stream_runtime::engine::{QueryBuilder, Step};
use stream_runtime::plan::Plan;
use stream_runtime::prelude::*;
use stream_runtime::sink::PostgresSink;

use super::database::Database;
use super::server::shared;
use super::{AllTotals, Events, Totals};

/// How the child writes.
#[derive(Clone, Copy, Debug)]
enum Case {
    Append,
    Upsert,
    Replace,
}

const CASES: [Case; 3] = [Case::Append, Case::Upsert, Case::Replace];
const BATCHES: u64 = 3;

const CASE: &str = "STREAM_QUERY_TEST_CASE";
const DIRECTORY: &str = "STREAM_QUERY_TEST_DIRECTORY";
const CRASH: &str = "STREAM_QUERY_TEST_CRASH";
const SCHEMA: &str = "STREAM_QUERY_TEST_SCHEMA";

/// Not a test of its own: the body of the child process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Ok(directory) = std::env::var(DIRECTORY) else { return };
    let directory = Path::new(&directory);
    let name = std::env::var(CASE).expect("the parent names the case");
    let case = CASES.into_iter().find(|case| format!("{case:?}") == name).expect("a case");
    let schema = std::env::var(SCHEMA).expect("the parent names the schema");
    let config = Database::of(shared().config.clone(), schema).await.config();
    let events = FileSource::json(directory.join("in")).max_files_per_trigger(1);
    match case {
        Case::Append => {
            let sink = PostgresSink::append(config, "events");
            run_query(Events::query().events(events).to(sink), directory).await;
        }
        Case::Upsert => {
            let sink = PostgresSink::upsert(config, "totals", ["key"]);
            run_query(Totals::query().events(events).to(sink), directory).await;
        }
        Case::Replace => {
            let sink = PostgresSink::replace(config, "totals");
            run_query(AllTotals::query().events(events).to(sink), directory).await;
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
        .workers(1)
        .at_step(Arc::new(hook))
        .start()
        .await
        .expect("the query starts");
    query.await_termination().await.expect("the query runs to its end");
}

/// A database, and the input of three batches: numbers from 1 to 3,000, and each key in all of them.
struct Fixture {
    case: Case,
    database: Database,
    directory: tempfile::TempDir,
}

impl Fixture {
    async fn new(case: Case) -> Self {
        let database = Database::new().await;
        database.run("CREATE TABLE events (key text NOT NULL, number bigint NOT NULL)").await;
        database
            .run("CREATE TABLE totals (key text PRIMARY KEY, n bigint NOT NULL, sum bigint NOT NULL)")
            .await;
        let directory = tempfile::tempdir().expect("a directory");
        let input = directory.path().join("in");
        std::fs::create_dir(&input).expect("a directory for the input");
        for batch in 0..BATCHES {
            let numbers = batch * 1_000 + 1..=(batch + 1) * 1_000;
            let row = |number| format!("{{\"key\":\"k{}\",\"number\":{number}}}\n", number % 5);
            let rows: String = numbers.map(row).collect();
            std::fs::write(input.join(format!("part-{batch}.jsonl")), rows)
                .expect("the input can be written");
        }
        Self { case, database, directory }
    }

    fn spawn(&self, crash: Option<(u64, Step)>) -> Child {
        let mut command = Command::new(std::env::current_exe().expect("this test binary"));
        command
            .args(["recovery::child", "--exact", "--nocapture"])
            .env("DATABASE_URL", &shared().url)
            .env(CASE, format!("{:?}", self.case))
            .env(DIRECTORY, self.directory.path())
            .env(SCHEMA, &self.database.schema)
            .stdout(Stdio::piped());
        if let Some((batch, step)) = crash {
            command.env(CRASH, format!("{batch} {step:?}"));
        }
        command.spawn().expect("the child starts")
    }

    /// Runs the child until it reaches the step, and kills it there.
    fn kill_at(&self, batch: u64, step: Step) {
        let mut child = self.spawn(Some((batch, step)));
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let reached = stdout.lines().map_while(Result::ok).any(|line| line == "reached");
        kill(child);
        assert!(reached, "the child never reached {step:?} of batch {batch}");
    }

    /// Runs the child to its end, and looks at what it leaves.
    async fn finish(&self, killed: &str) {
        let output = self.spawn(None).wait_with_output().expect("the child ends");
        assert!(output.status.success(), "{killed}: {}", String::from_utf8_lossy(&output.stdout));
        let wanted = match self.case {
            Case::Append => {
                let sql = "SELECT count(*), count(DISTINCT number), min(number), max(number) FROM events";
                assert_eq!(self.database.ask(sql).await, "3000|3000|1|3000", "{killed}");
                None
            }
            Case::Upsert | Case::Replace => Some((0..5).map(|key| {
                let sum: u64 = (1..=3_000).filter(|number| number % 5 == key).sum();
                format!("k{key}|600|{sum}")
            })),
        };
        if let Some(wanted) = wanted {
            let totals = self.database.ask("SELECT * FROM totals ORDER BY key").await;
            assert_eq!(totals, wanted.collect::<Vec<_>>().join("\n"), "{killed}");
        }
        assert_eq!(self.database.ask("SELECT batch_id FROM stream_batches").await, "2", "{killed}");
    }
}

fn kill(mut child: Child) {
    child.kill().expect("the child can be killed");
    child.wait().expect("the child ends");
}

async fn kill_everywhere(case: Case) {
    for batch in 0..BATCHES {
        for step in Step::ALL {
            let fixture = Fixture::new(case).await;
            fixture.kill_at(batch, step);
            fixture.finish(&format!("killed at {step:?} of batch {batch}")).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_killed_at_any_step_of_any_batch_adds_each_row_once() {
    kill_everywhere(Case::Append).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upsert_killed_at_any_step_of_any_batch_ends_with_the_same_rows() {
    kill_everywhere(Case::Upsert).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replacement_killed_at_any_step_of_any_batch_ends_with_the_same_rows() {
    kill_everywhere(Case::Replace).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_killed_in_mid_copy_adds_each_row_once() {
    for number in [1, 1_500, 3_000] {
        let fixture = Fixture::new(Case::Append).await;
        fixture.database.close_gate(number, false).await;
        let child = fixture.spawn(None);
        fixture.database.wait_at_gate("COPY").await;
        kill(child);
        fixture.database.open_gate().await;
        fixture.finish(&format!("killed while row {number} was copied")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_killed_in_its_commit_adds_each_row_once_whether_the_commit_succeeds_or_not() {
    for succeeds in [true, false] {
        let fixture = Fixture::new(Case::Append).await;
        fixture.database.close_gate(1_500, true).await;
        let child = fixture.spawn(None);
        let process = fixture.database.wait_at_gate("COMMIT").await;
        kill(child);
        if !succeeds {
            fixture.database.run(&format!("SELECT pg_terminate_backend({process})")).await;
        }
        fixture.database.open_gate().await;
        let ended = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {process}");
        fixture.database.wait_for(&ended, "0").await;
        let rows = if succeeds { "2000" } else { "1000" };
        assert_eq!(fixture.database.ask("SELECT count(*) FROM events").await, rows);
        fixture.finish(&format!("killed in a commit that succeeds: {succeeds}")).await;
    }
}
