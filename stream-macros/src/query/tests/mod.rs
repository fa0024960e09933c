//! Expansion snapshots: what each kind of query is lowered to, with the query in the snapshot's header; and the
//! rules, each as a table of what it allows and refuses.

mod bounds;
mod dedup;
mod expansions;
mod expansions_of_joins;
mod join;
mod plan;
mod process;
mod result;
mod rules;
mod session;
mod source;

use proc_macro2::TokenStream;

/// Expands a query and formats the result.
fn expand(source: &str) -> String {
    let tokens: TokenStream = source.parse().expect("the query is Rust tokens");
    let file = syn::parse2(super::expand(tokens)).expect("the expansion is Rust items");
    prettyplease::unparse(&file)
}

/// Compares an expansion with its snapshot.
macro_rules! assert_expansion {
    ($name:literal, $source:literal) => {
        insta::with_settings!({ description => $source, omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!($name, super::expand($source));
        });
    };
}
use assert_expansion;
