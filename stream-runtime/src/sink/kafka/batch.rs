//! [`Rows`]: a batch on its way into a transaction, as often as it takes.

use std::sync::Arc;
use std::time::Instant;

use super::dead_letters::write_dead_letter;
use super::opened::{ATTEMPTS, Opened};
use super::producer::{Client, Trouble};
use super::send::{Sending, Unsent};
use crate::error::Result;
use crate::sink::MessageWriter;
use crate::source::MalformedRow;

/// What a batch writes.
pub(super) struct Rows<'a, R, F> {
    pub(super) id: u64,
    pub(super) topic: Option<&'a str>,
    pub(super) rows: &'a [R],
    pub(super) encode: F,
    pub(super) dead_letters: &'a [MalformedRow],
    pub(super) dead_letter_topic: Option<&'a str>,
}

impl<R, F> Rows<'_, R, F>
where
    R: Sync,
    F: Fn(&R, &mut MessageWriter) -> Result<(), String> + Sync,
{
    /// Writes the batch unless the brokers have it, or there is nothing to write. A batch without rows keeps the marker from being
    /// forgotten.
    ///
    /// # Errors
    /// As text, what the batch fails with; nothing of it is committed then.
    pub(super) async fn write(
        &self,
        opened: &mut Opened,
        message: &mut MessageWriter,
    ) -> Result<Result<(), String>> {
        let is_empty = self.rows.is_empty() && self.dead_letters.is_empty();
        if opened.has(self.id) || is_empty && !opened.is_marker_old() {
            return Ok(Ok(()));
        }
        // A batch without rows is as good as unwritten: a start that replays it finds the marker of the one before.
        let next = if is_empty { self.id } else { self.id + 1 };
        // Without transactions what was sent can't be taken back: another attempt is up to a restart.
        let attempts = if opened.is_transactional() { ATTEMPTS } else { 1 };
        let mut last = String::new();
        for _ in 0..attempts {
            let client = match opened.client(self.id).await? {
                Ok(Some(client)) => client,
                Ok(None) => {
                    opened.wrote(self.id + 1);
                    return Ok(Ok(()));
                }
                Err(problem) => return Ok(Err(problem)),
            };
            let begun = Instant::now();
            last = match self.attempt(opened, &client, next, message).await? {
                Ok(()) => {
                    opened.wrote(next);
                    return Ok(Ok(()));
                }
                Err(Unsent::Row { place, problem }) => {
                    opened.abort(client).await?;
                    return Ok(Err(format!("{}: {problem}", self.name(place))));
                }
                Err(Unsent::Trouble(Trouble::Undelivered(undelivered))) => {
                    opened.abort(client).await?;
                    let message = format!("{}: {}", self.name(undelivered.place), undelivered.message);
                    if undelivered.is_for_good() {
                        return Ok(Err(message));
                    }
                    message
                }
                Err(Unsent::Trouble(Trouble::Abort(message))) => {
                    opened.abort(client).await?;
                    message
                }
                Err(Unsent::Trouble(Trouble::Lost(message))) => {
                    opened.give_up(client).await?;
                    message
                }
            };
            if opened.is_transactional() && begun.elapsed() >= opened.transaction_timeout {
                last.push_str(
                    "; the batch takes longer than `transaction_timeout`: raise it, or make batches smaller",
                );
            }
            tracing::warn!(batch = self.id, "writing a batch to Kafka: {last}");
        }
        Ok(Err(format!("batch {} could not be written in {attempts} attempts: {last}", self.id)))
    }

    async fn attempt(
        &self,
        opened: &Opened,
        client: &Arc<Client>,
        next: u64,
        message: &mut MessageWriter,
    ) -> Result<Result<(), Unsent>> {
        if let Err(trouble) = opened.begin(client).await? {
            return Ok(Err(Unsent::Trouble(trouble)));
        }
        if let Err(unsent) = self.send(client, message).await {
            return Ok(Err(unsent));
        }
        Ok(opened.finish(client, next).await?.map_err(Unsent::Trouble))
    }

    async fn send(&self, client: &Client, message: &mut MessageWriter) -> Result<(), Unsent> {
        let mut sending = Sending::new(client, message);
        for row in self.rows {
            sending.send(self.topic, |message| (self.encode)(row, message)).await?;
        }
        for row in self.dead_letters {
            let write = |message: &mut MessageWriter| {
                write_dead_letter(row, message);
                Ok(())
            };
            sending.send(self.dead_letter_topic, write).await?;
        }
        Ok(())
    }

    /// The name of a message by its place.
    fn name(&self, place: usize) -> String {
        match place.checked_sub(self.rows.len()) {
            None => format!("batch {}, row {}", self.id, place + 1),
            Some(place) => format!("batch {}, dead letter {}", self.id, place + 1),
        }
    }
}
