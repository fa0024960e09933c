//! A query killed (SIGKILL) at every step of every batch, and restored on another machine, writes what one writes that was left alone.
//!
//! The query runs in a child process: this test binary, asked to run only `child`. It is a binary of its own: a child that is being
//! started holds on to every lock of its parent for a moment.

#[path = "mirror/support.rs"]
mod support;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use stream_runtime::checkpoint::{Mirror, restore_from};
use stream_runtime::engine::Step;
use stream_runtime::object_store::ObjectStore;
use stream_runtime::object_store::local::LocalFileSystem;
use stream_runtime::prelude::*;
use stream_runtime::sink::file::committed_files;

use support::{Minutes, PREFIX, add_file, input};

const DIRECTORY: &str = "STREAM_RUNTIME_TEST_DIRECTORY";
const CHECKPOINT: &str = "STREAM_RUNTIME_TEST_CHECKPOINT";
const CRASH: &str = "STREAM_RUNTIME_TEST_CRASH";
const FILES: usize = 3;

fn copies(directory: &Path) -> Arc<dyn ObjectStore> {
    let copies = directory.join("copies");
    std::fs::create_dir_all(&copies).unwrap();
    Arc::new(LocalFileSystem::new_with_prefix(copies).unwrap())
}

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
    let query = Minutes::query()
        .words(input(&directory.join("words")))
        .to(FileSink::json(directory.join("out")))
        .checkpoint(directory.join(std::env::var(CHECKPOINT).unwrap()))
        .mirror_to(Mirror::new(copies(directory), PREFIX).synchronous())
        .trigger(Trigger::AvailableNow)
        .workers(1)
        .at_step(Arc::new(hook));
    query.start().await.unwrap().await_termination().await.unwrap();
}

fn spawn(directory: &Path, checkpoint: &str, crash: Option<(u64, Step)>) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["child", "--exact", "--nocapture"]).stdout(Stdio::piped());
    command.env(DIRECTORY, directory).env(CHECKPOINT, checkpoint);
    if let Some((batch, step)) = crash {
        command.env(CRASH, format!("{batch} {step:?}"));
    }
    command.spawn().unwrap()
}

fn run(directory: &Path, checkpoint: &str) {
    let output = spawn(directory, checkpoint, None).wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

fn output(directory: &Path) -> String {
    let files = committed_files(directory.join("out")).unwrap();
    files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect()
}

fn with_input() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    (0..FILES).for_each(|file| add_file(&directory.path().join("words"), file));
    directory
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn killed_at_any_step_and_restored_elsewhere_it_writes_each_row_once() {
    let undisturbed = with_input();
    run(undisturbed.path(), "checkpoint");
    let expected = output(undisturbed.path());
    assert!(expected.lines().count() > 10, "{expected}");
    let mut nothing = 0;
    // The last batch has no data.
    for batch in 0..=FILES as u64 {
        for step in Step::ALL {
            let home = with_input();
            let mut child = spawn(home.path(), "checkpoint", Some((batch, step)));
            let stdout = BufReader::new(child.stdout.take().unwrap());
            let reached = stdout.lines().map_while(Result::ok).any(|line| line == "reached");
            child.kill().unwrap();
            child.wait().unwrap();
            assert!(reached, "the child never reached {step:?} of batch {batch}");
            match restore_from(&copies(home.path()), PREFIX, home.path().join("elsewhere")).await {
                Ok(restored) => assert!(restored.batch >= batch.checked_sub(1), "{restored:?}"),
                // There is nothing to go on from, and no row has been written.
                Err(error) => {
                    assert!(error.to_string().contains("nothing has been mirrored"), "{error}");
                    nothing += 1;
                }
            }
            run(home.path(), "elsewhere");
            assert_eq!(output(home.path()), expected, "killed at {step:?} of batch {batch}");
        }
    }
    assert_eq!(nothing, 1);
}
