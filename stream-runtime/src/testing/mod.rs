//! For a service's own tests: queries without files, brokers, sleeps or wall clocks.
//!
//! ```
//! use stream_runtime::prelude::*;
//! use stream_runtime::testing::TestQuery;
//!
//! #[derive(Schema)]
//! struct Sale {
//!     region: String,
//!     price: f64,
//! }
//!
//! #[derive(Schema, Debug, PartialEq)]
//! struct Total {
//!     region: String,
//!     total: f64,
//! }
//!
//! stream_query! {
//!     query Totals(sales: Sale) -> Total {
//!         from sale in sales;
//!         group by sale.region unbounded;
//!         select Total { region: sale.region, total: sum(sale.price) };
//!         output update;
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> stream_runtime::Result<()> {
//! let sale = |region: &str, price| Sale { region: region.to_owned(), price };
//! let total = |region: &str, total| Total { region: region.to_owned(), total };
//!
//! let mut test = TestQuery::open(|source, sink| Totals::query().sales(source).to(sink)).await?;
//! test.add([sale("north", 1.5), sale("south", 2.0), sale("north", 1.0)]);
//! test.expect([total("north", 2.5), total("south", 2.0)]).await;
//!
//! // State is in the checkpoint, and only what has changed is put out.
//! test.restart().await?;
//! test.add([sale("south", 3.0)]);
//! test.expect([total("south", 5.0)]).await;
//! # Ok(())
//! # }
//! ```

mod clock;
mod inputs;
mod query;

pub use clock::ManualClock;
pub use inputs::TestInputs;
pub use query::TestQuery;
