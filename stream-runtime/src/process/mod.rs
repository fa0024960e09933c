//! Arbitrary state: a [`KeyedProcessor`] is called with each row of a key, keeps what it likes for the key, sets
//! timers, and emits result rows (Spark's `transformWithState`).
//!
//! `process by payment.user_id with Fraud;` in a query gives its rows to a processor. The variables of a key's state
//! are [`ValueState`], [`ListState`] and [`MapState`], in a struct that derives [`ProcessorState`]. They live in
//! memory as they are, and what a batch has changed goes into the checkpoint with the batch, so that they are
//! exactly-once like everything else.
//!
//! ```
//! use stream_runtime::error::BoxError;
//! use stream_runtime::prelude::*;
//! use stream_runtime::process::{Context, KeyedProcessor, ProcessorState, Timer, ValueState};
//!
//! #[derive(Schema)]
//! struct Payment {
//!     user_id: String,
//!     amount: f64,
//!     timestamp: Timestamp,
//! }
//!
//! #[derive(Schema)]
//! struct Alert {
//!     user_id: String,
//!     amount: f64,
//! }
//!
//! /// A small payment that tries a card out, and within a minute a large one.
//! struct Fraud {
//!     large: f64,
//! }
//!
//! #[derive(Default, ProcessorState)]
//! struct Tried {
//!     /// Until when a large payment is suspicious.
//!     until: ValueState<Timestamp>,
//! }
//!
//! impl KeyedProcessor for Fraud {
//!     type Key = String;
//!     type Row = Payment;
//!     type Output = Alert;
//!     type State = Tried;
//!
//!     fn process(
//!         &self,
//!         user_id: &str,
//!         payment: PaymentView<'_>,
//!         state: &mut Tried,
//!         context: &mut Context<'_, Alert>,
//!     ) -> Result<(), BoxError> {
//!         if state.until.get().is_some_and(|until| payment.timestamp < *until) && payment.amount >= self.large {
//!             context.emit(Alert { user_id: user_id.to_owned(), amount: payment.amount });
//!         }
//!         if payment.amount < 1.0 {
//!             let until = payment.timestamp + minutes(1);
//!             if let Some(before) = state.until.take() {
//!                 context.cancel_event_timer(before);
//!             }
//!             context.event_timer(until)?;
//!             state.until.set(until);
//!         }
//!         Ok(())
//!     }
//!
//!     /// The minute is over. The user's state is empty then, and takes no memory any more.
//!     fn on_timer(
//!         &self,
//!         _user_id: &str,
//!         _timer: Timer,
//!         state: &mut Tried,
//!         _context: &mut Context<'_, Alert>,
//!     ) -> Result<(), BoxError> {
//!         state.until.clear();
//!         Ok(())
//!     }
//! }
//! ```

mod context;
mod index;
mod list;
mod map;
mod processor;
mod state;
mod timer;
mod value;
mod variable;

pub use context::Context;
pub(crate) use context::{BatchTimes, Fired};
pub(crate) use index::TimerIndex;
pub use list::ListState;
pub use map::MapState;
pub use processor::KeyedProcessor;
pub use state::ProcessorState;
pub(crate) use state::{decode_state, encode_state, expire, is_empty, next_expiry};
/// Derives [`ProcessorState`] (the trait) for a struct whose fields are state variables.
pub use stream_macros::ProcessorState;
pub use timer::{Timer, TimerKind};
pub use value::ValueState;
#[doc(hidden)]
pub use variable::{StateVariable, VariableVisitor};
