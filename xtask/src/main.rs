//! The one door to the project's chores: `cargo xtask check | test | deny | tidy | bless | kafka`.

mod kafka;
mod tidy;

use std::process::{Command, ExitCode};

const USAGE: &str = "usage: cargo xtask COMMAND

  check   format, lints, documentation, licences and layout: everything but the tests
  test    the tests: cargo test --workspace --all-features
  deny    licences, advisories and sources of the dependencies (cargo-deny)
  tidy    long files, leftovers, unwraps in library code
  kafka   `up` starts a Kafka broker on loopback, `down` ends it
  bless   writes the snapshots and .stderr files anew; read their diff";

/// A command line, and what it adds to the environment.
type Step = (&'static [&'static str], &'static [(&'static str, &'static str)]);

const FORMAT: Step = (&["fmt", "--all", "--check"], &[]);
const LINTS: Step =
    (&["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"], &[]);
const DOCS: Step =
    (&["doc", "--workspace", "--all-features", "--no-deps"], &[("RUSTDOCFLAGS", "-D warnings")]);
const DENY: Step = (
    &[
        "deny",
        "--workspace",
        "--all-features",
        "check",
        "--hide-inclusion-graph",
        "bans",
        "licenses",
        "sources",
    ],
    &[],
);
const TESTS: Step = (&["test", "--workspace", "--all-features"], &[]);
const BLESS_MACROS: Step = (&["test", "--package", "stream-macros"], &[("INSTA_UPDATE", "always")]);
const BLESS_ERRORS: Step = (&["test", "--package", "ui-tests"], &[("TRYBUILD", "overwrite")]);

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next();
    let done = match command.as_deref() {
        Some("check") => all(&[FORMAT, LINTS, DOCS, DENY]) && tidy::is_tidy(),
        Some("test") => all(&[TESTS]),
        Some("deny") => all(&[DENY]) && advisories(),
        Some("tidy") => tidy::is_tidy(),
        Some("kafka") => kafka::run(arguments.next().as_deref()),
        Some("bless") => all(&[BLESS_MACROS, BLESS_ERRORS]),
        _ => {
            eprintln!("{USAGE}");
            false
        }
    };
    if done { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs one step after the other, up to the first that fails.
fn all(steps: &[Step]) -> bool {
    steps.iter().all(|(arguments, environment)| {
        let status = Command::new(env!("CARGO")).args(*arguments).envs(environment.iter().copied()).status();
        match status {
            Ok(status) => status.success(),
            Err(error) => {
                eprintln!("cargo {}: {error}", arguments.join(" "));
                false
            }
        }
    })
}

/// Checks the dependencies against the advisory database, where that can be fetched.
fn advisories() -> bool {
    let fetched = Command::new(env!("CARGO")).args(["deny", "fetch", "db"]).status();
    if !fetched.is_ok_and(|status| status.success()) {
        println!("advisories: not checked, the advisory database can't be fetched from here");
        return true;
    }
    all(&[(&["deny", "--workspace", "--all-features", "check", "--hide-inclusion-graph", "advisories"], &[])])
}
