//! Short windows over what a table says of each row.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use stream_runtime::prelude::*;

use super::super::input::{self, EventView};
use super::super::queries::ByCampaign;
use super::{Case, Hasher, MINUTE, Watermark};

const DELAY: i64 = 5 * MINUTE;
const WIDTH: i64 = 10_000_000;

/// Views by campaign.
pub(crate) struct W3 {
    campaigns: HashMap<String, String, Hasher>,
    open: BTreeMap<i64, HashMap<String, u64, Hasher>>,
    watermark: Watermark,
}

impl Default for W3 {
    fn default() -> Self {
        let campaigns = input::ads().into_iter().map(|ad| (ad.page, ad.campaign)).collect();
        Self { campaigns, open: BTreeMap::new(), watermark: Watermark::default() }
    }
}

impl Case for W3 {
    #[inline]
    fn row(&mut self, event: EventView<'_>) {
        let ts = event.ts.as_micros();
        self.watermark.observe(ts);
        if event.action != "view" {
            return;
        }
        let Some(campaign) = self.campaigns.get(event.page) else { return };
        let start = ts.div_euclid(WIDTH) * WIDTH;
        if start + WIDTH <= self.watermark.late {
            return;
        }
        *self.open.entry(start).or_default().entry_ref(campaign.as_str()).or_default() += 1;
    }

    fn end_batch(&mut self) -> usize {
        let mut rows = Vec::new();
        while let Some(first) = self.open.first_entry() {
            let start = *first.key();
            if start + WIDTH > self.watermark.evict {
                break;
            }
            let window =
                Window { start: Timestamp::from_micros(start), end: Timestamp::from_micros(start + WIDTH) };
            rows.extend(first.remove().into_iter().map(|(campaign, n)| ByCampaign { window, campaign, n }));
        }
        self.watermark.end_batch(DELAY);
        std::hint::black_box(&rows).len()
    }
}
