//! Which clauses there are: each at most once, in order, and none missing.

use proc_macro2::TokenTree;

use crate::message;
use crate::query::ast::{Clause, Dedup, Kind, Query};
use crate::query::draft::{Draft, Slot};
use crate::query::step::Step;
use crate::report::Report;

use super::names;

/// Puts the clauses of a query in their places.
pub(crate) fn place_clauses<'a>(query: &'a Query, report: &mut Report) -> Draft<'a> {
    let mut draft = Draft::new(query);
    for clause in &query.clauses {
        place(clause, &mut draft, report);
    }
    check_order(query, report);
    check_missing(&draft, report);
    names::drop_duplicates(&mut draft, report);
    draft
}

fn place<'a>(clause: &'a Clause, draft: &mut Draft<'a>, report: &mut Report) {
    match clause {
        Clause::From(from) => fill(&mut draft.from, from, clause, report),
        Clause::Where(clause) => draft.steps.push(Step::Where(clause)),
        Clause::Let(clause) => draft.steps.push(Step::Let(clause)),
        Clause::Explode(clause) => draft.steps.push(Step::Explode(clause)),
        Clause::Join(join) => draft.steps.push(Step::Join(join)),
        Clause::Dedup(dedup) => place_dedup(dedup, draft, report),
        Clause::GroupBy(group_by) => fill(&mut draft.group_by, group_by, clause, report),
        Clause::Process(process) => fill(&mut draft.process, process, clause, report),
        Clause::Select(select) => fill(&mut draft.select, select, clause, report),
        Clause::Having(having) => fill(&mut draft.having, having, clause, report),
        Clause::OrderBy(order_by) => fill(&mut draft.order_by, order_by, clause, report),
        Clause::Limit(limit) => fill(&mut draft.limit, limit, clause, report),
        Clause::Output(output) => fill(&mut draft.output, output, clause, report),
        Clause::Broken(broken) => {
            if let Some(kind) = broken.kind {
                break_slot(kind, draft);
            } else {
                draft.broken_joins = true;
            }
            // A clause that lost its `;` has swallowed those after it.
            for token in broken.rest.clone().into_iter().skip(1) {
                if let TokenTree::Ident(word) = token
                    && let Some(kind) = Kind::of(&word)
                {
                    break_slot(kind, draft);
                }
            }
        }
    }
}

/// A second `dedup by` has something to do only after the rows have been joined.
fn place_dedup<'a>(dedup: &'a Dedup, draft: &mut Draft<'a>, report: &mut Report) {
    let joined = |at: usize| {
        let mut since = draft.steps[at..].iter();
        since.any(|step| matches!(step, Step::Join(_)) && !draft.is_static_join(*step))
    };
    let last = draft.dedups().last().map(|(at, _)| at);
    if last.is_some_and(|at| !joined(at)) {
        let joins = draft.query.clauses.iter().any(|clause| matches!(clause, Clause::Join(_)));
        report.error(&dedup.keyword, message::second_dedup(joins));
    } else {
        draft.steps.push(Step::Dedup(dedup));
    }
}

fn fill<'a, T>(slot: &mut Slot<'a, T>, value: &'a T, clause: &Clause, report: &mut Report) {
    if let (Slot::Given(_), Some(keyword), Some(kind)) = (&slot, clause.keyword(), clause.kind()) {
        report.error(keyword, message::duplicate_clause(kind));
    } else {
        *slot = Slot::Given(value);
    }
}

fn break_slot(kind: Kind, draft: &mut Draft) {
    fn mark<T>(slot: &mut Slot<T>) {
        if slot.is_absent() {
            *slot = Slot::Broken;
        }
    }
    match kind {
        Kind::From => mark(&mut draft.from),
        Kind::Join => draft.broken_joins = true,
        Kind::Where | Kind::Let | Kind::Explode | Kind::Dedup => {}
        Kind::Process => mark(&mut draft.process),
        Kind::OrderBy => mark(&mut draft.order_by),
        Kind::Limit => mark(&mut draft.limit),
        Kind::GroupBy => mark(&mut draft.group_by),
        Kind::Select => mark(&mut draft.select),
        Kind::Having => mark(&mut draft.having),
        Kind::Output => mark(&mut draft.output),
    }
}

/// Reports each clause that stands after one that it belongs before.
fn check_order(query: &Query, report: &mut Report) {
    let mut latest: Option<Kind> = None;
    for clause in &query.clauses {
        let Some(kind) = clause.kind() else { continue };
        match (latest, clause.keyword()) {
            (Some(before), Some(keyword)) if kind.place() < before.place() => {
                report.error(keyword, message::clause_out_of_order(kind, before));
            }
            _ => latest = Some(kind),
        }
    }
}

fn check_missing(draft: &Draft, report: &mut Report) {
    let query = draft.query;
    let missing = [
        (Kind::From, draft.from.is_absent()),
        (Kind::Select, draft.select.is_absent() && draft.process.is_absent()),
        (Kind::Output, draft.output.is_absent()),
    ];
    for (kind, _) in missing.into_iter().filter(|(_, absent)| *absent) {
        report.error(&query.name, message::missing_clause(kind, query));
    }
}
