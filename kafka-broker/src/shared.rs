//! The broker that everything in a working tree has in common, found or started under a lock.

use std::fs::{self, File};
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use crate::home::{home, lock};
use crate::node::Layout;
use crate::watch::{self, InUse};
use crate::{Error, Result, docker, jars};

/// Names a broker that is running already.
pub const VARIABLE: &str = "KAFKA_BOOTSTRAP_SERVERS";

/// A broker that others may use, too.
#[derive(Debug)]
pub struct Broker {
    bootstrap_servers: String,
    /// Keeps it from ending; `None` if it isn't ours.
    in_use: Option<InUse>,
}

impl Broker {
    /// Where clients find it.
    pub fn bootstrap_servers(&self) -> &str {
        &self.bootstrap_servers
    }
}

/// The tree's broker, which lives at least as long as this; started if there is none.
///
/// # Errors
/// What is missing, in one line.
pub fn shared() -> Result<Broker> {
    if let Some(bootstrap_servers) = std::env::var(VARIABLE).ok().filter(|servers| !servers.is_empty()) {
        return Ok(Broker { bootstrap_servers, in_use: None });
    }
    let home = home()?;
    let _lock = lock(&home)?;
    let in_use = InUse::begin(&home)?;
    let bootstrap_servers = match running(&home) {
        Some(servers) => servers,
        None => start(&home)?,
    };
    Ok(Broker { bootstrap_servers, in_use: Some(in_use) })
}

/// Starts the tree's broker if it isn't running, and lets it run until [`down`].
///
/// # Errors
/// What is missing, in one line.
pub fn up() -> Result<String> {
    let broker = shared()?;
    if broker.in_use.is_some() {
        watch::keep(&home()?)?;
    }
    Ok(broker.bootstrap_servers)
}

/// Ends the tree's broker and removes its data; whether there was one.
///
/// # Errors
/// A file that can't be read or removed.
pub fn down() -> Result<bool> {
    let home = home()?;
    let _lock = lock(&home)?;
    let was_running = running(&home).is_some();
    if was_running && !docker::stop(&home) {
        watch::stop(&home)?;
    }
    let node = home.join("shared");
    if node.exists() {
        fs::remove_dir_all(&node).map_err(Error::io("removing", &node))?;
    }
    Ok(was_running)
}

/// Where the broker that was started last listens, if it still does.
fn running(home: &Path) -> Option<String> {
    let servers = fs::read_to_string(home.join("shared/address")).ok()?;
    let address: SocketAddr = servers.parse().ok()?;
    TcpStream::connect_timeout(&address, Duration::from_secs(5)).ok().map(|_| servers)
}

fn start(home: &Path) -> Result<String> {
    let directory = home.join("shared");
    if directory.exists() {
        fs::remove_dir_all(&directory).map_err(Error::io("removing", &directory))?;
    }
    let layout = Layout::new(directory)?;
    match jars::missing(home) {
        None => {
            let class_path = jars::class_path(home)?;
            layout.format(&class_path)?;
            watch::start(home, &layout, &class_path)?;
        }
        Some(missing) if docker::is_there() => {
            eprintln!("Kafka comes from Docker, since {missing} isn't here");
            docker::start(&layout)?;
        }
        Some(missing) => {
            return Err(Error::new(format_args!(
                "no Kafka broker: set {VARIABLE}, or install {missing} or Docker"
            )));
        }
    }
    let servers = format!("127.0.0.1:{}", layout.port);
    let path = layout.directory.join("address");
    let mut file = File::create(&path).map_err(Error::io("creating", &path))?;
    file.write_all(servers.as_bytes()).map_err(Error::io("writing", &path))?;
    Ok(servers)
}
