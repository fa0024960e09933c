//! A query that writes to an object store, killed (SIGKILL) at every step of every batch, and at every write to the store, writes what
//! one writes that was left alone, and leaves nothing else.
//!
//! The query runs in a child process: this test binary, asked to run only `child`. It is a binary of its own: a child that is being
//! started holds on to every lock of its parent for a moment.

#[path = "objects/sink/faulty.rs"]
mod faulty;
#[path = "mirror/support.rs"]
mod support;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use stream_runtime::engine::Step;
use stream_runtime::object_store::ObjectStore;
use stream_runtime::object_store::local::LocalFileSystem;
use stream_runtime::prelude::*;
use stream_runtime::sink::file::committed_objects;

use faulty::{Fault, Faulty};
use support::{Minutes, add_file, input};

const DIRECTORY: &str = "STREAM_RUNTIME_TEST_DIRECTORY";
const CRASH: &str = "STREAM_RUNTIME_TEST_CRASH";

/// Where a child is killed.
#[derive(Clone, Copy, Debug)]
enum Crash {
    At(u64, Step),
    /// Before or after a write to the store is done, whose answer never comes.
    Write(Fault, u64),
}

fn store(home: &Path) -> Arc<dyn ObjectStore> {
    let bucket = home.join("bucket");
    std::fs::create_dir_all(&bucket).unwrap();
    Arc::new(LocalFileSystem::new_with_prefix(bucket).unwrap())
}

/// Stands still, holding everything that it holds, until the parent kills it.
fn stand_still(at: &str) -> ! {
    println!("\nreached {at}");
    loop {
        std::thread::park();
    }
}

/// Not a test of its own: the body of the child process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Ok(home) = std::env::var(DIRECTORY) else { return };
    let home = Path::new(&home);
    let crash = std::env::var(CRASH).ok();
    let at_write = crash.as_deref().and_then(|crash| {
        let (fault, at) = crash.split_once(' ')?;
        let fault = [Fault::Hang, Fault::HangDone].into_iter().find(|known| format!("{known:?}") == fault)?;
        Some((fault, at.parse().unwrap()))
    });
    let (state, store) = Faulty::over(store(home), at_write);
    let hook = move |batch: u64, step: Step| {
        if crash.as_deref() == Some(&format!("{batch} {step:?}")) {
            stand_still("");
        }
        true
    };
    let sink = FileSink::json("s3a://bucket/out").object_store(store).partition_by(["n"]);
    let query = Minutes::query()
        .words(input(&home.join("words")))
        .to(sink.target_file_bytes(1500))
        .checkpoint(home.join("checkpoint"))
        .trigger(Trigger::AvailableNow)
        .workers(1)
        .at_step(Arc::new(hook));
    tokio::select! {
        ended = async { query.start().await.unwrap().await_termination().await } => ended.unwrap(),
        _ = state.hangs.acquire() => stand_still(&state.failed().unwrap()),
    }
}

fn spawn(home: &Path, crash: Option<Crash>) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["child", "--exact", "--nocapture"]).stdout(Stdio::piped());
    let temporary = temporary(home);
    std::fs::create_dir_all(&temporary).unwrap();
    command.env(DIRECTORY, home).env("TMPDIR", temporary);
    match crash {
        Some(Crash::At(batch, step)) => command.env(CRASH, format!("{batch} {step:?}")),
        Some(Crash::Write(fault, at)) => command.env(CRASH, format!("{fault:?} {at}")),
        None => &mut command,
    };
    command.spawn().unwrap()
}

fn temporary(home: &Path) -> PathBuf {
    home.join("tmp")
}

/// Runs the query to its end.
fn run(home: &Path) {
    let before = std::fs::read_dir(temporary(home)).map_or(0, Iterator::count);
    let output = spawn(home, None).wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(std::fs::read_dir(temporary(home)).unwrap().count(), before);
}

/// Kills the query somewhere; gives the write that it was at, or `None` if it has ended without getting there.
fn kill(home: &Path, crash: Crash) -> Option<String> {
    let mut child = spawn(home, Some(crash));
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let mut lines = stdout.lines().map_while(Result::ok);
    let reached = lines.find_map(|line| line.strip_prefix("reached ").map(str::to_owned));
    child.kill().unwrap();
    child.wait().unwrap();
    reached
}

fn with_input(files: usize) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    (0..files).for_each(|file| add_file(&home.path().join("words"), file));
    home
}

/// The rows with the values of their partitions, in order.
async fn rows(home: &Path) -> Vec<String> {
    let mut rows = Vec::new();
    for key in committed_objects(&store(home), "out").await.unwrap() {
        let partition = key.as_ref().split('/').nth(1).unwrap();
        let text = std::fs::read_to_string(home.join("bucket").join(key.as_ref())).unwrap();
        rows.extend(text.lines().map(|line| format!("{partition} {line}")));
    }
    rows.sort_unstable();
    rows
}

/// The names of all parts, and of those that an entry or a note lists.
fn parts(home: &Path) -> (BTreeSet<String>, BTreeSet<String>) {
    let out = home.join("bucket/out");
    let within = |dir: &Path| -> Vec<PathBuf> {
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect()
    };
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let partitions = within(&out).into_iter().filter(|path| name(path).starts_with("n="));
    let all = partitions.flat_map(|partition| within(&partition)).map(|path| name(&path));
    let mut listed = BTreeSet::new();
    for entry in within(&out.join("_spark_metadata")) {
        for line in std::fs::read_to_string(entry).unwrap().lines().skip(1) {
            let status: serde_json::Value = serde_json::from_str(line).unwrap();
            listed.insert(status["path"].as_str().unwrap().rsplit_once('/').unwrap().1.to_owned());
        }
    }
    (all.collect(), listed)
}

/// Restarts a killed query, and looks at what comes of it.
async fn make_good(home: &Path, expected: &[String], crash: Crash) {
    run(home);
    assert_eq!(rows(home).await, expected, "{crash:?}");
    let (all, listed) = parts(home);
    assert_eq!(all, listed, "{crash:?}");
}

#[tokio::test]
async fn killed_at_any_step_it_writes_each_row_once() {
    const FILES: usize = 3;
    let undisturbed = with_input(FILES);
    run(undisturbed.path());
    let expected = rows(undisturbed.path()).await;
    assert!(expected.len() > 10, "{expected:?}");
    // The last batch has no data.
    for batch in 0..=FILES as u64 {
        for step in Step::ALL {
            let (home, crash) = (with_input(FILES), Crash::At(batch, step));
            assert!(kill(home.path(), crash).is_some(), "the child never reached {crash:?}");
            make_good(home.path(), &expected, crash).await;
        }
    }
}

#[tokio::test]
async fn killed_at_any_write_it_writes_each_row_once() {
    // Up to the batch whose entry is compact.
    const FILES: usize = 9;
    let undisturbed = with_input(FILES);
    run(undisturbed.path());
    let expected = rows(undisturbed.path()).await;
    assert!(undisturbed.path().join("bucket/out/_spark_metadata/.9.merged").exists());
    let mut kills = 0;
    for fault in [Fault::Hang, Fault::HangDone] {
        for at in 0.. {
            let (home, crash) = (with_input(FILES), Crash::Write(fault, at));
            let Some(write) = kill(home.path(), crash) else { break };
            kills += 1;
            // Copies of the files that are being merged have names, and stay.
            if !write.contains("part-00009") {
                assert_eq!(std::fs::read_dir(temporary(home.path())).unwrap().count(), 0, "{write}");
            }
            make_good(home.path(), &expected, crash).await;
        }
    }
    assert!(kills > 40, "{kills}");
}
