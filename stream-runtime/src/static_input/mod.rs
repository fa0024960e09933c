//! Static inputs: tables that a query looks its rows up in, such as a catalog or the names of accounts.
//!
//! An input that a query declares `static` takes rows that are all there at once, rather than a stream: a `Vec`, a
//! [`MemoryTable`] that the service replaces as it likes, a [`StaticFile`], or a [`StaticSource`] of the service's own. They
//! are held in memory, by the key that the join compares.
//!
//! ```
//! use stream_runtime::prelude::*;
//! use stream_runtime::static_input::StaticSource;
//!
//! #[derive(Schema, Debug, PartialEq)]
//! struct Product {
//!     product_id: String,
//!     price: f64,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("products.csv");
//! std::fs::write(&path, "product_id,price\ntea,2.5\n")?;
//! let mut catalog = StaticFile::csv(&path);
//! let tea = Product { product_id: "tea".to_owned(), price: 2.5 };
//! let products: Vec<Product> = catalog.load().await?;
//! assert_eq!(products, [tea]);
//!
//! // As a query takes it, if the file is replaced now and then:
//! let catalog = catalog.reload_on_change();
//! # drop::<stream_runtime::static_input::StaticInput<Product>>(catalog);
//! # Ok(())
//! # }
//! ```
//!
//! # When a table is loaded
//!
//! Once, before the first batch, unless [`StaticSourceExt`] says otherwise:
//!
//! | | |
//! |---|---|
//! | [`reload_every`](StaticSourceExt::reload_every) | again when so much time has passed |
//! | [`reload_on_change`](StaticSourceExt::reload_on_change) | again when the source says that its rows have changed |
//! | both | looks whether they have changed when so much time has passed |
//!
//! The query looks whether it is time when a batch is about to run: one that has nothing to do loads nothing. A table is
//! replaced as a whole, and only between two batches: all rows of a batch see the same one. While the next one is loaded,
//! both are in memory. A table that can't be loaded for a batch ends the query, also if an earlier version of it was
//! loaded: joining with rows that nobody vouches for any more would be worse.
//!
//! # Replay
//!
//! The checkpoint holds which rows of the *streams* a batch has, not what stood in the table. A batch that is run again
//! after a crash joins with the table as it is then, as in Spark. So each row of a stream is joined exactly once, with
//! *some* version of the table. A service for which that isn't enough keeps versions in the rows, or makes the table a
//! stream and joins the two by time.

mod file;
mod lookup;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
mod reload;
mod table;

use async_trait::async_trait;

pub use file::StaticFile;
#[doc(hidden)]
pub use lookup::{Lookup, Lookups, Refresh, lookup};
pub use memory::MemoryTable;
#[cfg(feature = "postgres")]
pub use postgres::StaticPostgres;
#[doc(hidden)]
pub use reload::Reload;
pub use reload::{StaticInput, StaticSourceExt};
#[doc(hidden)]
pub use table::{KeySlot, Matches, StaticTable, or_null};

use crate::error::Result;
use crate::schema::Schema;

/// What tells one state of a table from another, without its rows: a counter, an `ETag`, the names and times of files.
///
/// Versions are only compared for equality, and only with others of the same source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(pub String);

/// A table of rows that are all there at once.
///
/// Write an `impl` with `#[async_trait]`. The methods run on tokio: work that blocks for long belongs on
/// `tokio::task::spawn_blocking`.
///
/// # Errors
/// An error of any method ends the query, and leaves its checkpoint as the batch before left it;
/// [`Error::source`](crate::Error::source) makes one that says which table it was.
///
/// # Example
///
/// ```
/// use async_trait::async_trait;
/// use stream_runtime::Result;
/// use stream_runtime::prelude::*;
/// use stream_runtime::static_input::StaticSource;
///
/// #[derive(Schema)]
/// struct Region {
///     code: String,
///     name: String,
/// }
///
/// /// The regions of a client of some service.
/// struct Regions {
///     client: Client,
/// }
/// # struct Client;
/// # impl Client {
/// #     async fn regions(&self) -> Result<Vec<(String, String)>> {
/// #         Ok(Vec::new())
/// #     }
/// # }
///
/// #[async_trait]
/// impl StaticSource<Region> for Regions {
///     fn description(&self) -> String {
///         "Regions".to_owned()
///     }
///
///     async fn load(&mut self) -> Result<Vec<Region>> {
///         let regions = self.client.regions().await?;
///         Ok(regions.into_iter().map(|(code, name)| Region { code, name }).collect())
///     }
/// }
///
/// let regions = Regions { client: Client }.reload_every(minutes(10));
/// # drop(regions);
/// ```
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a static source of `{R}` rows",
    label = "this input is `static`: it takes a table of `{R}`",
    note = "static sources are `Vec<{R}>`, `MemoryTable<{R}>`, `StaticFile`, and your own `impl StaticSource<{R}>`; for a stream, declare the input without `static`"
)]
pub trait StaticSource<R: Schema>: Send + 'static {
    /// How errors and a query's plan call this table, for instance `StaticFile[data/products.csv]`.
    fn description(&self) -> String;

    /// When the table is loaded again: as [`StaticSourceExt`] has said.
    #[doc(hidden)]
    fn reload_policy(&self) -> Reload {
        Reload::default()
    }

    /// All rows, as they are now. May be called any number of times.
    ///
    /// Their order is the order in which the matches of a key come.
    async fn load(&mut self) -> Result<Vec<R>>;

    /// The version of the rows that [`load`](Self::load) would give now, found out without reading them; `None` if
    /// the source can't say.
    ///
    /// If rows change while it looks, an older version than that of the rows does no harm: they are loaded once more
    /// than needed. A newer one would hide the change.
    async fn version(&mut self) -> Result<Option<Version>> {
        Ok(None)
    }
}
