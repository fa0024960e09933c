//! A server of PostgreSQL for the tests: the one that `DATABASE_URL` names, or one of their own.
//!
//! One of their own listens on the loopback interface, on a port that is free, with its data in a temporary directory. A shell
//! starts it, and ends it, and removes the directory once the tests' process is gone, however that ended.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::{Mutex, OnceLock, mpsc};

use stream_runtime::postgres::tokio_postgres::Config;

/// What the tests say where there is no server.
pub(crate) const MISSING: &str =
    "no server of PostgreSQL: install one (apt-get install postgresql), or name one in DATABASE_URL";

/// A server.
pub(crate) struct Server {
    /// How it is reached.
    pub(crate) config: Config,
    /// The same as a connection string.
    pub(crate) url: String,
    shell: Option<Mutex<Shell>>,
}

struct Shell {
    child: Child,
    /// A line each time the server is ready.
    ready: mpsc::Receiver<()>,
}

/// Runs the server, and does what it is told by lines on its standard input, up to their end.
const SCRIPT: &str = r#"
start() { "$0" "$@" >&2 2>&2 & server=$!; }
start "$@"
while read -r command; do
    case "$command" in
        crash) kill -QUIT $server; wait $server ;;
        start) start "$@" ;;
    esac
done
kill -INT $server 2>/dev/null
wait $server
rm -rf "$DIRECTORY"
"#;

/// The server that all tests share.
pub(crate) fn shared() -> &'static Server {
    static SHARED: OnceLock<Server> = OnceLock::new();
    SHARED.get_or_init(|| match std::env::var("DATABASE_URL") {
        Ok(url) => Server { config: url.parse().expect("DATABASE_URL names a server"), url, shell: None },
        Err(_) => Server::start(&[], |_| {}),
    })
}

/// Whether a test can have a server of its own, to break or to configure.
pub(crate) fn can_have_own() -> bool {
    binaries().is_some() || {
        assert!(std::env::var_os("DATABASE_URL").is_some(), "{MISSING}");
        eprintln!("skipped: a server of its own is needed, and none is installed here");
        false
    }
}

impl Server {
    /// A server of its own, with these settings; `prepare` may put files into its data directory.
    pub(crate) fn start(settings: &[&str], prepare: impl FnOnce(&Path)) -> Self {
        let binaries = binaries().expect(MISSING);
        let directory =
            tempfile::Builder::new().prefix("stream-postgres-").tempdir().expect("a directory").keep();
        let user = user();
        if let Some((uid, gid)) = user {
            chown(&directory, Some(uid), Some(gid)).expect("root may give a directory away");
        }
        let as_user = |program: &Path| {
            let mut command = Command::new(program);
            if let Some((uid, gid)) = user {
                command.uid(uid).gid(gid);
            }
            command.current_dir(&directory);
            command
        };
        let data = directory.join("data");
        let created = as_user(&binaries.join("initdb"))
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"])
            .arg("--pgdata")
            .arg(&data)
            .output()
            .expect("initdb can be run");
        assert!(created.status.success(), "initdb: {}", String::from_utf8_lossy(&created.stderr));
        prepare(&data);
        if let Some((uid, gid)) = user {
            for file in std::fs::read_dir(&data).expect("the data directory") {
                chown(file.expect("a file").path(), Some(uid), Some(gid)).expect("root may give a file away");
            }
        }
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
        let mut command = as_user(Path::new("/bin/sh"));
        command.args(["-c", SCRIPT]).arg(binaries.join("postgres")).arg("-D").arg(&data);
        let own =
            [&format!("port={port}"), "listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"];
        for setting in own.into_iter().chain(settings.iter().copied()) {
            command.args(["-c", setting]);
        }
        let mut child = command
            .env("DIRECTORY", &directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a shell can be run");
        let ready = watch(child.stderr.take().expect("a pipe"));
        ready.recv().expect("the server starts");
        let url = format!("host=127.0.0.1 port={port} user=postgres dbname=postgres");
        Self {
            config: url.parse().expect("a connection string"),
            url,
            shell: Some(Mutex::new(Shell { child, ready })),
        }
    }

    /// Ends all processes of the server at once, without a word to its clients.
    pub(crate) fn crash(&self) {
        self.tell("crash\n");
    }

    /// Starts the server again, and waits until it is ready.
    pub(crate) fn start_again(&self) {
        self.tell("start\n");
        let shell = self.shell.as_ref().expect("a server of its own").lock().expect("no panic");
        shell.ready.recv().expect("the server starts");
    }

    fn tell(&self, command: &str) {
        let mut shell = self.shell.as_ref().expect("a server of its own").lock().expect("no panic");
        let stdin = shell.child.stdin.as_mut().expect("a pipe");
        stdin.write_all(command.as_bytes()).expect("the shell listens");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(shell) = self.shell.take() {
            let mut shell = shell.into_inner().expect("no panic");
            drop(shell.child.stdin.take());
            let _ = shell.child.wait();
        }
    }
}

/// Reads what the server says, so that it never waits for a reader; and keeps it, for when it doesn't start.
fn watch(log: ChildStderr) -> mpsc::Receiver<()> {
    let (ready, wait) = mpsc::channel();
    std::thread::spawn(move || {
        let mut is_up = false;
        let mut said = String::new();
        for line in BufReader::new(log).lines().map_while(Result::ok) {
            if line.contains("ready to accept connections") {
                is_up = ready.send(()).is_ok();
            }
            if !is_up {
                said.push_str(&line);
                said.push('\n');
            }
        }
        if !is_up {
            eprintln!("the server didn't start:\n{said}");
        }
    });
    wait
}

/// Where the newest server is that is installed.
fn binaries() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let found = versions
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.join("bin/postgres").exists());
    Some(found.max_by_key(|path| number(path))?.join("bin"))
}

/// The user and the group that a server runs as where the tests run as root, whom it refuses.
fn user() -> Option<(u32, u32)> {
    let is_root = std::fs::metadata("/proc/self").expect("a process").uid() == 0;
    let users = std::fs::read_to_string("/etc/passwd").expect("a list of users");
    let of = |name: &str| {
        let line = users.lines().find(|line| line.starts_with(&format!("{name}:")))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    is_root.then(|| of("postgres").or_else(|| of("nobody")).expect("a user without rights"))
}
