//! Deduplication: a set of keys, and a calendar that says which of them end in which second.

use std::collections::BTreeMap;

use hashbrown::HashSet;

use super::super::input::EventView;
use super::super::queries::Id;
use super::{Case, Hasher, MINUTE, Watermark};

const DELAY: i64 = 10 * MINUTE;
const SECOND: i64 = 1_000_000;

/// The first row of each `event_id` and `ts`.
#[derive(Default)]
pub(crate) struct W5 {
    seen: HashSet<(i64, i64), Hasher>,
    calendar: BTreeMap<i64, Vec<(i64, i64)>>,
    rows: Vec<Id>,
    watermark: Watermark,
}

impl Case for W5 {
    #[inline]
    fn row(&mut self, event: EventView<'_>) {
        let ts = event.ts.as_micros();
        self.watermark.observe(ts);
        if ts <= self.watermark.late {
            return;
        }
        let key = (event.event_id, ts);
        if self.seen.insert(key) {
            self.calendar.entry(ts.div_euclid(SECOND)).or_default().push(key);
            self.rows.push(Id { event_id: event.event_id, ts: event.ts });
        }
    }

    fn end_batch(&mut self) -> usize {
        let evict = self.watermark.evict;
        while let Some(mut first) = self.calendar.first_entry() {
            let seen = &mut self.seen;
            if *first.key() > evict.div_euclid(SECOND) {
                break;
            }
            // The watermark may stand in the middle of a second.
            first.get_mut().retain(|key| {
                let stays = key.1 > evict;
                if !stays {
                    seen.remove(key);
                }
                stays
            });
            if !first.get().is_empty() {
                break;
            }
            first.remove();
        }
        self.watermark.end_batch(DELAY);
        let rows = std::mem::take(&mut self.rows);
        std::hint::black_box(&rows).len()
    }
}
