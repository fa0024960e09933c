//! [`SqlSession`]: tables by name, and statements over them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, MemoryCatalogProvider, SchemaProvider, TableProvider};
use datafusion::common::TableReference;
use datafusion::error::{DataFusionError, Result as PlanResult};
use datafusion::execution::context::SQLOptions;
use datafusion::execution::{SendableRecordBatchStream, SessionState};
use datafusion::logical_expr::TableType;
use datafusion::prelude::{SessionConfig, SessionContext};

use super::problem::problem;
use super::{SqlResult, SqlTable, depth};
use crate::error::{Error, Result};

const CATALOG: &str = "streams";
const SCHEMA: &str = "public";

/// Tables by name, and SQL over them. [The module's page](super) says what a statement sees.
///
/// Statements are asked through `&self`, as many at once as the service likes.
pub struct SqlSession {
    context: SessionContext,
    tables: Tables,
}

impl SqlSession {
    /// A session without tables.
    pub fn new() -> Self {
        let config = SessionConfig::new()
            .with_default_catalog_and_schema(CATALOG, SCHEMA)
            .with_create_default_catalog_and_schema(false)
            .with_information_schema(true);
        let session = Self { context: SessionContext::new_with_config(config), tables: Tables::default() };
        session.publish();
        session
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
    pub fn table(mut self, name: impl Into<String>, table: &(impl SqlTable + Clone)) -> Result<Self> {
        let name = name.into();
        table.provider()?;
        if self.tables.0.contains_key(&name) {
            let message = format!("there is a table `{name}` already: give this one another name");
            return Err(Error::Sql { message });
        }
        self.tables.0.insert(name, Arc::new(table.clone()));
        self.publish();
        Ok(self)
    }

    /// Answers one statement over the tables as the last commit of each has left it.
    ///
    /// # Errors
    /// The statement is no SQL, names a table or a column that isn't there, or fails over the rows, for instance because a sum overflows. Whatever
    /// isn't a question is refused: `CREATE`, `DROP`, `INSERT`, `UPDATE`, `DELETE`, `COPY`, `SET` and the like.
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
        let stream = depth::on_deep_stack(self.begin(statement)).await?;
        SqlResult::collect(stream).await.map_err(|error| problem(&error))
    }

    /// Plans a statement, which takes its snapshots, and refuses whatever isn't a question.
    async fn begin(&self, statement: &str) -> Result<SendableRecordBatchStream> {
        let state = self.context.state();
        let plan = match state.create_logical_plan(statement).await {
            Ok(plan) => plan,
            Err(error) => {
                return Err(self.no_such_table(&state, statement).unwrap_or_else(|| problem(&error)));
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

    /// The tables for a context of the service's own, in which a statement then sees what it does here.
    ///
    /// DataFusion asks for a table once a statement, and gets it as the last commit has left it. Where a service puts a plan together by
    /// [`SessionContext::table`](datafusion::prelude::SessionContext::table), each call gets the table as it is then.
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

    fn publish(&self) {
        let catalog = MemoryCatalogProvider::new();
        // This catalog takes any schema.
        drop(catalog.register_schema(SCHEMA, self.tables()));
        self.context.register_catalog(CATALOG, Arc::new(catalog));
    }

    /// The error of a statement that names a table which isn't there.
    fn no_such_table(&self, state: &SessionState, statement: &str) -> Option<Error> {
        let dialect = state.config_options().sql_parser.dialect;
        let statement = state.sql_to_statement(statement, &dialect).ok()?;
        let named = state.resolve_table_references(&statement).ok()?;
        let is_known =
            |name: &str| self.tables.table_exist(name) || state.table_functions().contains_key(name);
        let unknown = named.iter().find(|name| name.schema().is_none() && !is_known(name.table()))?;
        let there_are: Vec<_> =
            self.tables.0.keys().map(|name| TableReference::bare(name.as_str()).to_quoted_string()).collect();
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

/// Gives a table as its last commit has left it, each time it is asked. DataFusion asks once for each name in a statement.
#[derive(Clone, Default)]
struct Tables(BTreeMap<String, Arc<dyn SqlTable>>);

impl fmt::Debug for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[async_trait]
impl SchemaProvider for Tables {
    fn table_names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    async fn table(&self, name: &str) -> PlanResult<Option<Arc<dyn TableProvider>>> {
        let table = self.0.get(name).map(|table| table.provider()).transpose();
        table.map_err(|error| DataFusionError::External(Box::new(error)))
    }

    async fn table_type(&self, name: &str) -> PlanResult<Option<TableType>> {
        Ok(self.table_exist(name).then_some(TableType::Base))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}
