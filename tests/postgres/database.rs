//! A test's own schema in the shared server, and what the tests ask of a database.

use std::sync::atomic::{AtomicU32, Ordering};

use stream_runtime::Uuid;
use stream_runtime::mode::Mode;
use stream_runtime::postgres::PostgresConfig;
use stream_runtime::postgres::tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};
use stream_runtime::sink::{SinkBatch, SinkContext};

use super::server::{Server, shared};

/// A schema that nobody else uses: names without one are looked for, and created, there.
pub(crate) struct Database {
    config: Config,
    pub(crate) schema: String,
    pub(crate) client: Client,
}

impl Database {
    /// A new schema in the shared server.
    pub(crate) async fn new() -> Self {
        Self::on(shared()).await
    }

    /// A new schema in a server.
    pub(crate) async fn on(server: &Server) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let schema = format!("test_{}_{number}", std::process::id());
        let client = connect(&server.config).await;
        client.batch_execute(&format!("CREATE SCHEMA {schema}")).await.expect("a schema");
        Self::of(server.config.clone(), schema).await
    }

    /// A schema that is there.
    pub(crate) async fn of(mut config: Config, schema: String) -> Self {
        config.options(format!("-c search_path={schema}"));
        let client = connect(&config).await;
        Self { config, schema, client }
    }

    /// How the sink gets there.
    pub(crate) fn config(&self) -> PostgresConfig {
        self.config.clone().into()
    }

    /// … as the client takes it.
    pub(crate) fn raw_config(&self) -> &Config {
        &self.config
    }

    /// … with a name that tells its sessions from others.
    pub(crate) fn config_as(&self, application: &str) -> PostgresConfig {
        self.config.clone().application_name(application).clone().into()
    }

    /// Another connection.
    pub(crate) async fn connect(&self) -> Client {
        connect(&self.config).await
    }

    pub(crate) async fn run(&self, sql: &str) {
        self.client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    /// The result as text, a line a row, `|` between values and `∅` for null.
    pub(crate) async fn ask(&self, sql: &str) -> String {
        ask(&self.client, sql).await
    }

    /// Makes the insert of an event with this number wait until [`Database::open_gate`]: within the statement, or, if `at_commit`,
    /// within the `COMMIT`.
    pub(crate) async fn close_gate(&self, number: i64, at_commit: bool) {
        let gate = self.gate();
        self.run(&format!(
            "CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF NEW.number = {number} THEN PERFORM pg_advisory_xact_lock({gate}); END IF; RETURN NEW; END $$"
        ))
        .await;
        let kind = if at_commit {
            "CONSTRAINT TRIGGER gate AFTER INSERT ON events DEFERRABLE INITIALLY DEFERRED"
        } else {
            "TRIGGER gate BEFORE INSERT ON events"
        };
        self.run(&format!("CREATE {kind} FOR EACH ROW EXECUTE FUNCTION gate()")).await;
        self.run(&format!("SELECT pg_advisory_lock({gate})")).await;
    }

    /// Waits until a session stands at the gate in a statement that begins like this, and gives its process.
    pub(crate) async fn wait_at_gate(&self, statement: &str) -> String {
        let sql = format!(
            "SELECT a.pid FROM pg_locks l JOIN pg_stat_activity a USING (pid) \
             WHERE l.locktype = 'advisory' AND NOT l.granted AND l.objid = {} AND a.query ILIKE '{statement}%'",
            self.gate()
        );
        loop {
            let found = self.ask(&sql).await;
            if !found.is_empty() {
                return found;
            }
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn open_gate(&self) {
        self.run("SELECT pg_advisory_unlock_all()").await;
    }

    /// The number of the gate's lock: such locks are the whole database's.
    fn gate(&self) -> u32 {
        self.schema
            .bytes()
            .fold(7, |hash: u32, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)) >> 1)
    }

    /// The result of a query that has one line, once that is what is wanted.
    pub(crate) async fn wait_for(&self, sql: &str, wanted: &str) {
        while self.ask(sql).await != wanted {
            tokio::task::yield_now().await;
        }
    }
}

async fn connect(config: &Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.expect("the server can be reached");
    tokio::spawn(connection);
    client
}

pub(crate) async fn ask(client: &Client, sql: &str) -> String {
    let answer = client.simple_query(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    let rows = answer.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => {
            let values: Vec<_> = (0..row.len()).map(|column| row.get(column).unwrap_or("∅")).collect();
            Some(values.join("|"))
        }
        _ => None,
    });
    rows.collect::<Vec<_>>().join("\n")
}

/// What a sink learns of a query that is called `test`.
pub(crate) fn context(mode: Mode) -> SinkContext {
    context_of(Uuid::from_u128(1), mode)
}

pub(crate) fn context_of(query_id: Uuid, mode: Mode) -> SinkContext {
    SinkContext { query_id, query_name: "test".to_owned(), mode, first_batch: 0, first_is_replay: false }
}

pub(crate) fn batch<R>(id: u64, mode: Mode, rows: &[R]) -> SinkBatch<'_, R> {
    SinkBatch { id, mode, rows, removed: &[], watermark: None }
}
