//! A plan to code. What comes out is what one would write by hand: a row function and a finish function, passed
//! to the runtime's plan builder.
//!
//! Names of the generated code are absolute paths or hygienic variables, so that nothing in the service's scope
//! can get in between. Whatever may fail to type-check carries the span of the user's tokens.

mod builder;
mod columns;
mod constants;
mod finish;
mod info;
mod join;
mod lookup;
mod names;
mod order;
mod process;
mod prune;
mod row;
mod selected;
mod slots;
mod stretch;
mod target;
mod update;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Expr, ExprReference, Ident, Token};

use super::plan::Plan;

pub(crate) use builder::{Surface, lower_surface};
pub(crate) use slots::Slot;

/// Lowers a query without mistakes.
pub(crate) fn lower(plan: &Plan) -> TokenStream {
    let constants = constants::lower_constants(plan);
    let columns = columns::lower_columns(plan);
    let info = info::lower_info(plan);
    let body = match (plan.process, &plan.split, plan.select) {
        (Some(process), ..) => process::lower_process(plan, process),
        (None, Some(split), _) => {
            let row = row::lower_grouping(plan, split);
            let finish = finish::lower_finish(plan, split);
            quote_spanned!(mixed()=> #row #finish)
        }
        (None, None, Some(select)) => row::lower_selection(plan, select),
        (None, None, None) => TokenStream::new(),
    };
    let ends = order::lower_ends(plan);
    let assertions = constants::lower_assertions(plan);
    let surface = Surface { query: plan.query, slots: plan.slots(), mode: plan.mode, is_sound: true };
    let (constants, body) =
        (quote_spanned!(mixed()=> #constants #columns #info), quote_spanned!(mixed()=> #body #ends));
    lower_surface(&surface, &constants, &body, &assertions)
}

/// Where generated variables resolve: out of reach of the user's.
fn mixed() -> Span {
    Span::mixed_site()
}

/// A variable of the generated code.
fn local(name: &str) -> Ident {
    Ident::new(name, mixed())
}

/// Generated code that is underlined where the user's tokens are.
pub(crate) fn at(tokens: &impl ToTokens) -> Span {
    mixed().located_at(tokens.to_token_stream().span())
}

/// `::stream_runtime::__private`.
pub(crate) fn runtime(span: Span) -> TokenStream {
    quote_spanned!(span=> ::stream_runtime::__private)
}

/// `&expr`, in parentheses where they are needed.
pub(crate) fn reference(expr: &Expr) -> Expr {
    Expr::Reference(ExprReference {
        attrs: Vec::new(),
        // In the user's own context, so that rustc underlines the whole expression.
        and_token: Token![&](expr.to_token_stream().span()),
        mutability: None,
        expr: Box::new(expr.clone()),
    })
}

/// A tuple of any length, `(a,)` and `()` included.
fn tuple<T: ToTokens>(elements: impl IntoIterator<Item = T>) -> TokenStream {
    tuple_at(mixed(), elements)
}

fn tuple_at<T: ToTokens>(span: Span, elements: impl IntoIterator<Item = T>) -> TokenStream {
    let mut elements: Punctuated<T, Token![,]> = elements.into_iter().collect();
    if elements.len() == 1 {
        elements.push_punct(Token![,](span));
    }
    quote_spanned!(span=> (#elements))
}
