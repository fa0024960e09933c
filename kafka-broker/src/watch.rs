//! Ends the shared broker some minutes after its last user: users touch a file, and a shell beside the broker looks at its age.
//!
//! A user that was killed leaves nothing behind, since only the age counts.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::{Duration, SystemTime};
use std::{iter, thread};

use crate::node::Layout;
use crate::{Error, Result};

/// How often a user says that it is there.
const TOUCH: Duration = Duration::from_secs(20);

/// Starts the broker that is its first argument and what follows, ends it when it has been idle for five minutes, and writes its
/// process id to a file. `keep` lets it live.
const SCRIPT: &str = r#"
"$@" & broker=$!
echo $broker > pid
while kill -0 $broker 2>/dev/null; do
    sleep 5
    if [ ! -e keep ] && [ -n "$(find ../in-use -mmin +5)" ]; then kill -9 $broker; fi
done
"#;

/// Keeps the shared broker from ending as idle.
#[derive(Debug)]
pub(crate) struct InUse {
    /// Dropped with this, which ends the thread.
    _until: Sender<()>,
}

impl InUse {
    pub(crate) fn begin(home: &Path) -> Result<Self> {
        let path = in_use(home);
        let file = File::create(&path).map_err(Error::io("creating", &path))?;
        // The file is there already if another user has been here.
        file.set_modified(SystemTime::now()).map_err(Error::io("touching", &path))?;
        let (until, ended) = mpsc::channel();
        thread::spawn(move || {
            while ended.recv_timeout(TOUCH) == Err(RecvTimeoutError::Timeout) {
                // Nobody to tell; the worst is that the broker ends.
                let _ = file.set_modified(SystemTime::now());
            }
        });
        Ok(Self { _until: until })
    }
}

fn in_use(home: &Path) -> PathBuf {
    home.join("in-use")
}

/// Starts the broker and the shell that watches it, and waits until it serves.
pub(crate) fn start(home: &Path, layout: &Layout, class_path: &str) -> Result<()> {
    let java = layout.command(class_path)?;
    let log = File::options().append(true).open(layout.log()).map_err(Error::io("opening", &layout.log()))?;
    let errors = log.try_clone().map_err(Error::io("opening", &layout.log()))?;
    let mut watcher = Command::new("sh")
        .args(["-c", SCRIPT, "watch"])
        .args(iter::once(java.get_program()).chain(java.get_args()))
        .current_dir(&layout.directory)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        // The interrupt of a terminal isn't for it.
        .process_group(0)
        .spawn()
        .map_err(|error| Error::new(format_args!("running `sh` failed: {error}")))?;
    debug_assert!(in_use(home).exists(), "whoever starts a broker uses it");
    let started = layout.wait(|| Ok(watcher.try_wait().is_ok_and(|status| status.is_some())));
    if started.is_err() {
        // What can't be stopped has ended already.
        let _ = stop(home);
    }
    started
}

/// Lets the broker run without users.
pub(crate) fn keep(home: &Path) -> Result<()> {
    let path = home.join("shared/keep");
    File::create(&path).map(drop).map_err(Error::io("creating", &path))
}

/// Kills the broker; the shell ends by itself.
pub(crate) fn stop(home: &Path) -> Result<()> {
    let path = home.join("shared/pid");
    let pid = fs::read_to_string(&path).map_err(Error::io("reading", &path))?;
    let killed = Command::new("kill").args(["-9", pid.trim()]).stderr(Stdio::null()).status();
    killed.map(drop).map_err(|error| Error::new(format_args!("running `kill` failed: {error}")))
}
