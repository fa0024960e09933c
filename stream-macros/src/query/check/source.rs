//! What a query reads: inputs that exist, each read once, unions of one row type, and late rows with a name.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::Ident;

use crate::message;
use crate::query::ast::{Clause, Mode, QuerySource, Source};
use crate::query::draft::Draft;
use crate::query::relation::Relation;
use crate::query::text::text;
use crate::report::Report;

/// What the builder is asked besides its inputs and late rows, which therefore can't be called so.
const METHODS: [&str; 13] = [
    "to",
    "checkpoint",
    "trigger",
    "start",
    "name",
    "workers",
    "listener",
    "clock",
    "at_step",
    "explain",
    "idle_after",
    "flush_after",
    "watermark_policy",
];

pub(super) fn check_sources(draft: &Draft, report: &mut Report) {
    check_declarations(draft, report);
    check_reads(draft, report);
    check_from(draft, report);
    check_late(draft, report);
}

fn check_declarations(draft: &Draft, report: &mut Report) {
    let inputs = &draft.query.inputs;
    for (at, input) in inputs.iter().enumerate() {
        if inputs[..at].iter().any(|earlier| earlier.name == input.name) {
            report.error(&input.name, message::duplicate_input(&input.name));
        }
    }
}

/// Each input is there and is read once.
fn check_reads(draft: &Draft, report: &mut Report) {
    if draft.from.given().is_none() {
        return;
    }
    let inputs = &draft.query.inputs;
    let known: Vec<_> = inputs.iter().map(|input| input.name.to_string()).collect();
    let (mut read, mut of_queries): (Vec<&Ident>, Vec<&QuerySource>) = (Vec::new(), Vec::new());
    let mut unknown = false;
    let taken = |query: &QuerySource| inputs.iter().any(|input| input.name == query.name);
    let sources = draft.query.clauses.iter().filter_map(|clause| match clause {
        Clause::From(from) => Some(&from.source),
        Clause::Join(join) => Some(&join.source),
        _ => None,
    });
    for source in sources {
        let names = match source {
            Source::Inputs(names) => names,
            Source::Query(query) => {
                let mut source = query.keyword.to_token_stream();
                query.path.to_tokens(&mut source);
                if of_queries.iter().any(|other| other.path == query.path) {
                    report.error(source, message::query_read_twice(query));
                } else if taken(query) || of_queries.iter().any(|other| other.name == query.name) {
                    report.error(source, message::query_name_taken(query));
                }
                of_queries.push(query);
                continue;
            }
        };
        for name in names {
            match inputs.iter().find(|input| input.name == *name) {
                None => {
                    report.error(name, message::unknown_input(name, &known));
                    unknown = true;
                }
                Some(input) if read.contains(&name) => {
                    report.error(name, message::input_read_twice(name, &input.row));
                }
                Some(_) => read.push(name),
            }
        }
    }
    // A misspelt name is one mistake, not two, and a broken clause may have named an input.
    let broken = draft.query.clauses.iter().filter_map(|clause| match clause {
        Clause::Broken(broken) => Some(&broken.rest),
        _ => None,
    });
    let broken: Vec<_> = broken.collect();
    read.extend(of_queries.iter().map(|query| &query.name));
    let is_read = |name: &Ident| read.contains(&name) || broken.iter().any(|rest| holds(rest, name));
    for input in inputs.iter().filter(|input| !unknown && !is_read(&input.name)) {
        report.error(&input.name, message::unused_input(&input.name, input.fixed.is_some()));
    }
}

fn holds(tokens: &TokenStream, name: &Ident) -> bool {
    tokens.clone().into_iter().any(|token| matches!(token, TokenTree::Ident(ident) if ident == *name))
}

/// `from` reads streams, and a union those of one row type.
fn check_from(draft: &Draft, report: &mut Report) {
    let Some(from) = draft.from.given() else { return };
    let declared = |name: &Ident| draft.query.inputs.iter().find(|input| input.name == *name);
    let names = match &from.source {
        Source::Inputs(names) => &names[..],
        Source::Query(_) => return,
    };
    let row = declared(&names[0]).map(|input| text(&input.row));
    for (at, name) in names.iter().enumerate() {
        let Some(input) = declared(name) else { continue };
        if input.fixed.is_some() {
            report.error(name, message::static_in_from(name, names.len() > 1));
        } else if let Some(row) = row.as_ref().filter(|row| **row != text(&input.row)) {
            report.error(&names[at], message::union_of_other_rows(name, &text(&input.row), &names[0], row));
        }
    }
}

/// Late rows go where the query says: that needs late rows, and a name for them.
fn check_late(draft: &Draft, report: &mut Report) {
    let relations = draft.relations();
    let mut names: Vec<&Ident> = draft.query.inputs.iter().map(|input| &input.name).collect();
    names.extend(relations.iter().filter_map(Relation::query).map(|query| &query.name));
    for relation in &relations {
        let Some(late) = relation.late else { continue };
        if names.contains(&&late.name) {
            report.error(&late.name, message::late_name_taken(&late.name));
        } else if METHODS.iter().any(|method| late.name == method) {
            report.error(&late.name, message::late_name_reserved(&late.name));
        }
        names.push(&late.name);
        let mut clause = late.keyword.to_token_stream();
        late.name.to_tokens(&mut clause);
        // `check/join.rs` has the rules of a static input.
        if !relation.is_stream() || !draft.time_is_clear() {
            continue;
        }
        if !relation.has_watermark() {
            report.error(clause, message::late_without_watermark(relation, &late.name));
        } else if drops_late_rows(draft, relation) == Some(false) {
            report.error(clause, message::LATE_ROWS_STAY);
        }
    }
}

/// Whether any clause drops late rows of a relation; `None` if a broken clause keeps that unknown.
fn drops_late_rows(draft: &Draft, relation: &Relation) -> Option<bool> {
    let of_steps = relation.is_stream_join() || draft.joins_streams() || draft.dedups().next().is_some();
    if of_steps || !draft.process.is_absent() {
        return Some(true);
    }
    let mode = draft.output.given()?.mode;
    Some(draft.aggregates()? && mode != Mode::Complete && draft.event_time_key().is_some())
}
