//! A process killed (SIGKILL) at each step that a sink takes on the disk: before each file is made durable, before
//! each name appears or vanishes. The rows are in the result once.
//!
//! The process is this test binary, asked to run only `child`; strace kills it at the nth of these system calls.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;

use super::*;

/// What a sink does with files: writing, syncing, naming and removing them. strace counts each kind by itself.
const CALLS: [&str; 5] = ["write", "fsync", "/^rename", "/^link", "/^unlink"];
const DIRECTORY: &str = "STREAM_QUERY_TEST_KILLED";
/// Before the compact entry, with it, and after it.
const BATCHES: u64 = 12;
const ROWS: i64 = 60;

#[derive(Schema)]
struct Landed {
    region: String,
    number: i64,
}

/// Not a test of its own: the body of the child process, which writes what isn't written yet.
#[tokio::test]
async fn child() {
    let Ok(directory) = std::env::var(DIRECTORY) else { return };
    write(Path::new(&directory), BATCHES).await;
}

async fn write(directory: &Path, batches: u64) {
    let sink = FileSink::parquet(directory).partition_by(["region"]).target_file_bytes(4_000);
    let mut sink = opened_again::<Landed>(sink, directory).await.unwrap();
    for batch in 0..batches {
        let first = batch as i64 * ROWS;
        let rows: Vec<_> = (first..first + ROWS)
            .map(|number| Landed { region: ["east", "west"][number as usize % 2].to_owned(), number })
            .collect();
        append(&mut sink, batch, &rows).await.unwrap();
    }
}

/// Runs the child to its end, or kills it at the nth call of a kind.
fn run(directory: &Path, kill_at: Option<(&str, u32)>) -> Output {
    let this = std::env::current_exe().unwrap();
    let mut command = match kill_at {
        None => Command::new(this),
        Some((call, number)) => {
            let mut strace = Command::new("strace");
            let inject = format!("inject={call}:signal=SIGKILL:when={number}");
            strace
                .args(["-f", "-qq", "-e", &format!("trace={call}"), "-e", &inject, "-o", "/dev/null"])
                .arg(this);
            strace
        }
    };
    command.args(["kills::child", "--exact", "--nocapture"]).env(DIRECTORY, directory).output().unwrap()
}

/// The numbers of the rows, each of which is there once.
fn committed_numbers(directory: &Path) -> BTreeSet<i64> {
    let mut numbers = BTreeSet::new();
    for file in committed(directory) {
        for batch in read(&file) {
            for number in batch["number"].as_primitive::<Int64Type>().values() {
                assert!(numbers.insert(*number), "the row {number} is there twice");
            }
        }
    }
    numbers
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let path = file.unwrap().path();
        let copied = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &copied) } else { fs::copy(&path, &copied).map(drop).unwrap() }
    }
}

/// The data files on disk.
fn files(directory: &Path) -> BTreeSet<PathBuf> {
    let mut all = BTreeSet::new();
    for dir in [directory.join("region=east"), directory.join("region=west")] {
        all.extend(fs::read_dir(dir).unwrap().map(|file| file.unwrap().path()));
    }
    all
}

#[test]
fn a_sink_killed_at_any_step_on_the_disk_has_each_row_once() {
    if Command::new("strace").arg("-V").output().is_err() {
        println!("skipped: strace isn't installed, which kills the process at a system call");
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let (base, out) = (root.path().join("base"), root.path().join("out"));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(write(&out, 9));
    fs::rename(&out, &base).unwrap();
    let expected: BTreeSet<i64> = (0..BATCHES as i64 * ROWS).collect();
    let mut kills = 0;
    for call in CALLS {
        for number in 1.. {
            copy(&base, &out);
            let output = run(&out, Some((call, number)));
            if !output.status.success()
                && output.status.signal().is_none()
                && output.status.code() != Some(137)
            {
                println!(
                    "skipped: strace isn't allowed to trace here ({})",
                    String::from_utf8_lossy(&output.stderr)
                );
                return;
            }
            let at = format!("killed at {call} {number}");
            let numbers = committed_numbers(&out);
            let whole = numbers.len() as i64 / ROWS;
            assert!((9..=12).contains(&whole), "{at}: {} rows", numbers.len());
            assert_eq!(numbers, (0..whole * ROWS).collect(), "{at}");
            let was_killed = !output.status.success();
            if was_killed {
                kills += 1;
                let output = run(&out, None);
                assert!(output.status.success(), "{at}: {}", String::from_utf8_lossy(&output.stdout));
                assert_eq!(committed_numbers(&out), expected, "{at}");
            }
            // Beside what the manifest lists there are only the files that were merged.
            let listed: BTreeSet<PathBuf> = committed(&out).into_iter().collect();
            let note = fs::read_to_string(out.join("_spark_metadata/.9.merged")).unwrap();
            let merged = note.lines().count() - 1;
            assert!(merged > 0, "small files are merged");
            assert_eq!(files(&out).difference(&listed).count(), merged, "{at}");
            fs::remove_dir_all(&out).unwrap();
            if !was_killed {
                break;
            }
        }
    }
    assert!(kills > 20, "{kills} kills");
}
