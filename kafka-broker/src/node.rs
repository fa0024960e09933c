//! [`Node`]: one broker process, which is its own controller (`KRaft`), with its data in one directory.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::home::{home, lock};
use crate::{Error, Result, jars};

/// How long a broker may take to start: a busy machine with two cores needs a few seconds.
const START: Duration = Duration::from_secs(120);
const CLUSTER: &str = "c3RyZWFtLXJ1bnRpbWUtMQ";

/// A broker of its own, which ends when this is dropped.
#[derive(Debug)]
pub struct Node {
    layout: Layout,
    class_path: String,
    process: Option<Child>,
}

/// Where a broker keeps its things, and where it listens.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) directory: PathBuf,
    pub(crate) port: u16,
    controller_port: u16,
}

impl Node {
    /// Starts a broker with data of its own in `directory`, which should be empty.
    ///
    /// # Errors
    /// What is missing, or why it doesn't start.
    pub fn start(directory: impl Into<PathBuf>) -> Result<Self> {
        let home = home()?;
        if let Some(missing) = jars::missing(&home) {
            return Err(Error::new(format_args!("a Kafka broker of a test's own needs {missing}")));
        }
        let class_path = {
            let _lock = lock(&home)?;
            jars::class_path(&home)?
        };
        let layout = Layout::new(directory.into())?;
        layout.format(&class_path)?;
        let mut node = Self { layout, class_path, process: None };
        node.restart()?;
        Ok(node)
    }

    /// Where clients find it; the same after a restart.
    pub fn bootstrap_servers(&self) -> String {
        format!("127.0.0.1:{}", self.layout.port)
    }

    /// Kills the broker, as if the machine had died.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may be dead already.
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Starts it again on the same data.
    ///
    /// # Errors
    /// Why it doesn't start.
    pub fn restart(&mut self) -> Result<()> {
        self.stop();
        let mut process = self.layout.command(&self.class_path)?.spawn().map_err(cannot_run)?;
        let started = self.layout.wait(|| Ok(process.try_wait().is_ok_and(|status| status.is_some())));
        self.process = Some(process);
        started
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The error of a `java` that can't be run.
#[allow(clippy::needless_pass_by_value, reason = "made for `map_err`")]
fn cannot_run(error: std::io::Error) -> Error {
    Error::new(format_args!("running `java` failed: {error}"))
}

impl Layout {
    pub(crate) fn new(directory: PathBuf) -> Result<Self> {
        fs::create_dir_all(&directory).map_err(Error::io("creating", &directory))?;
        // Both are open at once, so that they differ.
        let bind = || {
            TcpListener::bind(("127.0.0.1", 0))
                .map_err(|error| Error::new(format_args!("no free port: {error}")))
        };
        let (first, second) = (bind()?, bind()?);
        let port = |listener: &TcpListener| {
            let address = listener.local_addr();
            address
                .map(|address| address.port())
                .map_err(|error| Error::new(format_args!("no free port: {error}")))
        };
        Ok(Self { directory, port: port(&first)?, controller_port: port(&second)? })
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.directory.join("broker.log")
    }

    /// Writes the configuration and prepares the data directory.
    pub(crate) fn format(&self, class_path: &str) -> Result<()> {
        let path = self.directory.join("server.properties");
        fs::write(&path, self.properties()).map_err(Error::io("writing", &path))?;
        let output = self
            .java(class_path)
            .args([
                "kafka.tools.StorageTool",
                "format",
                "--cluster-id",
                CLUSTER,
                "--config",
                "server.properties",
            ])
            .output()
            .map_err(cannot_run)?;
        if output.status.success() {
            return Ok(());
        }
        Err(Error::new(format_args!(
            "formatting Kafka's storage failed: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )))
    }

    fn java(&self, class_path: &str) -> Command {
        let mut java = Command::new("java");
        java.args(["-Xmx768m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
            .args(["-cp", class_path])
            .current_dir(&self.directory)
            .stdin(Stdio::null());
        java
    }

    /// The broker's command, with its output in the log.
    pub(crate) fn command(&self, class_path: &str) -> Result<Command> {
        let log = self.log();
        let file = File::create(&log).map_err(Error::io("creating", &log))?;
        let errors = file.try_clone().map_err(Error::io("opening", &log))?;
        let mut java = self.java(class_path);
        java.args(["kafka.Kafka", "server.properties"]).stdout(file).stderr(errors);
        Ok(java)
    }

    /// Waits until the broker serves its clients. `ended` says whether it has given up.
    pub(crate) fn wait(&self, mut ended: impl FnMut() -> Result<bool>) -> Result<()> {
        let log = self.log();
        let begun = Instant::now();
        loop {
            let said = fs::read_to_string(&log).map_err(Error::io("reading", &log))?;
            if said.contains("Kafka Server started") {
                return Ok(());
            }
            if ended()? || begun.elapsed() > START {
                let last = said.lines().rev().take(3).collect::<Vec<_>>();
                let last = last.into_iter().rev().collect::<Vec<_>>().join("; ");
                return Err(Error::new(format_args!("Kafka didn't start, see `{}`: {last}", log.display())));
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// One node, every internal topic with one partition and one copy, and chores that tests wait for done often.
    fn properties(&self) -> String {
        let Self { directory, port, controller_port } = self;
        let data = data(directory);
        format!(
            "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
transaction.abort.timed.out.transaction.cleanup.interval.ms=500
group.initial.rebalance.delay.ms=0
log.cleaner.backoff.ms=100
log.retention.check.interval.ms=500
log.initial.task.delay.ms=0
file.delete.delay.ms=1000
"
        )
    }
}

/// The data directory, as a properties file needs it: a backslash begins an escape there.
fn data(directory: &Path) -> String {
    directory.join("data").display().to_string().replace('\\', "/")
}
