//! What the output mode and bounded state ask of a query.

use super::with_help;
use crate::query::ast::{From, GroupBy, Interval, Key};
use crate::query::text::text;

fn interval(group_by: &GroupBy) -> Option<&Interval> {
    group_by.keys.iter().find_map(|key| key.interval.as_ref())
}

/// `from click in clicks watermark(click.timestamp, minutes(10));`
pub(super) fn with_watermark(from: &From, column: &str) -> String {
    format!("from {} in {} watermark({column}, minutes(10));", from.alias, from.input)
}

/// The event-time column to propose.
fn event_time(group_by: Option<&GroupBy>, from: &From) -> String {
    match (&from.watermark, group_by.and_then(interval)) {
        (Some(watermark), _) => text(&watermark.column),
        (None, Some(interval)) => text(interval.time()),
        (None, None) => format!("{}.timestamp", from.alias),
    }
}

/// `group by KEYS unbounded;`
fn with_unbounded(group_by: &GroupBy) -> String {
    let keys: Vec<_> = group_by
        .keys
        .iter()
        .map(|key| match &key.name {
            Some(name) => format!("{} as {name}", text(&key.expr)),
            None => text(&key.expr),
        })
        .collect();
    format!("group by {} unbounded;", keys.join(", "))
}

/// `group by window(COLUMN, minutes(5)), KEYS;`, or with the session that the clause has.
fn with_interval(group_by: &GroupBy, column: &str) -> String {
    let keys = group_by.keys.iter().filter(|key| key.interval.is_none()).map(|key| text(&key.expr));
    let interval = match group_by.keys.iter().find_map(Key::session) {
        Some(session) => format!("session({column}, {})", text(&session.gap)),
        None => format!("window({column}, minutes(5))"),
    };
    let all: Vec<_> = std::iter::once(interval).chain(keys).collect();
    format!("group by {};", all.join(", "))
}

pub(crate) fn append_of_one_group(from: &From) -> String {
    with_help(
        "`output append` can't be used here: the query's only group is never final, because rows keep coming",
        format!(
            "write `output update;`, or `group by window({}, minutes(5));` with a watermark",
            event_time(None, from)
        ),
    )
}

pub(crate) fn append_without_closing(group_by: &GroupBy, from: &From) -> String {
    let column = event_time(Some(group_by), from);
    let interval = interval(group_by);
    let function = interval.map_or("window", Interval::function);
    let or_update = if function == "window" { ", or `output update;`" } else { "" };
    match (&from.watermark, interval) {
        (None, Some(_)) => with_help(
            format!(
                "`output append` needs a watermark on this aggregation: a {function}'s row is final only once the watermark passes its end"
            ),
            format!("write `{}`", with_watermark(from, &column)),
        ),
        (None, None) => with_help(
            "`output append` needs groups that a watermark closes, and these stay open for ever",
            format!(
                "write `{}` and `{}`, or `output update;`",
                with_watermark(from, &column),
                with_interval(group_by, &column)
            ),
        ),
        (Some(_), Some(_)) => with_help(
            format!(
                "`output append` needs a {function} over the watermark's column: this watermark tells when `{column}` is complete, and closes no other {function}"
            ),
            format!("write `{}`{or_update}", with_interval(group_by, &column)),
        ),
        (Some(_), None) => with_help(
            "`output append` needs an event-time key: the watermark closes windows, and these groups are in none",
            format!("write `{}`, or `output update;`", with_interval(group_by, &column)),
        ),
    }
}

pub(crate) fn unbounded_groups(group_by: &GroupBy, from: &From) -> String {
    let column = event_time(Some(group_by), from);
    let bounded = match (&from.watermark, interval(group_by).is_some()) {
        (None, true) => with_watermark(from, &column),
        (None, false) => {
            return with_help(
                "these groups stay in state for ever: no watermark closes them",
                format!("write `{}` if their number is small enough to keep", with_unbounded(group_by)),
            );
        }
        (Some(_), _) => with_interval(group_by, &column),
    };
    with_help(
        "these groups stay in state for ever: no watermark closes them",
        format!("write `{bounded}`, or `{}` to keep them all", with_unbounded(group_by)),
    )
}

/// `bounded`: whether the watermark closes the sessions already.
pub(crate) fn update_of_sessions(bounded: bool) -> String {
    let append = if bounded { "`output append;`" } else { "`output append;` and a watermark" };
    with_help(
        "`output update` can't be used with sessions: a session's bounds change as rows come, so that an earlier row of it can't be replaced",
        format!("write {append}, which puts out each session once it is over, or `output complete;`"),
    )
}

pub(crate) const COMPLETE_WITHOUT_AGGREGATION: &str = "`output complete` needs an aggregation: the whole result of this query would be every row there ever was\nhelp: write `output append;`";
