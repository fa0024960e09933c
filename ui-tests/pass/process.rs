//! Every allowed cell of the support matrix for `process by`, and what its keys and processors may be.

use stream_runtime::error::BoxError;
use stream_runtime::prelude::*;
use stream_runtime::process::{Context, KeyedProcessor};
use ui_tests::{Order, OrderView, Repeated, Sale, Seen};

stream_query! {
    query Append(orders: Order) -> Sale {
        from o in orders watermark(o.ordered, minutes(1));
        process by o.product with Repeated { within: hours(1) };
        output append;
    }
}

stream_query! {
    query Update(orders: Order) -> Sale {
        from o in orders;
        process by o.product with repeated();
        output update;
    }
}

stream_query! {
    query BehindDedup(orders: Order) -> Sale {
        from o in orders watermark(o.ordered, minutes(1));
        dedup by o.id, o.ordered;
        process by o.product with Repeated { within: WITHIN };
        output append;
    }
}

stream_query! {
    query AmongTheSteps(orders: Order) -> Sale {
        from o in orders watermark(o.ordered, minutes(1));
        where o.amount > 1.0;
        let product = o.product.trim();
        dedup by o.id unbounded;
        explode part in product.split('+');
        where !part.is_empty();
        process by part, part.len() as u64, (o.amount > 100.0).then_some(o.ordered) with several::Keys::<u8>::new(3);
        output update;
    }
}

stream_query! {
    query Large(orders: Order) -> Order {
        from o in orders watermark(o.ordered, minutes(1));
        where o.amount > 100.0;
        select o;
        output append;
    }
}

stream_query! {
    query OfAQuery() -> Sale {
        from large in query Large;
        dedup by large.id, large.ordered;
        process by large.product with Repeated { within: hours(1) };
        output append;
    }
}

stream_query! {
    query ReadByAQuery() -> Sale {
        from sale in query Append;
        where sale.order > 0;
        select sale;
        output append;
    }
}

const WITHIN: Duration = hours(2);

fn repeated() -> Repeated {
    Repeated { within: WITHIN }
}

mod several {
    use super::*;

    pub struct Keys<T>(T);

    impl<T> Keys<T> {
        pub fn new(value: T) -> Self {
            Self(value)
        }
    }

    impl<T: Copy + Into<u64> + Send + Sync + 'static> KeyedProcessor for Keys<T> {
        type Key = (String, u64, Option<Timestamp>);
        type Row = Order;
        type Output = Sale;
        type State = Seen;

        fn process(
            &self,
            (part, length, _): (&str, u64, Option<Timestamp>),
            _: OrderView<'_>,
            state: &mut Seen,
            context: &mut Context<'_, Sale>,
        ) -> Result<(), BoxError> {
            state.last.set(self.0.into());
            context.emit(Sale { order: length, product: part.to_owned() });
            Ok(())
        }
    }
}

fn main() {
    let _ = Append::query().orders(FileSource::json("orders")).to(FileSink::json("out"));
    let _ = Update::query().orders(FileSource::json("orders")).to(ConsoleSink::new());
    let large = Large::query().orders(FileSource::json("orders"));
    let _ = OfAQuery::query().large(large).to(FileSink::json("out"));
    let clauses = [Append::explain(), AmongTheSteps::explain(), Update::explain()]
        .map(|plan| plan.info().operators.iter().map(|operator| operator.clause).collect::<Vec<_>>());
    assert_eq!(clauses[0], ["process by product with Repeated"]);
    assert_eq!(
        clauses[1],
        [
            "dedup by id unbounded",
            "process by part, part.len() as u64, (amount > 100.0).then_some(ordered) with Keys"
        ]
    );
    assert_eq!(clauses[2], ["process by product with …"]);
}
