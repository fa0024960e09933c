//! [`Lookup`]: a static input as a plan holds it: its source, when to load it, and the table as it is now.
//!
//! Invariant: a table is complete before anyone sees it, and never changes after that; a refresh puts a new one in its
//! place.

use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::{KeySlot, Reload, StaticSource, StaticTable, Version};
use crate::engine::Clock;
use crate::error::{Error, Result};
use crate::schema::Schema;
use crate::source::blocking;
use crate::state::key::OwnedKey;
use crate::time::Duration;

/// A static input, with rows of type `R` that a join looks up by keys of type `K`.
pub struct Lookup<K, R: Schema, G> {
    description: String,
    key: Arc<G>,
    reload: Reload,
    loading: Mutex<Loading<R>>,
    table: RwLock<Arc<StaticTable<K, R>>>,
}

/// Where rows come from, and when they came.
struct Loading<R> {
    /// `None` once a table that is never loaded again has been loaded.
    source: Option<Box<dyn StaticSource<R>>>,
    loaded: Option<Loaded>,
}

struct Loaded {
    /// When the table was loaded, or last found unchanged, by [`Clock::elapsed`].
    at: Duration,
    /// For a table that is loaded again when it changes.
    version: Option<Version>,
}

/// A static input that isn't loaded yet. `key` shows the slot the key of a row.
pub fn lookup<R, K, G>(source: impl StaticSource<R>, key: G) -> Lookup<K, R, G>
where
    R: Schema,
    K: OwnedKey,
    G: for<'a> Fn(R::View<'a>, &mut KeySlot<K>) + Send + Sync + 'static,
{
    Lookup {
        description: source.description(),
        key: Arc::new(key),
        reload: source.reload_policy(),
        loading: Mutex::new(Loading { source: Some(Box::new(source)), loaded: None }),
        table: RwLock::new(Arc::new(StaticTable::empty())),
    }
}

impl<K, R, G> Lookup<K, R, G>
where
    R: Schema,
    K: OwnedKey,
    G: for<'a> Fn(R::View<'a>, &mut KeySlot<K>) + Send + Sync + 'static,
{
    /// How the source calls itself.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The table as it is now; without rows before the first [`refresh`](Self::refresh).
    pub fn table(&self) -> Arc<StaticTable<K, R>> {
        Arc::clone(&self.table.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Loads the table if it is time to, and says whether it was loaded. To be called when a batch is about to run, also
    /// one that runs again, and never while one runs.
    ///
    /// # Errors
    /// What the source answers, or an option without meaning. The table is as it was.
    pub async fn refresh(&self, clock: &dyn Clock) -> Result<bool> {
        let mut loading = self.loading.lock().await;
        let Loading { source, loaded } = &mut *loading;
        let Some(from) = source else { return Ok(false) };
        let now = clock.elapsed();
        match loaded {
            None => self.check_options()?,
            Some(loaded) => {
                let wait = self.reload.every.unwrap_or(Duration::from_micros(0));
                if now - loaded.at < wait {
                    return Ok(false);
                }
            }
        }
        let version = if self.reload.on_change { Some(self.version(from.as_mut()).await?) } else { None };
        if let Some(loaded) = loaded
            && version.is_some()
            && loaded.version == version
        {
            loaded.at = now;
            return Ok(false);
        }
        let rows = from.load().await?;
        let table = self.build(rows, clock.random() as u64).await?;
        tracing::debug!(table = %self.description, rows = table.len(), "loaded a static input");
        *self.table.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(table);
        *loaded = Some(Loaded { at: now, version });
        if self.reload.is_never() {
            *source = None;
        }
        Ok(true)
    }

    fn check_options(&self) -> Result<()> {
        match self.reload.every {
            Some(every) if every <= Duration::from_micros(0) => Err(Error::InvalidOption {
                option: "reload_every",
                message: format!(
                    "`{}` can't be loaded again every {every}; give a positive duration",
                    self.description
                ),
            }),
            _ => Ok(()),
        }
    }

    async fn version(&self, source: &mut dyn StaticSource<R>) -> Result<Version> {
        source.version().await?.ok_or_else(|| Error::InvalidOption {
            option: "reload_on_change",
            message: format!(
                "`{}` can't tell whether it has changed; use `reload_every`, or implement `StaticSource::version`",
                self.description
            ),
        })
    }

    async fn build(&self, rows: Vec<R>, seed: u64) -> Result<StaticTable<K, R>> {
        if rows.len() > StaticTable::<K, R>::MAX_ROWS {
            return Err(Error::source(
                &*self.description,
                format!(
                    "it has {} rows, and a static input holds at most {}",
                    rows.len(),
                    StaticTable::<K, R>::MAX_ROWS
                ),
            ));
        }
        let key = Arc::clone(&self.key);
        blocking(move || StaticTable::new(rows, seed, &*key)).await
    }
}

/// The static inputs of a plan: none, or a tuple of [`Lookup`]s.
#[async_trait]
pub trait Lookups: Send + Sync + 'static {
    /// Their tables, in the same order: `(Arc<StaticTable<K, R>>, …)`.
    type Tables: Clone + Send + Sync + 'static;

    /// The tables as they are now.
    fn tables(&self) -> Self::Tables;

    /// Loads those tables that it is time to load, and says whether any was. When a batch is about to run, and at no
    /// other time.
    async fn refresh(&self, clock: &dyn Clock) -> Result<bool>;

    /// How their sources call themselves.
    fn descriptions(&self) -> Vec<String>;
}

#[async_trait]
impl Lookups for () {
    type Tables = ();

    fn tables(&self) {}

    async fn refresh(&self, _clock: &dyn Clock) -> Result<bool> {
        Ok(false)
    }

    fn descriptions(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Static inputs whose tables may be loaded, whatever their rows are.
#[async_trait]
pub trait Refresh: Send + Sync {
    /// As [`Lookups::refresh`].
    async fn refresh(&self, clock: &dyn Clock) -> Result<bool>;
}

#[async_trait]
impl<S: Lookups> Refresh for S {
    async fn refresh(&self, clock: &dyn Clock) -> Result<bool> {
        Lookups::refresh(self, clock).await
    }
}

macro_rules! tuples_of_lookups {
    ($(($($key:ident $row:ident $function:ident $index:tt),+);)*) => {$(
        #[async_trait]
        impl<$($key, $row, $function),+> Lookups for ($(Lookup<$key, $row, $function>,)+)
        where
            $(
                $key: OwnedKey,
                $row: Schema,
                $function: for<'a> Fn($row::View<'a>, &mut KeySlot<$key>) + Send + Sync + 'static,
            )+
        {
            type Tables = ($(Arc<StaticTable<$key, $row>>,)+);

            fn tables(&self) -> Self::Tables {
                ($(self.$index.table(),)+)
            }

            async fn refresh(&self, clock: &dyn Clock) -> Result<bool> {
                let loaded = tokio::try_join!($(self.$index.refresh(clock)),+)?;
                Ok(false $(|| loaded.$index)+)
            }

            fn descriptions(&self) -> Vec<String> {
                vec![$(self.$index.description().to_owned()),+]
            }
        }
    )*};
}

tuples_of_lookups! {
    (K0 R0 G0 0);
    (K0 R0 G0 0, K1 R1 G1 1);
    (K0 R0 G0 0, K1 R1 G1 1, K2 R2 G2 2);
    (K0 R0 G0 0, K1 R1 G1 1, K2 R2 G2 2, K3 R3 G3 3);
    (K0 R0 G0 0, K1 R1 G1 1, K2 R2 G2 2, K3 R3 G3 3, K4 R4 G4 4);
    (K0 R0 G0 0, K1 R1 G1 1, K2 R2 G2 2, K3 R3 G3 3, K4 R4 G4 4, K5 R5 G5 5);
}
