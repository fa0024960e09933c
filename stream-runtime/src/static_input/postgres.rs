//! [`StaticPostgres`]: a table that is the result of a query to PostgreSQL.

use std::fmt::{self, Write as _};
use std::pin::pin;

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Client, Column, Row, SimpleQueryMessage};

use super::{StaticSource, Version};
use crate::error::{BoxError, Error, Result};
use crate::format::Arena;
use crate::postgres::PostgresConfig;
use crate::postgres::failure::{Failure, given_up};
use crate::postgres::layout::{Layout, wanted};
use crate::postgres::value::ValueType;
use crate::schema::Schema;
use crate::sink::Retry;

/// The rows of a query to PostgreSQL, as a table to join with.
///
/// The query's columns are told by name. Those that a row doesn't have are ignored; one that is missing, or of a type that
/// [doesn't go with the row's](crate::postgres#types), fails the load before the first row, and the error lists all of them. So does a null
/// where the row has no `Option`, which a `COALESCE` or a condition in the query keeps out.
///
/// All rows come from one snapshot of the database. The connection is kept between loads, and made anew if it breaks; what passes is
/// tried ten times.
///
/// ```no_run
/// use stream_runtime::prelude::*;
/// use stream_runtime::static_input::{StaticInput, StaticPostgres};
///
/// #[derive(Schema)]
/// struct Product {
///     product_id: String,
///     price: f64,
/// }
///
/// let sql = "SELECT product_id, price::float8 FROM products WHERE NOT retired";
/// let products: StaticInput<Product> = StaticPostgres::query("host=db user=shop dbname=shop", sql)
///     .probe("SELECT max(updated_at), count(*) FROM products")
///     .reload_on_change()
///     .reload_every(seconds(30));
/// ```
pub struct StaticPostgres {
    config: PostgresConfig,
    sql: String,
    probe: Option<String>,
    retry: Retry,
    client: Option<Client>,
}

impl StaticPostgres {
    /// The result of one `SELECT`, without parameters.
    pub fn query(config: impl Into<PostgresConfig>, sql: impl Into<String>) -> Self {
        Self { config: config.into(), sql: sql.into(), probe: None, retry: Retry::times(10), client: None }
    }

    /// A query that is cheap and gives another result once the table has changed: what
    /// [`reload_on_change`](super::StaticSourceExt::reload_on_change) asks.
    #[must_use]
    pub fn probe(mut self, sql: impl Into<String>) -> Self {
        self.probe = Some(sql.into());
        self
    }

    /// How often, and after what time, the query is sent again if its failure is one that passes.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    fn name(&self) -> String {
        // One line, and not too long a one.
        let mut words = self.sql.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some((end, _)) = words.char_indices().nth(60) {
            words.truncate(end);
            words.push('…');
        }
        format!("StaticPostgres[{words}]")
    }

    async fn client(&mut self) -> Result<&Client, Failure> {
        let open = self.client.take().filter(|client| !client.is_closed());
        let client = match open {
            Some(client) => client,
            None => self.config.connect().await?,
        };
        Ok(self.client.insert(client))
    }

    /// Waits before the next attempt, or says that there is none.
    async fn pause(&mut self, failures: &mut u32, failure: Failure) -> Result<()> {
        self.client = None;
        *failures += 1;
        match (&failure, self.retry.wait_after(*failures)) {
            (Failure::Passing(message), Some(wait)) => {
                tracing::warn!(table = %self.name(), "trying again in {wait:?}: {message}");
                tokio::time::sleep(wait).await;
                Ok(())
            }
            (Failure::Passing(message), None) => {
                Err(Error::source(self.name(), given_up(*failures, message)))
            }
            (Failure::Refused(message), _) => Err(Error::source(self.name(), message)),
        }
    }

    async fn try_load<R: Schema>(&mut self) -> Result<Vec<R>, Failure> {
        let sql = self.sql.clone();
        let client = self.client().await?;
        let statement = client.prepare(&sql).await?;
        let reader = Reader::new::<R>(statement.columns()).map_err(Failure::Refused)?;
        let parameters: [&str; 0] = [];
        let mut found = pin!(client.query_raw(&statement, parameters).await?);
        let (mut rows, mut packed) = (Vec::new(), Vec::new());
        while let Some(row) = found.try_next().await? {
            let number = rows.len() + 1;
            let read = reader.read::<R>(&row, &mut packed);
            rows.push(read.map_err(|refusal| Failure::Refused(format!("row {number}, {refusal}")))?);
        }
        Ok(rows)
    }

    async fn try_probe(&mut self, sql: &str) -> Result<Version, Failure> {
        let answer = self.client().await?.simple_query(sql).await?;
        let mut version = String::new();
        for message in &answer {
            if let SimpleQueryMessage::Row(row) = message {
                for column in 0..row.len() {
                    // Writing to a `String` can't fail.
                    let _ = write!(version, "{:?},", row.try_get(column)?);
                }
                version.push(';');
            }
        }
        Ok(Version(version))
    }
}

/// Reads rows of a result.
struct Reader {
    layout: Layout,
    /// Where the columns of the layout stand in the result.
    places: Vec<usize>,
}

impl Reader {
    fn new<R: Schema>(columns: &[Column]) -> Result<Self, String> {
        let (mut types, mut places, mut differences) = (Vec::new(), Vec::new(), Vec::new());
        for wanted in wanted::<R>() {
            let name = &wanted.name;
            let Some(place) = columns.iter().position(|column| column.name() == name) else {
                differences.push(format!("column `{name}`: missing, and the row has `{}`", wanted.type_name));
                continue;
            };
            let ty = columns.get(place).map(Column::type_);
            match ty.and_then(ValueType::of).filter(|ty| ty.gives(&wanted.column)) {
                Some(ty) => {
                    types.push(ty);
                    places.push(place);
                }
                None => differences.push(format!(
                    "column `{name}`: `{}` can't be read into `{}`; `{name}::{}` could",
                    ty.map_or("", Type::name),
                    wanted.type_name,
                    wanted.sql_type()
                )),
            }
        }
        if differences.is_empty() {
            return Ok(Self { layout: Layout::new::<R>(types), places });
        }
        Err(format!("the query's result doesn't fit rows of `{}`:\n  {}", R::NAME, differences.join("\n  ")))
    }

    fn read<R: Schema>(&self, row: &Row, packed: &mut Vec<u8>) -> Result<R, String> {
        packed.clear();
        let value = |column: usize| {
            let place = self.places.get(column).copied().unwrap_or(usize::MAX);
            let value = row.try_get::<_, Option<Raw<'_>>>(place).map_err(|error| error.to_string())?;
            Ok(value.map(|Raw(bytes)| bytes))
        };
        self.layout.decode(value, packed)?;
        let arena = Arena::default();
        let view = R::unpack::<{ u128::MAX }>(&mut packed.as_slice(), &arena);
        view.map(R::from_view).ok_or_else(|| "it can't be read back from its packed form".to_owned())
    }
}

/// A value as the server has sent it.
struct Raw<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, BoxError> {
        Ok(Self(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

#[async_trait]
impl<R: Schema> StaticSource<R> for StaticPostgres {
    fn description(&self) -> String {
        self.name()
    }

    async fn load(&mut self) -> Result<Vec<R>> {
        let mut failures = 0;
        loop {
            match self.try_load().await {
                Ok(rows) => return Ok(rows),
                Err(failure) => self.pause(&mut failures, failure).await?,
            }
        }
    }

    async fn version(&mut self) -> Result<Option<Version>> {
        let Some(sql) = self.probe.clone() else { return Ok(None) };
        let mut failures = 0;
        loop {
            match self.try_probe(&sql).await {
                Ok(version) => return Ok(Some(version)),
                Err(failure) => self.pause(&mut failures, failure).await?,
            }
        }
    }
}

impl fmt::Debug for StaticPostgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticPostgres")
            .field("config", &self.config)
            .field("sql", &self.sql)
            .field("probe", &self.probe)
            .finish_non_exhaustive()
    }
}
