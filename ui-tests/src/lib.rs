//! The rows that the compile-fail and compile-pass cases share, so that a case shows its mistake and little else.

use async_trait::async_trait;
use stream_runtime::error::BoxError;
use stream_runtime::prelude::*;
use stream_runtime::process::{Context, KeyedProcessor, ProcessorState, ValueState};
use stream_runtime::sink::{AppendOnly, Sink, SinkBatch};

/// A click on a page.
#[derive(Schema)]
pub struct Click {
    /// Who clicked.
    pub user_id: String,
    /// Where.
    pub page: String,
    /// What the click did.
    pub action: String,
    /// What was paid, if anything.
    pub amount: Option<f64>,
    /// When.
    pub timestamp: Timestamp,
}

/// A row with two times.
#[derive(Schema)]
pub struct Shipment {
    /// When it left.
    pub sent: Timestamp,
    /// When it arrived.
    pub received: Timestamp,
}

/// An order.
#[derive(Schema)]
pub struct Order {
    /// Which.
    pub id: u64,
    /// What is ordered.
    pub product: String,
    /// For how much.
    pub amount: f64,
    /// When.
    pub ordered: Timestamp,
}

/// An order on its way.
#[derive(Schema)]
pub struct Delivery {
    /// Which order.
    pub order_id: u64,
    /// By whom.
    pub carrier: String,
    /// Since when.
    pub sent: Timestamp,
}

/// What can be ordered.
#[derive(Schema)]
pub struct Product {
    /// Which.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Since when.
    pub since: Timestamp,
}

/// A result row.
#[derive(Schema)]
pub struct PageStat {
    /// The group.
    pub page: String,
    /// Its size.
    pub views: u64,
}

/// Another result row.
#[derive(Schema)]
pub struct Total {
    /// A sum.
    pub total: Option<f64>,
}

/// A result row of joins.
#[derive(Schema)]
pub struct Sale {
    /// Which order.
    pub order: u64,
    /// What was ordered.
    pub product: String,
}

/// A sink whose rows are final once written.
#[derive(Debug)]
pub struct Journal;

#[async_trait]
impl<R: Schema> Sink<R> for Journal {
    type Modes = AppendOnly;

    fn description(&self) -> String {
        "Journal".to_owned()
    }

    async fn commit(&mut self, _batch: SinkBatch<'_, R>) -> stream_runtime::Result<()> {
        Ok(())
    }
}

/// What [`Repeated`] keeps of a product.
#[derive(Debug, Default, ProcessorState)]
pub struct Seen {
    /// The last order.
    pub last: ValueState<u64>,
}

/// A processor of orders by product.
#[derive(Debug)]
pub struct Repeated {
    /// For how long an order is remembered.
    pub within: Duration,
}

impl KeyedProcessor for Repeated {
    type Key = String;
    type Row = Order;
    type Output = Sale;
    type State = Seen;

    fn process(
        &self,
        product: &str,
        order: OrderView<'_>,
        state: &mut Seen,
        context: &mut Context<'_, Sale>,
    ) -> Result<(), BoxError> {
        if let Some(last) = state.last.take() {
            context.emit(Sale { order: last, product: product.to_owned() });
        }
        state.last.set(order.id);
        context.event_timer(order.ordered + self.within)?;
        Ok(())
    }
}
