//! Stretches of a query: the steps between two joins of streams, each of which becomes one row function.
//!
//! A row function is given the rows that the joins before it have brought together, and the names in them: those of rows, as a pattern,
//! and those of `let`, which are evaluated again where they are used.

use std::ops::Range;

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote_spanned};

use super::{local, mixed, tuple};
use crate::query::ast::{JoinKind, Let};
use crate::query::expr::mentions;
use crate::query::plan::{JoinPlan, Plan};
use crate::query::relation::{Presence, Relation};
use crate::query::step::Step;

/// The names in a row, as a row function or a join's condition is given it.
pub(super) struct Entered<'a> {
    /// The parameter.
    pub(super) pattern: TokenStream,
    /// What has to be done before the names are there.
    pub(super) prelude: TokenStream,
    names: Vec<(&'a Ident, Presence)>,
}

impl<'a> Plan<'a> {
    /// The joins of two streams, which part the stretches.
    pub(super) fn stream_joins(&self) -> Vec<&JoinPlan<'a>> {
        self.joins.iter().filter(|join| self.relations[join.relation].is_stream()).collect()
    }

    /// The row that a join adds.
    pub(super) fn joined(&self, join: &JoinPlan) -> &Relation<'a> {
        &self.relations[join.relation]
    }

    /// The steps of a stretch, by their numbers in the query.
    pub(super) fn stretch(&self, number: usize) -> Range<usize> {
        let joins = self.stream_joins();
        let start = number.checked_sub(1).map_or(0, |before| joins[before].step + 1);
        start..joins.get(number).map_or(self.steps.len(), |join| join.step)
    }

    /// The number of the last stretch.
    pub(super) fn last_stretch(&self) -> usize {
        self.stream_joins().len()
    }

    /// The way into the row of a stretch, for a body that uses its names.
    pub(super) fn enter(&self, stretch: usize, body: &TokenStream) -> Entered<'a> {
        self.enter_with(stretch, &self.needed(0..self.stretch(stretch).start, body))
    }

    /// The body and the values of all `let`s among the steps that it depends on.
    fn needed(&self, steps: Range<usize>, body: &TokenStream) -> TokenStream {
        let mut needed = body.clone();
        for step in self.steps[steps].iter().rev() {
            if let Step::Let(clause) = step
                && mentions(needed.clone(), &clause.name)
            {
                needed.extend(clause.value.to_token_stream());
            }
        }
        needed
    }

    /// The `let`s among the steps that the body depends on.
    fn needed_lets(&self, steps: Range<usize>, needed: &TokenStream) -> Vec<&'a Let> {
        let lets = self.steps[steps].iter().filter_map(|step| match step {
            Step::Let(clause) => Some(*clause),
            _ => None,
        });
        lets.filter(|clause| mentions(needed.clone(), &clause.name)).collect()
    }

    /// The same as code, for a body in which their names aren't there yet.
    pub(super) fn lower_lets(&self, steps: Range<usize>, body: &TokenStream) -> TokenStream {
        let needed = self.needed(steps.clone(), body);
        self.needed_lets(steps, &needed).into_iter().map(lower_let).collect()
    }

    fn enter_with(&self, stretch: usize, needed: &TokenStream) -> Entered<'a> {
        let is_used = |name: &Ident| mentions(needed.clone(), name);
        let Some(before) = stretch.checked_sub(1) else {
            let alias = self.from().alias;
            let names = is_used(alias).then_some((alias, Presence::Always)).into_iter().collect();
            return Entered { pattern: pattern(alias, is_used(alias)), prelude: TokenStream::new(), names };
        };
        let mut left = self.enter_with(before, needed);
        for clause in self.needed_lets(self.stretch(before), needed) {
            left.prelude.extend(lower_let(clause));
            left.names.push((&clause.name, Presence::Always));
        }
        let join = self.stream_joins()[before];
        let (kind, alias) = (join.clause.kind, self.joined(join).alias);
        if matches!(kind, JoinKind::Semi | JoinKind::Anti) {
            return left;
        }
        if matches!(kind, JoinKind::Right | JoinKind::Full) {
            left = left.or_null(before);
        }
        let (rows, row) = (left.pattern, pattern(alias, is_used(alias)));
        left.pattern = quote_spanned!(mixed()=> (#rows, #row));
        if is_used(alias) {
            let is_optional = matches!(kind, JoinKind::Left | JoinKind::Full);
            left.names.push((alias, if is_optional { Presence::Optional } else { Presence::Always }));
        }
        left
    }
}

impl Entered<'_> {
    /// The same for a row that may be null: every name is an `Option` then.
    fn or_null(self, number: usize) -> Self {
        let Self { pattern, prelude, names } = self;
        if names.is_empty() {
            return Self { pattern: quote_spanned!(mixed()=> _), prelude: TokenStream::new(), names };
        }
        let rows = local(&format!("rows_{number}"));
        let (pattern, prelude) = match names.as_slice() {
            // A row as it was read: its name stands for the null, too.
            [(name, Presence::Always)] if prelude.is_empty() && pattern.to_string() == name.to_string() => {
                (name.to_token_stream(), prelude)
            }
            [(name, presence)] => {
                let map = local(if *presence == Presence::Always { "map" } else { "and_then" });
                let value = if prelude.is_empty() {
                    name.to_token_stream()
                } else {
                    quote_spanned!(mixed()=> { #prelude #name })
                };
                let prelude = quote_spanned!(mixed()=> let #name = #rows.#map(|#pattern| #value););
                (rows.to_token_stream(), prelude)
            }
            names => {
                let bound = tuple(names.iter().map(|(name, _)| name));
                let some = tuple(names.iter().map(|(name, presence)| match presence {
                    Presence::Always => quote_spanned!(mixed()=> ::core::option::Option::Some(#name)),
                    Presence::Optional | Presence::Gone => name.to_token_stream(),
                }));
                let none =
                    tuple(names.iter().map(|_| quote_spanned!(mixed()=> ::core::option::Option::None)));
                let some =
                    if prelude.is_empty() { some } else { quote_spanned!(mixed()=> { #prelude #some }) };
                let prelude = quote_spanned! {mixed()=>
                    let #bound = match #rows {
                        ::core::option::Option::Some(#pattern) => #some,
                        ::core::option::Option::None => #none,
                    };
                };
                (rows.to_token_stream(), prelude)
            }
        };
        let names = names.into_iter().map(|(name, _)| (name, Presence::Optional)).collect();
        Self { pattern, prelude, names }
    }
}

/// The name, or `_` for one that isn't used.
fn pattern(name: &Ident, is_used: bool) -> TokenStream {
    if is_used { name.to_token_stream() } else { quote_spanned!(mixed()=> _) }
}

/// `let total: f64 = o.price * o.quantity;`
pub(super) fn lower_let(clause: &Let) -> TokenStream {
    let (name, value) = (&clause.name, &clause.value);
    let ty = clause.ty.as_ref().map(|ty| quote_spanned!(mixed()=> : #ty));
    quote_spanned!(mixed()=> let #name #ty = #value;)
}

/// The constant that belongs to a relation: `DELAY` for that of `from`, `DELAY_1` for that of the first join.
pub(super) fn constant(name: &str, relation: usize) -> Ident {
    if relation == 0 { local(name) } else { local(&format_ident!("{name}_{relation}").to_string()) }
}
