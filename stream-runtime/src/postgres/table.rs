//! A table's columns beside those of a row type: found, compared and, if asked for, created, before the first row.

use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::failure::Failure;
use super::layout::{Layout, Wanted, wanted};
use super::value::ValueType;
use crate::schema::Schema;

/// The advisory lock of those who create tables.
const CREATING: i64 = 0x7374_7265_616d;

/// A table that rows can be written to.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// Its schema and its name, quoted where they have to be.
    pub(crate) name: String,
    /// The columns' names, quoted where they have to be.
    pub(crate) columns: Vec<String>,
    pub(crate) layout: Layout,
    /// Which of the columns are the key.
    pub(crate) key: Vec<usize>,
}

/// A column as the catalogue has it.
struct Found {
    name: String,
    ty: Type,
    shown: String,
    not_null: bool,
    has_default: bool,
    generated: bool,
}

/// Finds the table for rows of `R`, by a name such as `totals` or `sales.totals`; creates it if it isn't there and `create`
/// says so.
///
/// # Errors
/// That it isn't there, or everything in which it differs.
pub(crate) async fn open<R: Schema>(
    client: &Client,
    name: &str,
    key: &[String],
    create: bool,
) -> Result<Table, Failure> {
    let columns = wanted::<R>();
    if let Some(twice) = named_twice(&columns) {
        return Err(Failure::Refused(format!(
            "two columns of `{}` are `{twice}` in a table, where a window `w` is `w_start` and `w_end`; rename one of them with \
             `#[schema(rename = \"…\")]`",
            R::NAME
        )));
    }
    let unknown: Vec<_> =
        key.iter().filter(|name| !columns.iter().any(|column| column.name == **name)).collect();
    if !unknown.is_empty() {
        let names: Vec<_> = columns.iter().map(|column| format!("`{}`", column.name)).collect();
        return Err(Failure::Refused(format!(
            "the key names {unknown:?}, and rows of `{}` have the columns {}",
            R::NAME,
            names.join(", ")
        )));
    }
    let mut table = find(client, name).await?;
    if table.is_none() && create {
        self::create(client, name, key, &columns).await?;
        table = find(client, name).await?;
    }
    let Some((oid, qualified)) = table else {
        return Err(Failure::Refused(format!(
            "there is no table `{name}`; create it with `{}`, or let the sink do so with `.create_table()`",
            definition(name, key, &columns)
        )));
    };
    let found = columns_of(client, oid, &qualified).await?;
    let mut differences = Vec::new();
    let mut types = Vec::new();
    for column in &columns {
        match compare(column, &found) {
            Ok(ty) => types.push(ty),
            Err(difference) => differences.push(difference),
        }
    }
    for other in &found {
        if other.not_null && !other.has_default && !columns.iter().any(|column| column.name == other.name) {
            differences.push(format!(
                "column `{}`: the rows don't have it, and it takes no null and has no default",
                other.name
            ));
        }
    }
    if !key.is_empty() && differences.is_empty() {
        differences.extend(missing_index(client, oid, key, &columns).await?);
    }
    if !differences.is_empty() {
        return Err(Failure::Refused(format!(
            "the table {qualified} doesn't fit rows of `{}`:\n  {}",
            R::NAME,
            differences.join("\n  ")
        )));
    }
    let key = key.iter().filter_map(|name| columns.iter().position(|column| column.name == *name)).collect();
    let names = columns.iter().map(|column| quoted(&column.name)).collect();
    Ok(Table { name: qualified, columns: names, layout: Layout::new::<R>(types), key })
}

fn named_twice(columns: &[Wanted]) -> Option<&str> {
    let mut names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
    names.sort_unstable();
    names.iter().zip(names.iter().skip(1)).find_map(|(name, next)| (name == next).then_some(*name))
}

/// A name as an identifier.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

async fn find(client: &Client, name: &str) -> Result<Option<(u32, String)>, Failure> {
    let sql = "SELECT c.oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname) \
               FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass($1::text)";
    let row = client.query_opt(sql, &[&name]).await?;
    row.map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).transpose()
}

async fn create(client: &Client, name: &str, key: &[String], columns: &[Wanted]) -> Result<(), Failure> {
    let sql = "SELECT string_agg(quote_ident(part), '.' ORDER BY at) \
               FROM unnest(parse_ident($1::text)) WITH ORDINALITY AS parts(part, at)";
    let name: String = client.query_one(sql, &[&name]).await?.try_get(0)?;
    let definition = definition(&name, key, columns).replacen("TABLE", "TABLE IF NOT EXISTS", 1);
    create_table(client, &definition).await.map_err(|failure| failure.while_("creating the table"))
}

/// Runs a `CREATE TABLE IF NOT EXISTS`. Of two that run at once one would fail all the same, so they take turns.
pub(crate) async fn create_table(client: &Client, definition: &str) -> Result<(), Failure> {
    // One implicit transaction, which holds the lock to its end. The number means nothing elsewhere.
    let sql = format!("SELECT pg_advisory_xact_lock({CREATING}); {definition}");
    Ok(client.batch_execute(&sql).await?)
}

fn definition(name: &str, key: &[String], columns: &[Wanted]) -> String {
    let mut parts: Vec<_> = columns
        .iter()
        .map(|column| {
            let not_null = if column.nullable { "" } else { " NOT NULL" };
            format!("{} {}{not_null}", quoted(&column.name), column.sql_type())
        })
        .collect();
    if !key.is_empty() {
        let key: Vec<_> = key.iter().map(|name| quoted(name)).collect();
        parts.push(format!("PRIMARY KEY ({})", key.join(", ")));
    }
    format!("CREATE TABLE {name} ({})", parts.join(", "))
}

async fn columns_of(client: &Client, oid: u32, table: &str) -> Result<Vec<Found>, Failure> {
    let sql = "SELECT attname::text, format_type(atttypid, atttypmod), attnotnull, \
               atthasdef OR attidentity <> '', attgenerated <> '' \
               FROM pg_attribute WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped ORDER BY attnum";
    let rows = client.query(sql, &[&oid]).await?;
    // Says what a type is made of, too.
    let statement = client.prepare(&format!("SELECT * FROM {table}")).await?;
    let mut found = Vec::new();
    for row in rows {
        let name: String = row.try_get(0)?;
        let Some(column) = statement.columns().iter().find(|column| column.name() == name) else { continue };
        found.push(Found {
            ty: column.type_().clone(),
            shown: row.try_get(1)?,
            not_null: row.try_get(2)?,
            has_default: row.try_get(3)?,
            generated: row.try_get(4)?,
            name,
        });
    }
    Ok(found)
}

/// The type of the column in the table, or in what the two differ.
fn compare(wanted: &Wanted, found: &[Found]) -> Result<ValueType, String> {
    let Wanted { name, .. } = wanted;
    let Some(found) = found.iter().find(|found| found.name == *name) else {
        let not_null = if wanted.nullable { "" } else { " NOT NULL" };
        return Err(format!(
            "column `{name}`: missing; the rows' `{}` would be `{}{not_null}`",
            wanted.type_name,
            wanted.sql_type()
        ));
    };
    if found.generated {
        return Err(format!("column `{name}`: generated by the table, so no row can be written to it"));
    }
    let ty = ValueType::of(&found.ty).filter(|ty| ty.takes(&wanted.column)).ok_or_else(|| {
        format!(
            "column `{name}`: `{}` in the table, and the rows' `{}` can't be written to that; `{}` would do",
            found.shown,
            wanted.type_name,
            wanted.sql_type()
        )
    })?;
    if wanted.nullable && found.not_null {
        return Err(format!(
            "column `{name}`: takes no null in the table, and the rows' `{}` may be null",
            wanted.type_name
        ));
    }
    Ok(ty)
}

/// What is wrong with the key: `ON CONFLICT` needs a unique index over these very columns.
async fn missing_index(
    client: &Client,
    table: u32,
    key: &[String],
    columns: &[Wanted],
) -> Result<Vec<String>, Failure> {
    let sql = "SELECT array_agg(a.attname::text), \
               coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false) \
               FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid \
               AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1]) \
               WHERE i.indrelid = $1 AND i.indisunique AND i.indisvalid AND i.indimmediate \
               AND i.indpred IS NULL AND i.indexprs IS NULL GROUP BY i.indexrelid, i.*";
    let mut wanted: Vec<_> = key.to_vec();
    wanted.sort_unstable();
    let mut nulls_differ = None;
    for row in client.query(sql, &[&table]).await? {
        let mut names: Vec<String> = row.try_get(0)?;
        names.sort_unstable();
        if names == wanted {
            nulls_differ = Some(nulls_differ.unwrap_or(true) && !row.try_get::<_, bool>(1)?);
        }
    }
    let list = key.join("`, `");
    Ok(match nulls_differ {
        None => vec![format!(
            "key `{list}`: no unique index is over just these columns; add one with `PRIMARY KEY` or `UNIQUE`"
        )],
        Some(true) => key
            .iter()
            .filter(|name| columns.iter().any(|column| column.name == **name && column.nullable))
            .map(|name| {
                format!(
                    "key column `{name}`: may be null in the rows, and one null differs from another in the index; \
                     make the index `UNIQUE NULLS NOT DISTINCT`, or the column no `Option`"
                )
            })
            .collect(),
        Some(false) => Vec::new(),
    })
}
