//! A checkpoint that is damaged, foreign, newer or in use gives a clear error, and stays as it is.

mod store_support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use store_support::{Edit, Random, State, commit, entries, metadata, plan};
use stream_runtime::checkpoint::{SledStore, StateStore};
use stream_runtime::source::LogEntry;

/// Writes a checkpoint of some batches and gives the state.
fn write(path: &Path, batches: u64) -> (SledStore, State) {
    let store = SledStore::open(path).unwrap();
    store.initialize(&metadata()).unwrap();
    let mut random = Random(5);
    for batch in 0..batches {
        store.write_plan(&plan(batch), &[(0, LogEntry::Append(vec![batch as u8]))]).unwrap();
        store.write_commit(&commit(batch), vec![Edit::all(&random.changes(300))]).unwrap();
    }
    let state = entries(&store, 0);
    (store, state)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (entry, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        if entry.is_dir() {
            copy(&entry, &to.join(name));
        } else {
            fs::copy(&entry, to.join(name)).unwrap();
        }
    }
}

/// All files with their content.
fn contents(path: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(path).unwrap() {
        let entry = entry.unwrap().path();
        if entry.is_dir() {
            found.extend(contents(&entry));
        } else {
            found.insert(entry.clone(), fs::read(&entry).unwrap());
        }
    }
    found
}

fn error(path: &Path) -> String {
    SledStore::open(path).expect_err("it opens").to_string()
}

/// Opens a checkpoint that has to be refused with this text and left as it is.
fn refused(path: &Path, text: &str) {
    let before = contents(path);
    let error = error(path);
    assert!(error.contains(text), "`{error}` doesn't say `{text}`");
    let mut after = contents(path);
    after.retain(|path, _| before.contains_key(path) || !path.ends_with("LOCK"));
    assert!(after == before, "the files were changed");
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 0x10;
    fs::write(path, bytes).unwrap();
}

fn cut(path: &Path, length: u64) {
    fs::OpenOptions::new().write(true).open(path).unwrap().set_len(length).unwrap();
}

#[test]
fn damage_to_a_closed_checkpoint_is_noticed_before_anything_is_touched() {
    let directory = tempfile::tempdir().unwrap();
    let sound = directory.path().join("sound");
    drop(write(&sound, 30));
    let length = fs::metadata(sound.join("gen-0/db")).unwrap().len();
    let mut random = Random(6);
    for case in 0..24 {
        let damaged = directory.path().join(format!("damaged {case}"));
        copy(&sound, &damaged);
        let file = damaged.join("gen-0/db");
        match case {
            0..8 => cut(&file, length * case / 8),
            8..22 => flip(&file, random.below(length) as usize),
            22 => fs::remove_file(damaged.join("gen-0/conf")).unwrap(),
            _ => flip(&damaged.join("gen-0/conf"), 3),
        }
        refused(
            &damaged,
            "the database's files are not as they were when it was closed; restore the directory",
        );
    }
    drop(SledStore::open(&sound).unwrap());
}

#[test]
fn damage_after_a_kill_never_opens_an_older_state() {
    let directory = tempfile::tempdir().unwrap();
    let running = directory.path().join("running");
    let (store, state) = write(&running, 30);
    // What a killed process leaves: everything acknowledged is in the files, and nothing is closed.
    let killed = directory.path().join("killed");
    copy(&running, &killed);
    drop(store);
    let length = fs::metadata(killed.join("gen-0/db")).unwrap().len();
    let mut random = Random(7);
    for case in 0..40 {
        let damaged = directory.path().join(format!("damaged {case}"));
        copy(&killed, &damaged);
        let file = damaged.join("gen-0/db");
        match case {
            0..20 => cut(&file, length * case / 20),
            _ => flip(&file, random.below(length) as usize),
        }
        match SledStore::open(&damaged) {
            Err(error) => assert!(error.to_string().contains("is damaged: "), "{error}"),
            // The damage is in a part of the file that sled doesn't use any more.
            Ok(store) => assert_eq!(entries(&store, 0), state),
        }
    }
    assert_eq!(entries(&SledStore::open(&killed).unwrap(), 0), state);
}

/// sled's database as the store configures it, behind the store's back.
fn database(path: &Path) -> sled::Db {
    let config = sled::Config::new().path(path.join("gen-0")).segment_size(4 << 20).flush_every_ms(None);
    (0..10_000)
        .find_map(|_| {
            // A dropped database keeps its lock for a moment.
            std::thread::yield_now();
            config.open().ok()
        })
        .expect("sled lets go of its lock")
}

/// What opening, recovering and loading say.
fn problem(path: &Path) -> Option<String> {
    let check = || {
        let store = SledStore::open(path)?;
        store.recover()?;
        store.load(0, &mut |_| Ok(()))
    };
    check().err().map(|error: stream_runtime::Error| error.to_string())
}

#[test]
fn any_damaged_or_missing_value_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let sound = directory.path().join("sound");
    drop(write(&sound, 3));
    fs::remove_file(sound.join("TIP")).unwrap();
    let keys: Vec<sled::IVec> = database(&sound).iter().keys().map(Result::unwrap).collect();
    assert_eq!(keys.iter().map(|key| key[0]).collect::<Vec<_>>(), b"bcccdddlllmppp");
    for (case, key) in keys.iter().enumerate() {
        for damage in ["flipped", "cut", "removed"] {
            let damaged = directory.path().join(format!("{damage} {case}"));
            copy(&sound, &damaged);
            let tree = database(&damaged);
            let mut value = tree.get(key).unwrap().unwrap().to_vec();
            let last = value.len() - 1;
            match damage {
                "flipped" => value[last] ^= 1,
                "cut" => value.truncate(last),
                _ => {}
            }
            match damage {
                "removed" => tree.remove(key).unwrap(),
                _ => tree.insert(key, value).unwrap(),
            };
            tree.flush().unwrap();
            drop(tree);
            let problem = problem(&damaged);
            // Only the end of a log can be missing unnoticed here, and the note beside the database notices that.
            let may_be_missing = damage == "removed" && (key[0] == b'l' || key[0] == b'p' && key[8] == 0);
            if !may_be_missing {
                let problem = problem.unwrap_or_else(|| panic!("{damage} {key:?} opens"));
                assert!(problem.contains("is damaged: "), "{problem}");
            }
        }
    }
}

#[test]
fn a_newer_format_is_named_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    drop(write(directory.path(), 1));
    let body = "stream-runtime checkpoint\nversion 2\nshards 7\n";
    fs::write(
        directory.path().join("CURRENT"),
        format!("{body}checksum {:08x}\n", crc32fast::hash(body.as_bytes())),
    )
    .unwrap();
    refused(
        directory.path(),
        "has format version 2, and this release reads up to version 1; run it with the release",
    );
}

#[test]
fn a_damaged_pointer_is_noticed_whatever_is_wrong_with_it() {
    let directory = tempfile::tempdir().unwrap();
    drop(write(directory.path(), 1));
    let pointer = directory.path().join("CURRENT");
    let sound = fs::read(&pointer).unwrap();
    for at in 0..sound.len() {
        fs::write(&pointer, &sound[..at]).unwrap();
        refused(directory.path(), "`CURRENT` is damaged");
        fs::write(&pointer, &sound).unwrap();
        flip(&pointer, at);
        let error = error(directory.path());
        assert!(
            error.contains("`CURRENT` is damaged") || error.contains("has format version"),
            "byte {at}: {error}"
        );
    }
    fs::write(&pointer, vec![b'x'; 1 << 20]).unwrap();
    refused(directory.path(), "`CURRENT` is damaged");
}

#[test]
fn a_missing_part_is_named() {
    let directory = tempfile::tempdir().unwrap();
    drop(write(directory.path(), 1));
    let (pointer, kept) = (directory.path().join("CURRENT"), directory.path().join("kept"));
    fs::rename(&pointer, &kept).unwrap();
    refused(directory.path(), "its `CURRENT` file");
    fs::rename(&kept, &pointer).unwrap();
    fs::rename(directory.path().join("gen-0"), &kept).unwrap();
    refused(directory.path(), "generation 0 is missing");
}

#[test]
fn a_directory_that_holds_something_else_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("report.csv"), "a,b\n").unwrap();
    refused(directory.path(), "isn't a checkpoint: it holds `report.csv`; name an empty directory");
    assert_eq!(contents(directory.path()).len(), 1);
    let file = directory.path().join("report.csv");
    assert!(error(&file).contains("is a file; a checkpoint is a directory"));
    assert!(error(&file.join("below")).contains("report.csv"));
}

#[test]
fn a_checkpoint_in_use_is_refused_until_it_is_dropped() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = write(directory.path(), 1);
    let error = error(directory.path());
    assert!(error.contains("another process uses it; stop the other query"), "{error}");
    assert!(error.contains(&directory.path().display().to_string()), "{error}");
    store.write_plan(&plan(1), &[]).unwrap();
    drop(store);
    SledStore::open(directory.path()).unwrap();
}

#[test]
fn what_an_interrupted_first_start_leaves_is_no_obstacle() {
    let directory = tempfile::tempdir().unwrap();
    drop(SledStore::open(directory.path()).unwrap());
    fs::remove_file(directory.path().join("CURRENT")).unwrap();
    fs::remove_file(directory.path().join("TIP")).unwrap();
    fs::write(directory.path().join("CURRENT.next"), "stream-run").unwrap();
    let store = SledStore::open(directory.path()).unwrap();
    assert_eq!(store.metadata().unwrap(), None);
    store.initialize(&metadata()).unwrap();
}
