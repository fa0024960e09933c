//! The query's spans of time and its limit as constants, checked where the macro can't read them.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, Ident};

use super::stretch::constant;
use super::{at, local, mixed, runtime};
use crate::message;
use crate::query::ast::{Key, Window};
use crate::query::check::literal_micros;
use crate::query::expr::same;
use crate::query::join::{Bounds, End, TimeRange};
use crate::query::plan::Plan;
use crate::query::relation::Relation;

pub(super) fn window<'a>(plan: &Plan<'a>) -> Option<&'a Window> {
    plan.group_by?.keys.iter().find_map(Key::window)
}

/// The slide of windows that overlap.
pub(super) fn slide(window: &Window) -> Option<&Expr> {
    window.slide.as_ref().filter(|slide| !same(slide, &window.width))
}

/// `const WIDTH: Duration = minutes(5);` and the others.
pub(super) fn lower_constants(plan: &Plan) -> TokenStream {
    let mut constants = TokenStream::new();
    for (number, relation) in plan.relations.iter().enumerate() {
        if let Some(watermark) = relation.watermark {
            let delay = constant("DELAY", number);
            constants.extend(lower_constant(&delay, watermark.keyword.span(), &watermark.delay));
        }
    }
    for join in &plan.joins {
        if let (Bounds::Range(range), Some(within)) = (&join.bounds, &join.clause.within) {
            constants.extend(lower_range(join.relation, range, within.keyword.span()));
        }
    }
    if let Some(window) = window(plan) {
        let keyword = window.call.func.span();
        constants.extend(lower_constant(&local("WIDTH"), keyword, &window.width));
        constants.extend(slide(window).map(|slide| lower_constant(&local("SLIDE"), keyword, slide)));
        constants.extend(window.start.as_ref().map(|start| lower_constant(&local("START"), keyword, start)));
    }
    if let Some(limit) = plan.limit {
        let (name, count) = (local("LIMIT"), &limit.count);
        let ty = quote_spanned!(at(&limit.keyword)=> ::core::primitive::u64);
        constants.extend(quote_spanned!(mixed()=> const #name: #ty = #count;));
    }
    constants
}

/// `const FROM_1: Duration = hours(24);`, and the same for the other end, and `const WITHIN_1: TimeRange = (Included(Self::FROM_1), …);`
fn lower_range(relation: usize, range: &TimeRange, keyword: Span) -> TokenStream {
    let (runtime, within) = (runtime(mixed()), constant("WITHIN", relation));
    let mut constants = TokenStream::new();
    let mut bound = |name: &str, end: Option<End>| {
        let Some(end) = end else { return quote!(::core::ops::Bound::Unbounded) };
        let value = match end.offset {
            None => quote_spanned!(mixed()=> #runtime::Duration::ZERO),
            Some(offset) => {
                let name = constant(name, relation);
                constants.extend(lower_constant(&name, keyword, offset));
                if end.negative {
                    quote_spanned!(mixed()=> #runtime::negative(Self::#name))
                } else {
                    quote_spanned!(mixed()=> Self::#name)
                }
            }
        };
        let kind = local(if end.inclusive { "Included" } else { "Excluded" });
        quote_spanned!(mixed()=> ::core::ops::Bound::#kind(#value))
    };
    let (from, to) = (bound("FROM", range.lower), bound("TO", range.upper));
    quote_spanned! {mixed()=>
        #constants
        const #within: #runtime::TimeRange = (#from, #to);
    }
}

fn lower_constant(name: &Ident, keyword: Span, value: &Expr) -> TokenStream {
    // The type is underlined at the keyword, which is why a span of time is expected.
    let runtime = runtime(mixed().located_at(keyword));
    let ty = quote_spanned!(mixed().located_at(keyword)=> #runtime::Duration);
    quote_spanned!(mixed()=> const #name: #ty = #value;)
}

/// How rows are grouped by time, as a type.
pub(super) fn windowing(window: &Window) -> TokenStream {
    let runtime = runtime(mixed());
    let micros = |name: &str| {
        let name = local(name);
        quote_spanned!(mixed()=> { Self::#name.as_micros() })
    };
    let width = micros("WIDTH");
    let start = window.start.as_ref().map_or_else(|| quote!(0), |_| micros("START"));
    if slide(window).is_some() {
        let slide = micros("SLIDE");
        quote_spanned!(mixed()=> #runtime::Sliding<#width, #slide, #start>)
    } else {
        quote_spanned!(mixed()=> #runtime::Tumbling<#width, #start>)
    }
}

/// The checks of `check/window.rs` and `check/watermark.rs` for constants whose value the macro can't see.
pub(super) fn lower_assertions(plan: &Plan) -> TokenStream {
    let mut assertions = Assertions { query: &plan.query.name, tokens: TokenStream::new() };
    for (number, relation) in plan.relations.iter().enumerate() {
        if let Some(watermark) = relation.watermark {
            let name = constant("DELAY", number).to_string();
            assertions.assert(&[(&name, &watermark.delay)], message::NEGATIVE_DELAY, |of| {
                let delay = of(&name);
                quote!(#delay >= 0)
            });
        }
    }
    for join in &plan.joins {
        if let Bounds::Range(range) = &join.bounds {
            assertions.assert_range(join.relation, range);
        }
    }
    if let Some(window) = window(plan) {
        assertions.assert_window(window);
    }
    assertions.tokens.extend(lower_claims(plan));
    assertions.tokens
}

/// What the query takes for granted of the queries that it reads.
fn lower_claims(plan: &Plan) -> TokenStream {
    let runtime = runtime(mixed());
    let queries = plan.relations.iter().filter_map(Relation::query);
    let modes = queries.map(|query| {
        let (path, text) = (&query.path, message::inner_query_not_append(query));
        quote_spanned!(at(path)=> const _: () = ::core::assert!(#runtime::is_append(&#path::INFO), #text);)
    });
    let times = plan.claims.iter().map(|claim| {
        let (path, column) = (&claim.query.path, claim.column.to_string().replace("r#", ""));
        let text = message::no_event_time_of_query(claim.query, &claim.column);
        let span = at(&claim.column);
        quote_spanned! {span=>
            const _: () = ::core::assert!(#runtime::names_column(#path::EVENT_TIMES, #column), #text);
        }
    });
    modes.chain(times).collect()
}

struct Assertions<'a> {
    query: &'a Ident,
    tokens: TokenStream,
}

impl Assertions<'_> {
    /// An event time is in the range of a `within`.
    fn assert_range(&mut self, relation: usize, range: &TimeRange) {
        let (Some(lower), Some(upper)) = (range.lower, range.upper) else { return };
        let names = ["FROM", "TO"].map(|name| constant(name, relation).to_string());
        let ends = [lower, upper].into_iter().zip(&names);
        let values: Vec<_> =
            ends.clone().filter_map(|(end, name)| Some((name.as_str(), end.offset?))).collect();
        self.assert(&values, message::EMPTY_RANGE, |of| {
            let mut micros = ends.map(|(end, name)| match (end.offset, end.negative) {
                (None, _) => quote!(0),
                (Some(_), false) => of(name),
                (Some(_), true) => {
                    let micros = of(name);
                    quote!(-#micros)
                }
            });
            let (from, to) = (micros.next(), micros.next());
            if upper.inclusive { quote!(#from <= #to) } else { quote!(#from < #to) }
        });
    }

    fn assert_window(&mut self, window: &Window) {
        let width = ("WIDTH", &window.width);
        self.assert(&[width], message::WIDTH_NOT_POSITIVE, |of| {
            let width = of("WIDTH");
            quote!(#width > 0)
        });
        let slide = slide(window).map(|slide| ("SLIDE", slide));
        if let Some(slide) = slide {
            self.assert(&[slide], message::SLIDE_NOT_POSITIVE, |of| {
                let slide = of("SLIDE");
                quote!(#slide > 0)
            });
            self.assert(&[slide, width], message::SLIDE_EXCEEDS_WIDTH, |of| {
                let (slide, width) = (of("SLIDE"), of("WIDTH"));
                quote!(#slide <= #width)
            });
        }
        if let Some(start) = &window.start {
            let step = slide.unwrap_or(width);
            self.assert(&[("START", start), step], message::START_EXCEEDS_SLIDE, |of| {
                let (start, step) = (of("START"), of(step.0));
                quote!(#start.saturating_abs() < #step)
            });
        }
    }

    /// `const _: () = assert!(…);`, unless the macro has checked the rule because all values are literals. The
    /// first value is underlined. `condition` is given the microseconds of a constant by its name.
    fn assert(
        &mut self,
        values: &[(&str, &Expr)],
        text: &str,
        condition: impl FnOnce(&dyn Fn(&str) -> TokenStream) -> TokenStream,
    ) {
        let Some((_, first)) = values.first() else { return };
        if values.iter().all(|(_, value)| literal_micros(value).is_some()) {
            return;
        }
        let span = at(first);
        let query = self.query;
        let condition = condition(&|name| {
            let name = Ident::new(name, span);
            quote_spanned!(span=> #query::#name.as_micros())
        });
        self.tokens.extend(quote_spanned!(span=> const _: () = ::core::assert!(#condition, #text);));
    }
}
