//! [`SqlSession`]: tables by name, and statements over them.

use std::fmt;
use std::sync::Arc;

use datafusion::catalog::{CatalogProvider, MemoryCatalogProvider, SchemaProvider};
use datafusion::common::TableReference;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{SendableRecordBatchStream, SessionState, SessionStateBuilder};
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::parser::Statement;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use super::names::Tables;
use super::problem::problem;
use super::turns::GiveWay;
use super::{SqlResult, SqlTable, depth, size};
use crate::error::{Error, Result};

const CATALOG: &str = "streams";
const SCHEMA: &str = "public";
/// The bytes that a session's statements may hold at once, where nothing says how many.
const MEMORY: usize = 1 << 30;
/// The rows of an answer, where nothing says how many.
const ROWS: usize = 1_000_000;
/// The functions whose value is as large as one of their arguments says: they would take any memory, and none of it is counted.
const UNBOUNDED: [&str; 7] =
    ["array_repeat", "array_resize", "generate_series", "lpad", "range", "repeat", "rpad"];

/// Tables by name, and SQL over them. [The module's page](super) says what a statement sees, and what bounds it.
///
/// Statements are asked through `&self`, as many at once as the service likes; tables are added and removed meanwhile.
pub struct SqlSession {
    context: SessionContext,
    tables: Tables,
    max_rows: usize,
}

impl SqlSession {
    /// A session without tables.
    pub fn new() -> Self {
        let tables = Tables::default();
        Self { context: context(&tables, MEMORY), tables, max_rows: ROWS }
    }

    /// How many bytes all statements that run at once may hold for their groups, joins, sorts and answers, in sum; 1 GiB unless this is set.
    ///
    /// A statement that needs more fails; nothing is written to disk instead. What isn't counted: the tables, which are there anyway,
    /// the few batches of rows that each statement is about to work on, and an answer once it is there. Set it before the first statement: those
    /// that run already count by themselves.
    ///
    /// ```
    /// # use stream_runtime::prelude::*;
    /// let sql = SqlSession::new().memory_limit(64 << 20).max_rows(10_000);
    /// # drop(sql);
    /// ```
    #[must_use]
    pub fn memory_limit(mut self, bytes: usize) -> Self {
        self.context = context(&self.tables, bytes);
        self
    }

    /// How many rows an answer may have; 1,000,000 unless this is set. A statement with more of them fails.
    #[must_use]
    pub fn max_rows(mut self, rows: usize) -> Self {
        self.max_rows = rows;
        self
    }

    /// Adds a table. SQL makes names lower case: one with other letters has to be quoted in statements.
    ///
    /// ```
    /// # use stream_runtime::prelude::*;
    /// # #[derive(Schema)]
    /// # struct Views { page: String, views: u64 }
    /// # #[derive(Schema)]
    /// # struct Order { id: u64 }
    /// let (views, view_sink) = TableSink::by(|row: &Views| row.page.clone());
    /// let (orders, order_sink) = MemorySink::<Order>::new();
    /// // … `.to(view_sink)` in one query, `.to(order_sink)` in another.
    /// let sql = SqlSession::new().table("views", &views)?.table("orders", &orders)?;
    /// # drop((view_sink, order_sink, sql));
    /// # Ok::<(), stream_runtime::Error>(())
    /// ```
    ///
    /// # Errors
    /// The session has a table of that name, or the rows have a column that no table can have: a struct that
    /// holds a list of itself.
    pub fn table(self, name: impl Into<String>, table: &(impl SqlTable + Clone)) -> Result<Self> {
        self.add(name, table)?;
        Ok(self)
    }

    /// Adds a table to a session that is in use, as [`table`](Self::table) does to a new one. Statements that begin later see it.
    ///
    /// ```
    /// # use stream_runtime::prelude::*;
    /// # #[derive(Schema)]
    /// # struct Views { page: String, views: u64 }
    /// # let (views, _sink) = TableSink::by(|row: &Views| row.page.clone());
    /// let sql = std::sync::Arc::new(SqlSession::new());
    /// // … a service shares it, and starts a query later.
    /// sql.add("views", &views)?;
    /// assert!(sql.remove("views"));
    /// # Ok::<(), stream_runtime::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`table`](Self::table).
    pub fn add(&self, name: impl Into<String>, table: &(impl SqlTable + Clone)) -> Result<()> {
        table.provider()?;
        self.tables.add(name.into(), Arc::new(table.clone()))
    }

    /// Takes a table away; `false` if there is none of that name. Statements that have begun keep their snapshot of it.
    pub fn remove(&self, name: &str) -> bool {
        self.tables.remove(name)
    }

    /// Answers one statement over the tables as the last commit of each has left it.
    ///
    /// # Errors
    /// The statement is no SQL, names a table or a column that isn't there, or fails over the rows, for instance because a sum overflows. Whatever
    /// isn't a question is refused: `CREATE`, `DROP`, `INSERT`, `UPDATE`, `DELETE`, `COPY`, `SET` and the like. So is one that is too large, in itself or
    /// by what it [holds](Self::memory_limit) or [answers](Self::max_rows).
    ///
    /// ```
    /// # use stream_runtime::prelude::*;
    /// # #[derive(Schema)]
    /// # struct Views { page: String, views: u64 }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> stream_runtime::Result<()> {
    /// # let (views, _sink) = TableSink::by(|row: &Views| row.page.clone());
    /// let sql = SqlSession::new().table("views", &views)?;
    /// let error = sql.query("SELECT page FROM vievs").await.err().map(|error| error.to_string());
    /// assert_eq!(error.as_deref(), Some("sql: there is no table `vievs`; there are: views"));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn query(&self, statement: &str) -> Result<SqlResult> {
        depth::check(statement)?;
        let beginning = Beginning {
            context: self.context.clone(),
            tables: self.tables.clone(),
            statement: statement.to_owned(),
        };
        let runtime = Handle::current();
        // Planning computes without a pause: here it would keep its caller, with the caller's timeout, from being polled.
        let begun = spawn_blocking(move || runtime.block_on(depth::on_deep_stack(beginning.begin())));
        let stream = begun.await.map_err(|error| Error::Sql {
            message: format!("the statement couldn't be planned: {error}"),
        })??;
        let pool = &self.context.runtime_env().memory_pool;
        SqlResult::collect(stream, self.max_rows, pool).await
    }

    /// The tables for a context of the service's own, in which a statement then sees what it does here.
    ///
    /// DataFusion asks for a table once a statement, and gets it as the last commit has left it. Where a service puts a plan together by
    /// [`SessionContext::table`](datafusion::prelude::SessionContext::table), each call gets the table as it is then. Tables that are added to this
    /// session later are there, too.
    ///
    /// **Such a context refuses nothing** and has none of this session's limits: DataFusion creates tables over files, writes files by `COPY`,
    /// and takes any memory, if a statement says so. It is for statements of the service's own; those of strangers go to [`query`](Self::query).
    ///
    /// ```
    /// use stream_runtime::datafusion::prelude::SessionContext;
    /// use stream_runtime::prelude::*;
    ///
    /// # #[derive(Schema)]
    /// # struct Views { page: String, views: u64 }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (views, _sink) = TableSink::by(|row: &Views| row.page.clone());
    /// let context = SessionContext::new();
    /// let catalog = context.catalog("datafusion").ok_or("no catalog")?;
    /// catalog.register_schema("live", SqlSession::new().table("views", &views)?.tables())?;
    /// let rows = context.sql("SELECT * FROM live.views").await?.collect().await?;
    /// # assert!(rows.iter().all(|batch| batch.num_rows() == 0));
    /// # Ok(())
    /// # }
    /// ```
    pub fn tables(&self) -> Arc<dyn SchemaProvider> {
        Arc::new(self.tables.clone())
    }
}

/// A context whose only tables are these.
fn context(tables: &Tables, memory: usize) -> SessionContext {
    let config = SessionConfig::new()
        .with_default_catalog_and_schema(CATALOG, SCHEMA)
        .with_create_default_catalog_and_schema(false)
        .with_information_schema(true);
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(GreedyMemoryPool::new(memory)))
        .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled))
        .build_arc()
        .expect("nothing but directories for temporary files can be wrong, and there are none");
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime)
        .with_default_features()
        .with_physical_optimizer_rule(Arc::new(GiveWay))
        .build();
    let context = SessionContext::new_with_state(state);
    for function in UNBOUNDED {
        context.deregister_udf(function);
    }
    let catalog = MemoryCatalogProvider::new();
    // This catalog takes any schema.
    drop(catalog.register_schema(SCHEMA, Arc::new(tables.clone())));
    context.register_catalog(CATALOG, Arc::new(catalog));
    context
}

/// A statement that is about to begin.
struct Beginning {
    context: SessionContext,
    tables: Tables,
    statement: String,
}

impl Beginning {
    /// Plans the statement, which takes its snapshots, and refuses whatever isn't a question.
    async fn begin(self) -> Result<SendableRecordBatchStream> {
        let state = self.context.state();
        let dialect = state.config_options().sql_parser.dialect;
        let statement = state.sql_to_statement(&self.statement, &dialect).map_err(|error| problem(&error))?;
        size::check(&statement)?;
        let plan = match state.statement_to_plan(statement.clone()).await {
            Ok(plan) => plan,
            Err(error) => {
                return Err(self.no_such_table(&state, &statement).unwrap_or_else(|| problem(&error)));
            }
        };
        let read_only =
            SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        read_only.verify_plan(&plan).map_err(|error| Error::Sql {
            message: format!("results are only read here: {}", error.message()),
        })?;
        let stream = async { self.context.execute_logical_plan(plan).await?.execute_stream().await };
        stream.await.map_err(|error| problem(&error))
    }

    /// The error of a statement that names a table which isn't there.
    fn no_such_table(&self, state: &SessionState, statement: &Statement) -> Option<Error> {
        let named = state.resolve_table_references(statement).ok()?;
        let is_known =
            |name: &str| self.tables.table_exist(name) || state.table_functions().contains_key(name);
        let unknown = named.iter().find(|name| name.schema().is_none() && !is_known(name.table()))?;
        let all = self.tables.table_names();
        let there_are: Vec<_> =
            all.iter().map(|name| TableReference::bare(name.as_str()).to_quoted_string()).collect();
        let there_are = if there_are.is_empty() { "none".to_owned() } else { there_are.join(", ") };
        Some(Error::Sql {
            message: format!("there is no table `{}`; there are: {there_are}", unknown.table()),
        })
    }
}

impl Default for SqlSession {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for SqlSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlSession").field("tables", &self.tables).finish_non_exhaustive()
    }
}
