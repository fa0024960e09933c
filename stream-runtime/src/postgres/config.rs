//! [`PostgresConfig`]: which server, and how.
//!
//! Invariant: no text that is made of it, for an error, a log or a debugger, holds the password.

use std::fmt::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use super::failure::Failure;

/// How long a connection may take unless told otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// After how much silence a connection is probed, …
const KEEPALIVES_IDLE: Duration = Duration::from_secs(30);
/// … how often, …
const KEEPALIVES_INTERVAL: Duration = Duration::from_secs(10);
/// … and after how many probes without an answer it is given up.
const KEEPALIVES_RETRIES: u32 = 3;
/// How long what was sent may wait to be acknowledged. Probes aren't sent meanwhile.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(60);

/// How a server is reached. A connection string does where nothing else is to be said.
///
/// The string is that of `libpq`: `host=db user=shop dbname=shop` or `postgres://shop@db/shop`, with its options `host`, `hostaddr`,
/// `port`, `user`, `password`, `dbname`, `options`, `application_name`, `connect_timeout`, `tcp_user_timeout`, `keepalives`,
/// `keepalives_idle`, `keepalives_interval`, `keepalives_retries`, `target_session_attrs`, `channel_binding`, `load_balance_hosts` and
/// `sslmode`. The methods here say the same and more, and win over the string. What is wrong with it is reported when the query
/// starts.
///
/// A connection that has gone silent, as when a machine or a route is lost, is given up after a minute: unless the string says otherwise
/// `keepalives_idle` is 30 seconds, `keepalives_interval` 10 seconds, `keepalives_retries` 3 and `tcp_user_timeout` 60 seconds. A server
/// that takes long over a statement still answers the probes; one that takes no more of a `COPY` for as long as `tcp_user_timeout`, say
/// because a trigger waits for a lock, counts as lost, too.
///
/// The connection has to be one of its own: directly to the server, or through a pooler that pools sessions, not transactions.
///
/// # TLS
///
/// With the feature `postgres-tls`. `sslmode` is `disable`, `prefer` (the default: TLS if the server offers it) or `require`. Wherever
/// TLS is used the server's certificate and name are verified, as `libpq` does for `verify-full`; the authorities are those of the
/// system, or those in [`sslrootcert`](Self::sslrootcert). Without the feature `prefer` is a plain connection, and `require` an
/// error.
///
/// ```
/// use std::time::Duration;
/// use stream_runtime::postgres::PostgresConfig;
///
/// let config = PostgresConfig::new("postgres://shop:secret@db.example/shop")
///     .connect_timeout(Duration::from_secs(5))
///     .statement_timeout(Duration::from_secs(60));
/// assert!(!format!("{config:?}").contains("secret"));
/// ```
#[derive(Clone)]
pub struct PostgresConfig {
    config: Result<Config, String>,
    connect_timeout: Option<Duration>,
    statement_timeout: Option<Duration>,
    lock_timeout: Option<Duration>,
    sslrootcert: Option<PathBuf>,
}

impl PostgresConfig {
    /// The server that a connection string names.
    pub fn new(connection: &str) -> Self {
        Self::of(parse(connection))
    }

    fn of(config: Result<Config, String>) -> Self {
        Self { config, connect_timeout: None, statement_timeout: None, lock_timeout: None, sslrootcert: None }
    }

    /// The password, for a service that keeps it apart from the rest.
    #[must_use]
    pub fn password(mut self, password: impl AsRef<[u8]>) -> Self {
        if let Ok(config) = &mut self.config {
            config.password(password);
        }
        self
    }

    /// How long connecting may take, from the address to the end of the log-in; 30 seconds unless told otherwise.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = Some(timeout);
        self
    }

    /// How long a statement may run before the server cancels it; as long as the server's own settings say unless told
    /// otherwise. A batch's `COPY` is a statement, and so is its `INSERT`.
    #[must_use]
    pub fn statement_timeout(mut self, timeout: Duration) -> Self {
        self.statement_timeout = Some(timeout);
        self
    }

    /// How long a statement may wait for a lock; as long as the server's own settings say unless told otherwise.
    #[must_use]
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = Some(timeout);
        self
    }

    /// A file of certificates (PEM) of the authorities that the server's one may come from, instead of those of the
    /// system. Makes TLS a must (`sslmode=require`).
    #[cfg(feature = "postgres-tls")]
    #[must_use]
    pub fn sslrootcert(mut self, path: impl Into<PathBuf>) -> Self {
        self.sslrootcert = Some(path.into());
        self
    }

    #[cfg(feature = "postgres-tls")]
    pub(super) fn root_certificates(&self) -> Option<&PathBuf> {
        self.sslrootcert.as_ref()
    }

    /// How long connecting may take.
    pub(super) fn patience(&self) -> Duration {
        let of_string = self.config.as_ref().ok().and_then(Config::get_connect_timeout).copied();
        self.connect_timeout.or(of_string).unwrap_or(CONNECT_TIMEOUT)
    }

    /// What the client is given.
    pub(super) fn checked(&self) -> Result<Config, Failure> {
        let mut config = self.config.clone().map_err(Failure::Refused)?;
        if config.get_application_name().is_none() {
            config.application_name("stream-runtime");
        }
        // What the client would do if it were told nothing; whether it was told the same can't be seen.
        if config.get_keepalives_idle() == Config::new().get_keepalives_idle() {
            config.keepalives_idle(KEEPALIVES_IDLE);
        }
        if config.get_keepalives_interval().is_none() {
            config.keepalives_interval(KEEPALIVES_INTERVAL);
        }
        if config.get_keepalives_retries().is_none() {
            config.keepalives_retries(KEEPALIVES_RETRIES);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(TCP_USER_TIMEOUT);
        }
        if self.sslrootcert.is_some() {
            config.ssl_mode(SslMode::Require);
        }
        let mut options = config.get_options().unwrap_or_default().to_owned();
        for (name, timeout) in
            [("statement_timeout", self.statement_timeout), ("lock_timeout", self.lock_timeout)]
        {
            if let Some(timeout) = timeout {
                // Zero would be no limit at all, and the server's number is a signed one of 32 bits.
                let millis = timeout.as_millis().clamp(1, i32::MAX as u128);
                // Writing to a `String` can't fail.
                let _ = write!(options, " -c {name}={millis}");
            }
        }
        if !options.is_empty() {
            config.options(options);
        }
        Ok(config)
    }
}

/// Reads a connection string. The error doesn't repeat any of it: where it is wrong, anything may be the password.
fn parse(connection: &str) -> Result<Config, String> {
    // `libpq` has a mode for what is always done here.
    let known = connection.replace("sslmode=verify-full", "sslmode=require");
    let config: Config = known.parse().map_err(|_| {
        "the connection string can't be read: it is like `host=db user=shop dbname=shop` or `postgres://shop@db/shop`, \
         with the options that `PostgresConfig` lists, and spaces or special characters quoted (`'…'`) or, in a URL, \
         percent-encoded"
            .to_owned()
    })?;
    // An `@` in a password that isn't encoded makes the rest of it a part of the host.
    let misread = config.get_hosts().iter().any(|host| matches!(host, Host::Tcp(name) if name.contains('@')));
    if misread {
        return Err("the connection string has an `@` too many; write one in a password as `%40`".to_owned());
    }
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        return Err("the connection string names no `host`".to_owned());
    }
    if config.get_user().is_none() {
        return Err("the connection string names no `user`".to_owned());
    }
    Ok(config)
}

impl From<&str> for PostgresConfig {
    fn from(connection: &str) -> Self {
        Self::new(connection)
    }
}

impl From<String> for PostgresConfig {
    fn from(connection: String) -> Self {
        Self::new(&connection)
    }
}

impl From<Config> for PostgresConfig {
    fn from(config: Config) -> Self {
        Self::of(Ok(config))
    }
}

impl fmt::Debug for PostgresConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("PostgresConfig");
        if let Ok(config) = &self.config {
            shown.field("hosts", &config.get_hosts());
            shown.field("dbname", &config.get_dbname());
        }
        shown.finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_holds_the_password_however_wrong_the_string_is() {
        for connection in [
            "postgres://shop:s3cret@db/shop",
            "postgres://shop:s3@cret@db/shop",
            "host=db user=shop password=s3cret",
            "host=db user=shop password=s3 cret",
            "host=db password=s3cret",
            "host=db user=shop s3cret=1 password=s3cret",
            "postgres://shop:s3cret@db:port/shop",
        ] {
            let config = PostgresConfig::new(connection);
            let error = config.checked().err().map(|failure| format!("{failure:?}")).unwrap_or_default();
            let shown = format!("{config:?} {error} {:?}", config.checked().ok());
            assert!(!shown.contains("s3cret") && !shown.contains("cret@"), "{connection}: {shown}");
        }
    }

    #[test]
    fn a_silent_connection_is_given_up_after_a_minute_unless_the_string_says_otherwise() {
        let seconds = Duration::from_secs;
        for (more, wanted) in [
            ("", (seconds(30), Some(seconds(10)), Some(3), Some(seconds(60)))),
            (
                " keepalives_idle=5 keepalives_interval=6 keepalives_retries=7 tcp_user_timeout=8",
                (seconds(5), Some(seconds(6)), Some(7), Some(seconds(8))),
            ),
        ] {
            let config =
                PostgresConfig::new(&format!("host=db user=shop{more}")).checked().expect("a configuration");
            let of_probes = (config.get_keepalives_idle(), config.get_keepalives_interval());
            let told = (
                of_probes.0,
                of_probes.1,
                config.get_keepalives_retries(),
                config.get_tcp_user_timeout().copied(),
            );
            assert_eq!(told, wanted);
        }
    }

    #[test]
    fn timeouts_are_settings_of_the_session() {
        let config = PostgresConfig::new("host=db user=shop options='-c search_path=sales'")
            .statement_timeout(Duration::from_secs(2))
            .lock_timeout(Duration::from_micros(1));
        let options = config.checked().expect("a configuration").get_options().map(str::to_owned);
        let wanted = "-c search_path=sales -c statement_timeout=2000 -c lock_timeout=1";
        assert_eq!(options.as_deref(), Some(wanted));
    }
}
