//! Processes: killed at any moment, out of disk space, and watched by strace.
//!
//! Each test starts this very binary again with `STORE_CHILD` set, as the process that it kills, limits or watches.

#![cfg(target_os = "linux")]

mod store_support;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use store_support::{Edit, Model, Random, commit, entries, metadata, plan};
use stream_runtime::checkpoint::{Options, SledStore, StateStore, Step};

/// The changes of a batch: the same in every process.
fn batch_changes(batch: u64) -> Vec<Vec<Edit>> {
    let mut random = Random(batch.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    (0..2).map(|_| random.changes(120)).collect()
}

fn model(batches: u64) -> Model {
    let mut model = Model::default();
    (0..batches).for_each(|batch| model.apply(&batch_changes(batch)));
    model
}

/// Plans and commits the next `batches` batches, and says so on standard output after each.
fn write_batches(store: &SledStore, batches: u64) -> stream_runtime::Result<()> {
    if store.metadata()?.is_none() {
        store.initialize(&metadata())?;
    }
    let mut out = std::io::stdout().lock();
    let next = store.recover()?.commit.map_or(0, |commit| commit.batch + 1);
    for batch in next..next + batches {
        store.write_plan(&plan(batch), &[])?;
        store.write_commit(&commit(batch), batch_changes(batch).iter().map(Edit::all).collect())?;
        writeln!(out, "acknowledged {batch}").unwrap();
        out.flush().unwrap();
    }
    Ok(())
}

/// Not a test of its own: what the other tests start.
#[test]
fn child() {
    let Ok(task) = std::env::var("STORE_CHILD") else { return };
    let (mode, path) = task.split_once(' ').unwrap();
    let (mode, argument) = mode.split_once(':').unwrap_or((mode, ""));
    let open = |fold_bytes, observer| SledStore::open_with(path, Options { fold_bytes, observer });
    let stop_at = argument.to_owned();
    let result = match mode {
        // Until it is killed.
        "run" => open(30_000, Box::new(|_| {})).and_then(|store| write_batches(&store, u64::MAX / 2)),
        // Until a step of the switch, at which it kills itself.
        "stop" => open(
            10_000,
            Box::new(move |step: Step| {
                if format!("{step:?}") == stop_at {
                    Command::new("kill").args(["-9", &std::process::id().to_string()]).status().unwrap();
                }
            }),
        )
        .and_then(|store| write_batches(&store, 300)),
        "few" => SledStore::open(path).and_then(|store| write_batches(&store, argument.parse().unwrap())),
        _ => panic!("no task `{mode}`"),
    };
    if let Err(error) = result {
        println!("failed {error}");
    }
}

fn child_command(program: &Path, task: &str, checkpoint: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .args(["child", "--exact", "--nocapture"])
        .env("STORE_CHILD", format!("{task} {}", checkpoint.display()))
        .stdout(Stdio::piped());
    command
}

fn start(task: &str, checkpoint: &Path) -> Child {
    child_command(&std::env::current_exe().unwrap(), task, checkpoint).spawn().unwrap()
}

/// What a child says, until it ends or `enough` of the lines that acknowledge a batch have come.
fn acknowledged(child: &mut Child, enough: usize) -> Option<u64> {
    let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    let batches = lines.filter_map(|line| line.unwrap().strip_prefix("acknowledged ")?.parse().ok());
    batches.take(enough).last()
}

/// Opens what a killed process has left, and holds it against what it had acknowledged.
fn check(checkpoint: &Path, acknowledged: Option<u64>) -> u64 {
    let store = SledStore::open(checkpoint).unwrap();
    let committed = store.recover().unwrap().commit.map(|commit| commit.batch);
    assert!(committed >= acknowledged, "{acknowledged:?} was acknowledged, {committed:?} is there");
    let batches = committed.map_or(0, |batch| batch + 1);
    let expected = model(batches);
    for operator in 0..2 {
        assert!(entries(&store, operator) == expected.operators[operator], "torn after {committed:?}");
    }
    batches
}

#[test]
fn no_acknowledged_batch_is_lost_or_torn_by_kill_9() {
    let directory = tempfile::tempdir().unwrap();
    let mut random = Random(11);
    let mut last = None;
    for _ in 0..30 {
        let mut child = start("run", directory.path());
        let batches = 1 + random.below(60) as usize;
        let seen = acknowledged(&mut child, batches);
        // Some more work, whose end nobody hears of.
        (0..random.below(2_000_000)).for_each(|number| {
            std::hint::black_box(number);
        });
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(seen > last || last.is_none(), "no progress");
        last = Some(check(directory.path(), seen) - 1);
    }
    assert!(last > Some(300), "{last:?}");
    let generations = std::fs::read_dir(directory.path()).unwrap();
    let names: Vec<_> = generations.map(|entry| entry.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name == "gen-0"), "no generation was switched to: {names:?}");
}

#[test]
fn a_kill_at_any_step_of_the_switch_leaves_one_valid_generation() {
    for step in ["FoldStarted", "Folded", "CarriedOver", "PointerWritten", "Switched"] {
        let directory = tempfile::tempdir().unwrap();
        let mut child = start(&format!("stop:{step}"), directory.path());
        let seen = acknowledged(&mut child, usize::MAX);
        assert!(!child.wait().unwrap().success(), "{step} was never reached");
        check(directory.path(), seen);
        let left: Vec<String> = std::fs::read_dir(directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(left.len(), 4, "{step} leaves {left:?}");
    }
}

#[test]
fn a_full_disk_fails_the_write_and_leaves_what_was_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    // No file may grow beyond 400 KiB: the write fails as on a full disk, with an error of its own.
    let script = "trap '' XFSZ; ulimit -f 400; exec \"$0\" \"$@\"";
    let this = std::env::current_exe().unwrap();
    let mut command = child_command(Path::new("bash"), "few:500", directory.path());
    let arguments: Vec<_> = command.get_args().map(std::ffi::OsStr::to_owned).collect();
    let environment: Vec<_> =
        command.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect();
    command = Command::new("bash");
    command.args(["-c", script]).arg(this).args(arguments).envs(environment).stdout(Stdio::piped());
    let output = command.spawn().unwrap().wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let failure =
        text.lines().find_map(|line| line.strip_prefix("failed ")).unwrap_or_else(|| panic!("{text}"));
    assert!(failure.contains(&directory.path().display().to_string()), "{failure}");
    assert!(failure.contains("File too large"), "{failure}");
    let seen = text.lines().rev().find_map(|line| line.strip_prefix("acknowledged ")?.parse().ok());
    assert!(seen.is_some());
    check(directory.path(), seen);
    // With space again, the query goes on.
    let mut child = start("few:20", directory.path());
    acknowledged(&mut child, usize::MAX);
    assert!(child.wait().unwrap().success());
    check(directory.path(), seen.map(|seen: u64| seen + 20));
}

#[test]
fn each_plan_and_each_commit_is_synced_before_it_is_acknowledged() {
    if Command::new("strace").arg("-V").output().is_err() {
        println!("skipped: strace isn't installed, and shows the system calls that this test is about");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let checkpoint = directory.path().join("checkpoint");
    let trace = directory.path().join("trace");
    let this = std::env::current_exe().unwrap();
    let child = child_command(&this, "few:5", &checkpoint);
    let output = Command::new("strace")
        .args(["-f", "-y", "-s", "64", "-e", "trace=write,pwrite64,fsync,fdatasync", "-o"])
        .arg(&trace)
        .arg(&this)
        .args(child.get_args())
        .envs(child.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .output()
        .unwrap();
    if !output.status.success() {
        println!("skipped: strace isn't allowed to trace here ({})", String::from_utf8_lossy(&output.stderr));
        return;
    }
    let trace = std::fs::read_to_string(trace).unwrap();
    let mut syncs = 0;
    let mut unsynced = true;
    let mut acknowledged = 0;
    for line in trace.lines() {
        if line.contains("pwrite64(") && line.contains("/gen-0/db>") {
            unsynced = true;
        } else if line.contains("/gen-0/db>") && line.contains("sync(") && line.ends_with("= 0") {
            syncs += 1;
            unsynced = false;
        } else if line.contains("acknowledged ") {
            acknowledged += 1;
            assert!(!unsynced, "acknowledged before an fsync: {line}");
            assert!(syncs >= 2, "a plan and a commit take an fsync each, there were {syncs}: {line}");
            syncs = 0;
        }
    }
    assert_eq!(acknowledged, 5);
}
