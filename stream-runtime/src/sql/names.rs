//! [`Tables`]: a session's tables by name, as a schema of DataFusion.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use async_trait::async_trait;
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::error::{DataFusionError, Result as PlanResult};
use datafusion::logical_expr::TableType;

use super::SqlTable;
use crate::error::{Error, Result};

type Named = BTreeMap<String, Arc<dyn SqlTable>>;

/// Gives a table as its last commit has left it, each time it is asked. DataFusion asks once for each name in a statement.
///
/// Every clone has the same tables.
#[derive(Clone, Default)]
pub(super) struct Tables(Arc<RwLock<Named>>);

impl Tables {
    pub(super) fn add(&self, name: String, table: Arc<dyn SqlTable>) -> Result<()> {
        let mut named = self.write();
        if named.contains_key(&name) {
            let message = format!("there is a table `{name}` already: give this one another name");
            return Err(Error::Sql { message });
        }
        named.insert(name, table);
        Ok(())
    }

    /// Whether there was one.
    pub(super) fn remove(&self, name: &str) -> bool {
        let removed = self.write().remove(name);
        removed.is_some()
    }

    // Nothing that can panic runs under the lock.
    fn read(&self) -> RwLockReadGuard<'_, Named> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Named> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.read().keys()).finish()
    }
}

#[async_trait]
impl SchemaProvider for Tables {
    fn table_names(&self) -> Vec<String> {
        self.read().keys().cloned().collect()
    }

    async fn table(&self, name: &str) -> PlanResult<Option<Arc<dyn TableProvider>>> {
        let table = self.read().get(name).cloned();
        let table = table.map(|table| table.provider()).transpose();
        table.map_err(|error| DataFusionError::External(Box::new(error)))
    }

    async fn table_type(&self, name: &str) -> PlanResult<Option<TableType>> {
        Ok(self.table_exist(name).then_some(TableType::Base))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.read().contains_key(name)
    }
}
