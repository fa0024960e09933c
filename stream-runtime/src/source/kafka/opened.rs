//! [`Opened`]: a source in a run.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::fetcher::Fetcher;
use super::limit::{self, Minimum};
use super::look::{Look, Looking};
use super::split::Reading;
use crate::engine::Clock;
use crate::error::{Error, Result};
use crate::kafka::{Partition, PartitionOffsets};
use crate::source::blocking;

/// How long the ends of partitions are taken for known while nothing arrives.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// A source in a run.
pub(super) struct Opened<R> {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) looking: Arc<Looking>,
    /// Kept by each run for its group, unless the service has named one.
    pub(super) group: String,
    pub(super) reading: Arc<Reading<R>>,
    pub(super) fetcher: Option<(Fetcher, usize)>,
    /// Where partitions begin; what the log holds.
    pub(super) starts: PartitionOffsets,
    /// What [`Source::prepare_available_now`] or `ending_offsets` has fixed.
    pub(super) bound: Option<PartitionOffsets>,
    /// The ends that the brokers gave last, and when.
    pub(super) latest: Option<(PartitionOffsets, Instant)>,
    pub(super) handed_out: PartitionOffsets,
    pub(super) minimum: Option<Minimum>,
    /// Whether there was too little for a batch.
    pub(super) waits: bool,
    pub(super) available_now: bool,
    /// How large the messages of the last batch were on average.
    pub(super) size: Option<u64>,
}

impl<R> Drop for Opened<R> {
    fn drop(&mut self) {
        self.looking.close();
    }
}

impl<R> Opened<R> {
    /// Whether the brokers are worth asking.
    pub(super) fn may_have_news(&mut self) -> bool {
        let (Some((fetcher, _)), Some((latest, asked))) = (&self.fetcher, &self.latest) else { return true };
        // In any case, or whoever waits for an arrival would go on being told of this one.
        let arrived = fetcher.arrivals().take();
        let is_due = arrived || asked.elapsed() >= ASK_EVERY;
        if limit::count(&self.handed_out, latest) > 0 {
            return is_due || !self.waits;
        }
        // What lies behind a bound is no news.
        let is_open = |partition: &Partition| {
            self.bound.as_ref().is_none_or(|bound| bound.get(partition) > self.handed_out.get(partition))
        };
        let open = fetcher.readers().filter(|reader| is_open(&reader.partition));
        let more = open.filter(|reader| reader.has_more()).count() > 0;
        more || is_due
    }

    /// Asks the brokers where partitions end.
    pub(super) async fn look(&mut self, name: &str, start: Option<PartitionOffsets>) -> Result<Look> {
        let looking = Arc::clone(&self.looking);
        let has_begun = !self.starts.is_empty();
        let look = blocking(move || looking.look(start.as_ref(), has_begun)).await?;
        let look = look.map_err(|error| Error::source(name, error))?;
        if let Some(ending) = &look.ending {
            self.bound.get_or_insert_with(|| ending.clone());
        }
        for partition in &look.gone {
            if let Some((fetcher, _)) = &mut self.fetcher {
                fetcher.forget(partition);
            }
        }
        Ok(look)
    }

    /// Begins to fetch from these offsets what isn't fetched yet.
    pub(super) fn fetch(&mut self, from: &PartitionOffsets) -> Result<(), String> {
        let partitions = from.iter().count();
        if self.fetcher.as_ref().is_none_or(|(_, most)| partitions > *most) {
            // With room for more: a client's budget for each partition is fixed when it is made.
            let most = partitions.next_power_of_two();
            let config =
                self.looking.options().config(&self.group, most).map_err(|error| error.to_string())?;
            self.fetcher = Some((Fetcher::start(&config, &self.group)?, most));
        }
        match &mut self.fetcher {
            Some((fetcher, _)) => fetcher.fetch(from).map_err(|error| error.to_string()),
            None => Ok(()),
        }
    }
}
