//! Compiles every case under `fail/` and `pass/`.
//!
//! The `.stderr` files belong to one compiler version, because rustc's own words are in them. Another compiler
//! checks only that each case fails or passes to compile, and says so.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

/// The compiler that wrote the `.stderr` files.
const COMPILER: &str = "1.95.0";

/// Set for the run that checks copies of the cases, to the directory that holds them.
const COPIES: &str = "UI_TESTS_COPIES";

#[test]
fn every_mistake_is_reported_as_its_stderr_file_says() {
    if let Some(copies) = env::var_os(COPIES) {
        return compile(Path::new(&copies));
    }
    let version = compiler_version();
    if version == COMPILER {
        return compile(Path::new(""));
    }
    println!(
        "the .stderr files belong to rustc {COMPILER}, and this is {version}: \
         checking only that each case fails or passes to compile"
    );
    compile_copies().expect("the cases can be copied");
}

fn compile(cases: &Path) {
    let tests = trybuild::TestCases::new();
    tests.compile_fail(cases.join("fail/*/*.rs"));
    tests.pass(cases.join("pass/*.rs"));
}

/// Compiles copies of the cases in a process of its own that is told to write new `.stderr` files instead of
/// comparing: then only a case that compiles and shouldn't is a failure.
fn compile_copies() -> io::Result<()> {
    let copies = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("ui-cases");
    if copies.exists() {
        fs::remove_dir_all(&copies)?;
    }
    for cases in ["fail", "pass"] {
        copy_cases(&Path::new(env!("CARGO_MANIFEST_DIR")).join(cases), &copies.join(cases))?;
    }
    let status = Command::new(env::current_exe()?)
        .args(["--exact", "every_mistake_is_reported_as_its_stderr_file_says", "--nocapture"])
        .env(COPIES, &copies)
        .env("TRYBUILD", "overwrite")
        .status()?;
    assert!(status.success(), "a case compiles that shouldn't, or doesn't that should; see above");
    Ok(())
}

fn copy_cases(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_cases(&entry.path(), &target)?;
        } else if entry.path().extension().is_some_and(|extension| extension == "rs") {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// The version number of the compiler that cargo uses, without its commit and date.
fn compiler_version() -> String {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output =
        Command::new(rustc).arg("--version").output().expect("rustc runs, as it has built this test");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_whitespace().nth(1).unwrap_or("of an unknown version").to_owned()
}
