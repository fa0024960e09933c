//! Connections.

use tokio_postgres::{Client, Config, NoTls};

use super::config::PostgresConfig;
use super::failure::Failure;

impl PostgresConfig {
    /// Connects. The connection lives as long as the client; a task of its own drives it.
    pub(crate) async fn connect(&self) -> Result<Client, Failure> {
        let config = self.checked()?;
        let patience = self.patience();
        match tokio::time::timeout(patience, self.open(&config)).await {
            Ok(client) => client.map_err(|failure| failure.while_("connecting to PostgreSQL")),
            Err(_) => Err(Failure::Passing(format!(
                "connecting to PostgreSQL took longer than the `connect_timeout` of {patience:?}"
            ))),
        }
    }

    #[cfg(feature = "postgres-tls")]
    async fn open(&self, config: &Config) -> Result<Client, Failure> {
        use tokio_postgres::config::SslMode;

        if config.get_ssl_mode() == SslMode::Disable {
            return plain(config).await;
        }
        let roots = self.root_certificates().cloned();
        let tls = crate::sink::blocking::blocking(move || Ok(super::tls::connector(roots.as_deref())))
            .await
            .map_err(|error| Failure::Refused(error.to_string()))?
            .map_err(Failure::Refused)?;
        let (client, connection) = config.connect(tls).await?;
        tokio::spawn(drive(connection));
        Ok(client)
    }

    #[cfg(not(feature = "postgres-tls"))]
    async fn open(&self, config: &Config) -> Result<Client, Failure> {
        if config.get_ssl_mode() == tokio_postgres::config::SslMode::Require {
            let message = "`sslmode=require` needs the feature `postgres-tls` of `stream-runtime`";
            return Err(Failure::Refused(message.to_owned()));
        }
        plain(config).await
    }
}

async fn plain(config: &Config) -> Result<Client, Failure> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(drive(connection));
    Ok(client)
}

/// Ends when the client is dropped, or the connection breaks: then the client's next call says so.
async fn drive(connection: impl Future<Output = Result<(), tokio_postgres::Error>>) {
    if let Err(error) = connection.await {
        tracing::debug!("a connection to PostgreSQL has ended: {error}");
    }
}
