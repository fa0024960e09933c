//! What the output mode and bounded state ask of a query.

use super::with_help;
use crate::query::ast::{GroupBy, Interval, Key, Kind, Mode, Source};
use crate::query::relation::Relation;
use crate::query::text::text;

fn interval(group_by: &GroupBy) -> Option<&Interval> {
    group_by.keys.iter().find_map(|key| key.interval.as_ref())
}

/// `from click in clicks watermark(click.timestamp, minutes(10));`
pub(super) fn with_watermark(relation: &Relation, column: &str) -> String {
    let head = head(relation);
    // Of a clause that goes on, its beginning is enough to find the place.
    let end = if relation.join.is_some() { " on …;" } else { ";" };
    format!("{head} watermark({column}, minutes(10)){end}")
}

/// `from click in clicks`, `left join user in users`.
pub(super) fn head(relation: &Relation) -> String {
    let clause = relation.join.map_or("from", |join| join.kind.name());
    let source = match relation.source {
        Source::Inputs(names) => names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" union "),
        Source::Query(query) => format!("query {}", text(&query.path)),
    };
    format!("{clause} {} in {source}", relation.alias)
}

/// The column to propose as a relation's event time.
pub(super) fn time_of(relation: &Relation) -> String {
    match relation.watermark {
        Some(watermark) => text(&watermark.column),
        None if relation.query().is_some() => format!("{}.window", relation.alias),
        None => format!("{}.timestamp", relation.alias),
    }
}

/// The event-time column to propose for groups.
fn event_time(group_by: Option<&GroupBy>, relation: &Relation) -> String {
    match group_by.and_then(interval) {
        Some(interval) if !relation.has_watermark() => text(interval.time()),
        _ => time_of(relation),
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

/// `relation`: by whose event time groups could be closed; there is none after a full join. `can_update`: whether
/// the query may be put out in update mode.
pub(crate) fn append_of_one_group(relation: Option<&Relation>, can_update: bool) -> String {
    let rule =
        "`output append` can't be used here: the query's only group is never final, because rows keep coming";
    let Some(relation) = relation else { return with_help(rule, NO_EVENT_TIME) };
    let time = event_time(None, relation);
    with_help(
        rule,
        if can_update {
            format!("write `output update;`, or `group by window({time}, minutes(5));` with a watermark")
        } else {
            format!("write `group by window({time}, minutes(5));` with a watermark")
        },
    )
}

/// What to do where outer joins have left no event time.
const NO_EVENT_TIME: &str =
    "a full join leaves no event time that is always there; put out its rows, or make it a `left join`";

pub(crate) fn append_without_closing(
    group_by: &GroupBy,
    relation: Option<&Relation>,
    can_update: bool,
) -> String {
    let interval = interval(group_by);
    let function = interval.map_or("window", Interval::function);
    let Some(relation) = relation else {
        return with_help(
            format!("`output append` needs a {function} that a watermark closes, and there is none"),
            NO_EVENT_TIME,
        );
    };
    let column = event_time(Some(group_by), relation);
    let or_update = if can_update { ", or `output update;`" } else { "" };
    let or_update_windows = if function == "window" { or_update } else { "" };
    match (relation.has_watermark(), interval) {
        (false, Some(_)) => with_help(
            format!(
                "`output append` needs a watermark on this aggregation: a {function}'s row is final only once the watermark passes its end"
            ),
            format!("write `{}`", with_watermark(relation, &column)),
        ),
        (false, None) => with_help(
            "`output append` needs groups that a watermark closes, and these stay open for ever",
            format!(
                "write `{}` and `{}`{or_update}",
                with_watermark(relation, &column),
                with_interval(group_by, &column)
            ),
        ),
        (true, Some(_)) => with_help(
            format!(
                "`output append` needs a {function} over the watermark's column: this watermark tells when `{column}` is complete, and closes no other {function}"
            ),
            format!("write `{}`{or_update_windows}", with_interval(group_by, &column)),
        ),
        (true, None) => with_help(
            "`output append` needs an event-time key: the watermark closes windows, and these groups are in none",
            format!("write `{}`{or_update}", with_interval(group_by, &column)),
        ),
    }
}

pub(crate) fn unbounded_groups(group_by: &GroupBy, relation: Option<&Relation>) -> String {
    let rule = "these groups stay in state for ever: no watermark closes them";
    let column = relation.map(|relation| event_time(Some(group_by), relation));
    let bounded = match (relation, column, interval(group_by).is_some()) {
        (Some(relation), Some(column), _) if relation.has_watermark() => with_interval(group_by, &column),
        (Some(relation), Some(column), true) => with_watermark(relation, &column),
        _ => {
            return with_help(
                rule,
                format!("write `{}` if their number is small enough to keep", with_unbounded(group_by)),
            );
        }
    };
    with_help(rule, format!("write `{bounded}`, or `{}` to keep them all", with_unbounded(group_by)))
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

pub(crate) fn mode_of_a_join(mode: Mode) -> String {
    with_help(
        format!(
            "`output {}` can't be used with a join of two streams: its rows come once, when a partner comes or none can come any more",
            mode.name()
        ),
        "write `output append;`",
    )
}

/// `kind`: the clause that keeps state.
pub(crate) fn mode_of_a_chain(mode: Mode, kind: Kind) -> String {
    let clause =
        if kind == Kind::GroupBy { "an aggregation".to_owned() } else { format!("`{}`", kind.name()) };
    with_help(
        format!(
            "`output {}` can't be used here: {clause} stands behind another query, and takes its rows as final",
            mode.name()
        ),
        "write `output append;`",
    )
}
