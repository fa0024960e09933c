//! The rules of the query language, one family a file.
//!
//! Each rule looks at the draft alone and reports what it finds; a rule that needs a clause which is missing or
//! broken keeps silent, because that has been reported.

mod aggregates;
mod clauses;
mod dedup;
mod grouping;
mod join;
mod names;
mod order;
mod output;
mod process;
mod session;
mod source;
mod watermark;
mod window;

pub(crate) use aggregates::PER_TUPLE;
pub(crate) use clauses::place_clauses;
pub(crate) use window::literal_micros;

use super::draft::{Draft, Slot};
use super::split::{self, Split};
use crate::report::Report;

/// Checks everything that can be checked without types. Returns the split of an aggregation's `select`.
pub(crate) fn check(draft: &Draft, report: &mut Report) -> Option<Split> {
    source::check_sources(draft, report);
    names::check_names(draft, report);
    watermark::check_watermarks(draft, report);
    window::check_windows(draft, report);
    session::check_sessions(draft, report);
    join::check_joins(draft, report);
    dedup::check_dedups(draft, report);
    aggregates::check_places(draft, report);
    grouping::check_keys(draft, report);
    grouping::check_bounds(draft, report);
    process::check_process(draft, report);
    order::check_order(draft, report);
    output::check_mode(draft, report);
    output::check_select(draft, report);
    // Without its keys there is no telling what is grouped.
    let grouped = draft.aggregates() == Some(true) && !matches!(draft.group_by, Slot::Broken);
    let split = grouped.then(|| split::split(draft, report)).flatten();
    if let Some(split) = &split {
        aggregates::check_number(split, report);
    }
    split
}
