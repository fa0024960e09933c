//! What of a query its checkpoint remembers, to compare a later start with.
//!
//! An operator's state depends on its own clause and on what the columns are that the query reads of other queries. Everything else, of this
//! query and of those that it reads, may change and is told.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::checkpoint::{Fingerprint, OperatorFingerprint};
use crate::plan::{OperatorInfo, PlanInfo, QueryInfo};
use crate::time::Duration;

/// What a restart has to find unchanged, and what it may find changed. `types` are those of the operators' keys and state.
pub(super) fn fingerprint(info: &PlanInfo, types: Vec<String>) -> Fingerprint {
    let reads = operator_reads(info);
    let operators = info.all_operators().into_iter().zip(types).zip(reads);
    let mut changeable = BTreeMap::new();
    add_changeable(info, "", &mut changeable);
    Fingerprint {
        mode: info.mode.name().to_owned(),
        inputs: info.all_inputs().iter().map(|input| format!("{}: {}", input.name, input.row)).collect(),
        operators: operators.map(|((operator, types), reads)| of_operator(&operator, types, reads)).collect(),
        changeable,
    }
}

fn of_operator(
    operator: &OperatorInfo,
    types: String,
    reads: BTreeMap<String, String>,
) -> OperatorFingerprint {
    OperatorFingerprint {
        name: operator.name.to_owned(),
        clause: operator.clause.to_owned(),
        durations: match (operator.window, operator.within) {
            (Some((width, slide, start)), _) => format!("width {width}, slide {slide}, start {start}"),
            (None, Some((from, to))) => format!("within {}, {}", end(from), end(to)),
            (None, None) => String::new(),
        },
        aggregates: operator.aggregates.iter().map(ToString::to_string).collect(),
        types,
        reads,
    }
}

/// An end of the range of a join's event times.
fn end(end: Bound<Duration>) -> String {
    match end {
        Bound::Included(span) => span.to_string(),
        Bound::Excluded(span) => format!("less than {span}"),
        Bound::Unbounded => "unbounded".to_owned(),
    }
}

/// What each of [`PlanInfo::all_operators`] reads of other queries: `stats.total` is `sum(amount)`.
fn operator_reads(info: &PlanInfo) -> Vec<BTreeMap<String, String>> {
    let (mut all, mut reads) = (Vec::new(), BTreeMap::new());
    for number in 0..=info.operators.len() {
        for query in info.queries.iter().filter(|query| query.operators_before == number) {
            all.extend(operator_reads(query.plan));
            add_reads(query, query.name, &mut reads);
        }
        // What a limit counts is rows, whatever they are.
        let own = |operator: &OperatorInfo| if operator.is_limit() { BTreeMap::new() } else { reads.clone() };
        all.extend(info.operators.get(number).map(own));
    }
    all
}

/// The columns that are read of a query, and those that this one reads in its turn.
fn add_reads(query: &QueryInfo, path: &str, reads: &mut BTreeMap<String, String>) {
    let selected = query.plan.selected;
    let value = |column: &str| {
        let of = |name: &str| selected.iter().find(|(other, _)| *other == name).map(|(_, value)| *value);
        of(column).map(ToOwned::to_owned).or_else(|| Some(format!("{}.{column}", of("")?)))
    };
    let named = |(name, value): &(&str, &str)| {
        let column = if name.is_empty() { path.to_owned() } else { format!("{path}.{name}") };
        (column, (*value).to_owned())
    };
    match query.columns {
        Some(columns) => reads
            .extend(columns.iter().filter_map(|column| Some((format!("{path}.{column}"), value(column)?)))),
        None => reads.extend(selected.iter().map(named)),
    }
    for inner in query.plan.queries {
        add_reads(inner, &format!("{path}.{}", inner.name), reads);
    }
}

/// What may change. `place` tells the clauses of a query from those of one that reads it: ` of query stats`.
fn add_changeable(info: &PlanInfo, place: &str, changeable: &mut BTreeMap<String, String>) {
    let mut add = |what: &str, text: String| changeable.insert(format!("{what}{place}"), text);
    for input in info.inputs {
        if let Some(watermark) = input.watermark {
            add(
                &format!("watermark of {}", input.name),
                format!("{}, {}", watermark.column, watermark.delay),
            );
        }
    }
    add("clauses", info.clauses.join("; "));
    add("select", info.select.to_owned());
    let options = [
        ("having", info.having.map(ToOwned::to_owned)),
        ("order by", info.order_by.map(ToOwned::to_owned)),
        ("limit", info.limit.map(|rows| rows.to_string())),
    ];
    for (what, text) in options {
        if let Some(text) = text {
            add(what, text);
        }
    }
    for query in info.queries {
        add_changeable(query.plan, &format!(" of query {}{place}", query.name), changeable);
    }
}
