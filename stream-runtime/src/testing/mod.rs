//! For a service's own tests: queries without files, brokers, sleeps or wall clocks.

mod clock;
mod query;

pub use clock::ManualClock;
pub use query::TestQuery;
