//! Kafka's own image in Docker, for a machine without Java.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::node::Layout;
use crate::{Error, KAFKA, Result, jars};

/// Whether a Docker engine answers, and not just its client.
pub(crate) fn is_there() -> bool {
    jars::runs("docker", "info")
}

/// Starts a container that listens on the layout's port, and waits until it serves.
pub(crate) fn start(layout: &Layout) -> Result<()> {
    let port = layout.port;
    let mut docker = Command::new("docker");
    docker.args(["run", "--detach", "--rm", "--publish", &format!("127.0.0.1:{port}:{port}")]);
    let settings = [
        ("PROCESS_ROLES", "broker,controller".to_owned()),
        ("NODE_ID", "1".to_owned()),
        ("CONTROLLER_QUORUM_VOTERS", "1@localhost:9093".to_owned()),
        ("CONTROLLER_LISTENER_NAMES", "CONTROLLER".to_owned()),
        ("LISTENERS", format!("PLAINTEXT://:{port},CONTROLLER://:9093")),
        ("ADVERTISED_LISTENERS", format!("PLAINTEXT://127.0.0.1:{port}")),
        ("AUTO_CREATE_TOPICS_ENABLE", "false".to_owned()),
        ("OFFSETS_TOPIC_REPLICATION_FACTOR", "1".to_owned()),
        ("TRANSACTION_STATE_LOG_REPLICATION_FACTOR", "1".to_owned()),
        ("TRANSACTION_STATE_LOG_MIN_ISR", "1".to_owned()),
        ("GROUP_INITIAL_REBALANCE_DELAY_MS", "0".to_owned()),
    ];
    for (name, value) in settings {
        docker.args(["--env", &format!("KAFKA_{name}={value}")]);
    }
    let container = output(docker.arg(format!("apache/kafka:{KAFKA}")))?;
    let container = container.trim();
    let path = layout.directory.join("container");
    fs::write(&path, container).map_err(Error::io("writing", &path))?;
    let begun = Instant::now();
    while !output(Command::new("docker").args(["logs", container]))?.contains("Kafka Server started") {
        if begun.elapsed() > Duration::from_secs(120) {
            return Err(Error::new(format_args!("Kafka didn't start, see `docker logs {container}`")));
        }
        thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}

/// Ends the container, if the shared broker is one.
pub(crate) fn stop(home: &Path) -> bool {
    let Ok(container) = fs::read_to_string(home.join("shared/container")) else { return false };
    // It may have ended by itself.
    let _ = Command::new("docker").args(["kill", container.trim()]).stdout(Stdio::null()).status();
    true
}

fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Error::new(format_args!("running `docker` failed: {error}")))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(Error::new(format_args!("Docker: {}", String::from_utf8_lossy(&output.stderr).trim())))
    }
}
