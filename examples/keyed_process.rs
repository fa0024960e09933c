//! A rule with a memory and a timer: a card that is tried out with a small payment and charged with a large one within a
//! minute is reported; when the minute is over the card is forgotten.
//!
//! `cargo run --example keyed_process` — needs nothing, and ends by itself.

use stream_runtime::error::BoxError;
use stream_runtime::prelude::*;
use stream_runtime::process::{Context, KeyedProcessor, ProcessorState, Timer, ValueState};

#[derive(Schema, Clone)]
struct Payment {
    card: String,
    amount: f64,
    event_time: Timestamp,
}

#[derive(Schema)]
struct Alert {
    card: String,
    tried_with: f64,
    charged: f64,
    after: Duration,
}

struct FraudRule {
    small: f64,
    large: f64,
    within: Duration,
}

/// What is kept of a card, from a small payment on.
#[derive(Default, ProcessorState)]
struct Tried {
    amount: ValueState<f64>,
    at: ValueState<Timestamp>,
}

impl KeyedProcessor for FraudRule {
    type Key = String;
    type Row = Payment;
    type Output = Alert;
    type State = Tried;

    fn process(
        &self,
        card: &str,
        payment: PaymentView<'_>,
        tried: &mut Tried,
        context: &mut Context<'_, Alert>,
    ) -> Result<(), BoxError> {
        if payment.amount <= self.small {
            // The minute counts from the last small payment.
            context.cancel_timers();
            context.event_timer(payment.event_time + self.within)?;
            tried.amount.set(payment.amount);
            tried.at.set(payment.event_time);
        } else if payment.amount >= self.large
            && let (Some(&amount), Some(&at)) = (tried.amount.get(), tried.at.get())
            // The timer fires when the watermark gets there, and a payment may be ahead of it.
            && payment.event_time < at + self.within
        {
            let after = payment.event_time - at;
            context.emit(Alert { card: card.to_owned(), tried_with: amount, charged: payment.amount, after });
        }
        Ok(())
    }

    /// The minute is over. A card of which nothing is kept takes no memory, and is in no checkpoint any more.
    fn on_timer(
        &self,
        _card: &str,
        _timer: Timer,
        tried: &mut Tried,
        _context: &mut Context<'_, Alert>,
    ) -> Result<(), BoxError> {
        *tried = Tried::default();
        Ok(())
    }
}

stream_query! {
    /// Cards that were tried out and then charged.
    query Fraud(payments: Payment) -> Alert {
        from payment in payments watermark(payment.event_time, seconds(10));
        process by payment.card with FraudRule { small: 1.0, large: 500.0, within: minutes(1) };
        output append;
    }
}

/// A batch a line: card, amount, and seconds after 12:00:00.
const BATCHES: [&[(&str, f64, i64)]; 5] = [
    &[("ada", 0.5, 0), ("bob", 0.8, 2), ("eve", 30.0, 5)],
    // Twenty seconds after the small one.
    &[("ada", 900.0, 20), ("bob", 12.0, 40)],
    // bob's minute was over at 12:01:02.
    &[("bob", 700.0, 70), ("eve", 0.3, 75)],
    // The first one is late by now, and dropped. The watermark is past the minutes of ada and bob: both are forgotten.
    &[("eve", 999.0, 15), ("eve", 650.0, 100)],
    // The watermark gets to 12:03:00 in the batch after this one, which has no rows: eve is forgotten. dan's minute isn't over.
    &[("dan", 0.1, 190)],
];

fn payment(&(card, amount, second): &(&str, f64, i64)) -> Payment {
    Payment { card: card.to_owned(), amount, event_time: Timestamp::from_secs(1_767_268_800 + second) }
}

#[tokio::main]
async fn main() -> stream_runtime::Result<()> {
    println!("{}", Fraud::explain());

    let (input, source) = MemorySource::new();
    for batch in BATCHES {
        input.add(batch.iter().map(payment));
    }
    let query = Fraud::query()
        .payments(source.max_chunks_per_trigger(1))
        .to(ConsoleSink::new())
        .trigger(Trigger::AvailableNow)
        .start()
        .await?;
    query.await_termination().await?;

    for progress in query.recent_progress() {
        for cards in &progress.state_operators {
            println!(
                "batch {}: watermark {}, {} row(s), {} of them late; then {} card(s) in state, {} forgotten",
                progress.batch_id,
                &progress.event_time.watermark.unwrap_or_default().to_string()[11..19],
                progress.num_input_rows,
                cards.num_rows_dropped_by_watermark,
                cards.num_rows_total,
                cards.num_rows_removed,
            );
        }
    }
    Ok(())
}
