//! What stands beside the errors of a query: the same public items, so that code which uses the query is
//! checked as usual, and the expressions of its clauses, so that rustc checks them and completion works.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::{Expr, Ident, Type};

use super::aggregate;
use super::ast::{Clause, Explode, Join, JoinKind, Key, Kind, Let, Mode, Where};
use super::draft::Draft;
use super::expr::{interval_calls, mentions};
use super::lower::{Slot, Surface, at, lower_surface, reference, runtime};
use super::relation::Relation;
use super::step::Step;
use super::text::text;

/// Lowers a query with mistakes.
pub(crate) fn lower(draft: &Draft) -> TokenStream {
    let mixed = proc_macro2::Span::mixed_site();
    let (runtime, query) = (runtime(mixed), draft.query);
    let mode = draft.output.given().map_or(Mode::Append, |output| output.mode);
    let surface =
        Surface { query, slots: Slot::all(query, &draft.relations(), |_| None), mode, is_sound: false };
    if surface.slots.is_empty() {
        return lower_surface(&surface, &TokenStream::new(), &TokenStream::new(), &TokenStream::new());
    }
    let (name, vis, output) = (text(&query.name), &query.vis, &query.output);
    let mode_name = Ident::new(mode.type_name(), mixed);
    let info = quote_spanned! {mixed=>
        #[doc(hidden)]
        #vis const EVENT_TIMES: &'static [&'static ::core::primitive::str] = &[];
        #[doc(hidden)]
        #vis const INFO: #runtime::PlanInfo = #runtime::PlanInfo {
            query: #name,
            mode: #runtime::Mode::#mode_name,
            ..#runtime::PlanInfo::NONE
        };
    };
    // It reads nothing, and never runs.
    let plan = quote_spanned! {mixed=>
        #runtime::from::<#output, { ::core::primitive::u128::MAX }>(&[])
            .select(|_, _: &mut #runtime::Reading<_>, _: &mut #runtime::Emitter<#output>| {})
            .output::<#runtime::#mode_name>(Self::INFO)
    };
    let bodies = lower_bodies(draft).unwrap_or_default();
    lower_surface(&surface, &info, &plan, &bodies)
}

/// A function that is never called and holds the expressions over a row.
fn lower_bodies(draft: &Draft) -> Option<TokenStream> {
    let mixed = Span::mixed_site();
    let relations = draft.relations();
    let mut unknown = broken_names(draft);
    let rows = Rows::of(&relations, &mut unknown)?;
    let (mut scope, mut joined) = (vec![rows.from], relations.iter().skip(1));
    let mut statements = rows.enter(relations.first()?, &unknown);
    let mut depth = Vec::new();
    for (number, step) in draft.steps.iter().enumerate() {
        if let Step::Join(join) = step {
            let Some(relation) = joined.next() else { continue };
            statements.extend(rows.enter(relation, &unknown));
            statements.extend(lower_join(join, &unknown));
            statements.extend(lower_presence(join, &mut scope, &unknown));
            unknown.extend(draft.gone_after(number + 1).into_iter().map(|(name, _)| name.clone()));
            continue;
        }
        if !step.exprs().into_iter().all(|expr| is_checkable(expr, &unknown)) {
            unknown.extend(step.name().cloned());
            continue;
        }
        match step {
            Step::Join(_) => {}
            Step::Where(Where { keyword, condition }) => {
                let bool = quote_spanned!(at(keyword)=> ::core::primitive::bool);
                statements.extend(quote_spanned!(mixed=> let _: #bool = #condition;));
            }
            Step::Let(Let { name, ty, value, .. }) => {
                let ty = ty.as_ref().map(|ty| quote_spanned!(mixed=> : #ty));
                statements.extend(quote_spanned!(mixed=> let #name #ty = #value;));
            }
            Step::Explode(clause) => {
                // What follows is inside the loop.
                depth.push((std::mem::take(&mut statements), *clause));
            }
            Step::Dedup(clause) => {
                statements.extend(clause.keys.iter().filter_map(|key| discard(key, &unknown)));
            }
        }
    }
    let process = draft.process.given();
    let process = process.into_iter().flat_map(|clause| clause.keys.iter().chain([&clause.processor]));
    statements.extend(process.filter_map(|expr| discard(expr, &unknown)));
    let keys = draft.group_by.given().into_iter().flat_map(|clause| &clause.keys);
    let gaps = keys.clone().filter_map(|key| Some(&key.session()?.gap));
    statements.extend(keys.map(Key::time).chain(gaps).filter_map(|key| discard(key, &unknown)));
    let select = draft.select.given().map(|clause| &clause.row);
    let having = draft.having.given().map(|clause| &clause.condition);
    let arguments = select.into_iter().chain(having).flat_map(aggregate::arguments);
    statements.extend(arguments.filter_map(|argument| discard(&argument, &unknown)));
    if let (Some(Expr::Struct(row)), Some(false)) = (select, draft.aggregates()) {
        statements.extend(row.fields.iter().filter_map(|field| discard(&field.expr, &unknown)));
    }
    for (before, Explode { name, items, .. }) in depth.into_iter().rev() {
        statements = quote_spanned!(mixed=> #before for #name in #items { #statements });
    }
    let parameters = rows.parameters();
    // A broken clause may have been the only one to read an input, whose type is in use all the same.
    let unread = draft.query.inputs.iter().map(|input| &input.row).filter(|row| !rows.has(row));
    let unread = unread.map(|row| quote_spanned!(mixed=> _: ::core::marker::PhantomData<#row>));
    let parameters = parameters.chain(unread);
    Some(quote_spanned! {mixed=>
        #[allow(warnings, clippy::all, clippy::pedantic)]
        fn clauses(#(#parameters),*) {
            #statements
        }
    })
}

/// The rows of the relations whose type is known.
struct Rows<'a> {
    from: &'a Ident,
    known: Vec<(&'a Ident, &'a Type)>,
}

impl<'a> Rows<'a> {
    /// `None` without a `from`. The names of relations whose type isn't known are added to the unknown ones.
    fn of(relations: &[Relation<'a>], unknown: &mut Vec<Ident>) -> Option<Self> {
        let from = relations.first()?.alias;
        let mut known = Vec::new();
        for relation in relations {
            match relation.row() {
                Some(row) => known.push((relation.alias, row)),
                None => unknown.push(relation.alias.clone()),
            }
        }
        Some(Self { from, known })
    }

    fn has(&self, row: &Type) -> bool {
        self.known.iter().any(|(_, known)| *known == row)
    }

    fn parameters(&self) -> impl Iterator<Item = TokenStream> {
        let runtime = runtime(Span::mixed_site());
        self.known.iter().enumerate().map(move |(number, (alias, row))| {
            let name = self.parameter(number, alias);
            quote_spanned!(Span::mixed_site()=> #name: <#row as #runtime::Schema>::View<'_>)
        })
    }

    /// The row of `from` has its own name from the start, the others have theirs from their clause on.
    fn parameter(&self, number: usize, alias: &Ident) -> Ident {
        if alias == self.from {
            alias.clone()
        } else {
            Ident::new(&format!("row_{number}"), Span::mixed_site())
        }
    }

    /// What a relation adds to the scope, and its watermark's column.
    fn enter(&self, relation: &Relation, unknown: &[Ident]) -> TokenStream {
        let alias = relation.alias;
        let number = self.known.iter().position(|(known, _)| *known == alias);
        let mut statements = TokenStream::new();
        if let Some(number) = number.filter(|_| alias != self.from) {
            let parameter = self.parameter(number, alias);
            statements.extend(quote_spanned!(Span::mixed_site()=> let #alias = #parameter;));
        }
        let column = relation.watermark.and_then(|watermark| discard(&watermark.column, unknown));
        statements.extend(column);
        statements
    }
}

/// The condition and the range of a join.
fn lower_join(join: &Join, unknown: &[Ident]) -> TokenStream {
    let mut statements = TokenStream::new();
    if is_checkable(&join.condition, unknown) {
        let (bool, condition) = (quote_spanned!(at(&join.on)=> ::core::primitive::bool), &join.condition);
        statements.extend(quote_spanned!(Span::mixed_site()=> let _: #bool = #condition;));
    }
    let within = join.within.iter().flat_map(|within| {
        let ends = [within.range.start.as_deref(), within.range.end.as_deref()];
        std::iter::once(&within.time).chain(ends.into_iter().flatten())
    });
    statements.extend(within.filter_map(|expr| discard(expr, unknown)));
    statements
}

/// What the aliases are after a join: those of rows that may be missing are options.
fn lower_presence<'a>(join: &'a Join, scope: &mut Vec<&'a Ident>, unknown: &[Ident]) -> TokenStream {
    let mut optional: Vec<&Ident> = Vec::new();
    if matches!(join.kind, JoinKind::Right | JoinKind::Full) {
        optional.append(scope);
    }
    match join.kind {
        JoinKind::Inner | JoinKind::Right => scope.push(&join.alias),
        JoinKind::Left | JoinKind::Full => optional.push(&join.alias),
        JoinKind::Semi | JoinKind::Anti => {}
    }
    optional.retain(|alias| !unknown.contains(alias));
    let statements = optional
        .iter()
        .map(|alias| quote_spanned!(Span::mixed_site()=> let #alias = ::core::option::Option::Some(#alias);));
    statements.collect()
}

/// `let _ = &expr;`, if the expression means something on its own.
fn discard(expr: &Expr, unknown: &[Ident]) -> Option<TokenStream> {
    let (span, value) = (at(expr), reference(expr));
    is_checkable(expr, unknown).then(|| quote_spanned!(span=> let _ = #value;))
}

/// Whether rustc would report nothing about the expression but the user's own mistakes: no aggregate, window or
/// session in it, which aren't functions, and no name whose clause is broken.
fn is_checkable(expr: &Expr, unknown: &[Ident]) -> bool {
    aggregate::calls(expr).is_empty()
        && interval_calls(expr).is_empty()
        && !unknown.iter().any(|name| mentions(expr.to_token_stream(), name))
}

/// The names that broken clauses would have given.
fn broken_names(draft: &Draft) -> Vec<Ident> {
    let broken = draft.query.clauses.iter().filter_map(|clause| match clause {
        Clause::Broken(broken) => match broken.kind {
            // A clause with an unknown keyword may have been meant as one of these.
            None | Some(Kind::Let | Kind::Explode | Kind::Join) => Some(broken.rest.clone()),
            Some(_) => None,
        },
        _ => None,
    });
    // The name stands behind the keyword, which in a join may be two words.
    let name = |rest: TokenStream| {
        let mut words = rest.into_iter().skip(1);
        words.find_map(|word| match word {
            TokenTree::Ident(name) if name != "join" => Some(Some(name)),
            TokenTree::Ident(_) => None,
            _ => Some(None),
        })
    };
    broken.filter_map(name).flatten().collect()
}
