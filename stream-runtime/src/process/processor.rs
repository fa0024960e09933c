//! [`KeyedProcessor`]: a service's own stateful operator.

use crate::error::BoxError;
use crate::schema::Schema;
use crate::state::key::OwnedKey;

use super::{Context, ProcessorState, Timer};

/// The form in which a processor sees its key: `&str` for `String`, numbers as they are, and tuples of those.
type KeyRef<'a, P> = <<P as KeyedProcessor>::Key as OwnedKey>::Ref<'a>;

/// A service's own stateful operator: called with each row of a key, and with its timers. The [module](super) has an
/// example.
///
/// A batch's rows come first, those of a key in the order of the input; then timers fire. Calls for different keys run
/// on several threads at once. What a call depends on has to be its arguments and `self`, so that a batch that runs
/// again after a crash gives the same rows: [`Context::now`] is the time to use.
///
/// If the input has a watermark, rows whose event time isn't after that of the batch before are late: they are
/// dropped, and counted in the query's progress.
///
/// A key whose variables are all empty and which has no timer is forgotten at the end of the batch.
///
/// An error ends the query. The checkpoint stays as the batch before left it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no processor",
    label = "doesn't implement `KeyedProcessor`",
    note = "`process by … with …` takes a value whose type implements `stream_runtime::process::KeyedProcessor`"
)]
pub trait KeyedProcessor: Send + Sync + 'static {
    /// The key: what rows are brought together by. A tuple if `process by` names several columns.
    type Key: OwnedKey;
    /// The input's rows.
    type Row: Schema;
    /// The rows that it emits.
    type Output: Schema;
    /// What it keeps for each key.
    type State: ProcessorState;

    /// Takes in a row.
    ///
    /// # Errors
    /// Whatever is to end the query.
    fn process(
        &self,
        key: KeyRef<'_, Self>,
        row: <Self::Row as Schema>::View<'_>,
        state: &mut Self::State,
        context: &mut Context<'_, Self::Output>,
    ) -> Result<(), BoxError>;

    /// Is called when a timer's time has come. The timer is gone then. A timer that is set here and due at once fires
    /// in the same batch.
    ///
    /// # Errors
    /// Whatever is to end the query.
    fn on_timer(
        &self,
        key: KeyRef<'_, Self>,
        timer: Timer,
        state: &mut Self::State,
        context: &mut Context<'_, Self::Output>,
    ) -> Result<(), BoxError> {
        let _ = (key, timer, state, context);
        Ok(())
    }

    /// The state of keys that a query begins with. It is asked for once, before the rows of its first batch; a query
    /// that goes on with a checkpoint has it there already.
    ///
    /// ```
    /// # use stream_runtime::error::BoxError;
    /// # use stream_runtime::prelude::*;
    /// # use stream_runtime::process::{Context, KeyedProcessor, ProcessorState, ValueState};
    /// # #[derive(Schema)]
    /// # struct Payment { user_id: u64, amount: f64 }
    /// # #[derive(Default, ProcessorState)]
    /// # struct Account { balance: ValueState<f64> }
    /// # struct Balances;
    /// # impl KeyedProcessor for Balances {
    /// #     type Key = u64;
    /// #     type Row = Payment;
    /// #     type Output = Payment;
    /// #     type State = Account;
    /// #     fn process(&self, _: u64, _: PaymentView<'_>, _: &mut Account, _: &mut Context<'_, Payment>) -> Result<(), BoxError> { Ok(()) }
    /// fn initial_state(&self) -> Result<Vec<(u64, Account)>, BoxError> {
    ///     let mut account = Account::default();
    ///     account.balance.set(100.0);
    ///     Ok(vec![(7, account)])
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    /// Whatever is to end the query.
    #[allow(clippy::type_complexity, reason = "a name for the pairs would hide what to return")]
    fn initial_state(&self) -> Result<Vec<(Self::Key, Self::State)>, BoxError> {
        Ok(Vec::new())
    }
}
