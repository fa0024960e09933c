//! A wire between a client and a server that can be cut without either of them ending the connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use stream_runtime::postgres::tokio_postgres::Config;
use stream_runtime::postgres::tokio_postgres::config::Host;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

pub(crate) struct Proxy {
    address: SocketAddr,
    cut: Arc<Notify>,
    connections: Arc<AtomicU32>,
}

impl Proxy {
    /// A wire to the server of this configuration.
    pub(crate) async fn to(server: &Config) -> Self {
        let Some(Host::Tcp(host)) = server.get_hosts().first() else { panic!("a server on the network") };
        let server = (host.clone(), server.get_ports().first().copied().unwrap_or(5432));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (cut, connections) = (Arc::new(Notify::new()), Arc::new(AtomicU32::new(0)));
        let (cutting, counting) = (Arc::clone(&cut), Arc::clone(&connections));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                counting.fetch_add(1, Ordering::Relaxed);
                let server = TcpStream::connect(server.clone()).await.expect("the server");
                tokio::spawn(forward(client, server, Arc::clone(&cutting)));
            }
        });
        Self { address, cut, connections }
    }

    /// The configuration, by way of this wire.
    pub(crate) fn config(&self, server: &Config) -> Config {
        let mut config = Config::new();
        config.host(self.address.ip().to_string()).port(self.address.port());
        config.user(server.get_user().expect("a user")).dbname(server.get_dbname().expect("a database"));
        if let Some(options) = server.get_options() {
            config.options(options);
        }
        if let Some(password) = server.get_password() {
            config.password(password);
        }
        config
    }

    /// Cuts the connections that are open: the client sees its end, and the server nothing.
    pub(crate) fn cut(&self) {
        self.cut.notify_waiters();
    }

    /// How many connections there have been.
    pub(crate) fn connections(&self) -> u32 {
        self.connections.load(Ordering::Relaxed)
    }
}

async fn forward(mut client: TcpStream, mut server: TcpStream, cut: Arc<Notify>) {
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
        () = cut.notified() => {
            drop(client);
            // Keeps the server's side open for as long as the tests run.
            std::future::pending::<()>().await;
        }
    }
}
