//! What the derive writes, and what it says to a struct that can't be a row.

use proc_macro2::TokenStream;
use quote::quote;

use super::expand;

/// The expansion as rustfmt would have it.
fn pretty(input: TokenStream) -> String {
    prettyplease::unparse(&syn::parse2(expand(input)).expect("the expansion is a list of items"))
}

fn snapshot(name: &str, input: &TokenStream) {
    let source = prettyplease::unparse(&syn::parse2(input.clone()).expect("the input is an item"));
    insta::with_settings!({ description => source, omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(name, pretty(input.clone()));
    });
}

#[test]
fn a_plain_struct_expands_to_what_one_would_write() {
    let input = quote! {
        /// A click on a page.
        #[derive(Schema)]
        pub struct Click {
            /// Who clicked.
            pub user_id: String,
            pub amount: Option<f64>,
            #[schema(rename = "ts", timestamp = "millis")]
            pub timestamp: Timestamp,
            #[schema(default = "unknown")]
            r#type: String,
            #[schema(skip)]
            cached: Cache,
        }
    };
    snapshot("plain", &input);
}

#[test]
fn columns_that_are_parts_of_a_message_are_taken_from_there() {
    let input = quote! {
        #[derive(Schema)]
        struct Click {
            #[schema(kafka = "key")]
            user: Option<String>,
            page: String,
            #[schema(kafka = "timestamp")]
            time: Timestamp,
        }
    };
    snapshot("message", &input);
}

#[test]
fn a_generic_struct_bounds_its_columns_types() {
    let input = quote! {
        #[derive(Schema)]
        struct Envelope<T, U> {
            many: Vec<T>,
            #[schema(skip)]
            unused: PhantomData<U>,
        }
    };
    snapshot("generic", &input);
}

/// The messages of the `compile_error!` calls.
fn errors(input: TokenStream) -> Vec<String> {
    let expanded = expand(input).to_string();
    let mut messages = Vec::new();
    let mut rest = expanded.as_str();
    while let Some(at) = rest.find("compile_error ! {") {
        rest = rest[at..].trim_start_matches("compile_error ! {").trim_start();
        let literal = rest.split_once(" }").map_or(rest, |(literal, _)| literal);
        let literal: syn::LitStr = syn::parse_str(literal).unwrap();
        messages.push(literal.value());
    }
    messages
}

#[test]
fn what_is_no_struct_with_named_fields_is_told_what_a_row_is() {
    let cases = [
        (
            quote!(
                enum Click {
                    A,
                }
            ),
            "a row is a struct: `Schema` can't be derived for an enum",
        ),
        (quote!(union Click { a: u8 }), "a row is a struct: `Schema` can't be derived for a union"),
        (
            quote!(
                struct Click(u8);
            ),
            "a schema's columns have names: write a struct with named fields",
        ),
        (
            quote!(
                struct Click;
            ),
            "a schema needs at least one column",
        ),
        (
            quote!(
                struct Click {}
            ),
            "a schema needs at least one column",
        ),
        (
            quote!(
                struct Click {
                    #[schema(skip)]
                    a: u8,
                }
            ),
            "a schema needs at least one column",
        ),
        (
            quote!(
                struct Click<'b> {
                    page: &'b str,
                }
            ),
            "a schema owns its columns; write `String` instead of `&str`, and the view will borrow it",
        ),
    ];
    for (input, expected) in cases {
        assert_eq!(errors(input.clone()), [expected], "{input}");
    }
}

#[test]
fn all_independent_mistakes_are_reported_at_once() {
    let input = quote! {
        #[schema(rename_all = "Camel", nullable)]
        struct Click {
            #[schema(rename = "b", rename = "c")]
            a: u8,
            b: u8,
            #[schema(skip, rename = "d", timestamp = "hours", default = "no path")]
            c: u8,
            #[schema(skip = true)]
            d: u8,
        }
    };
    assert_eq!(
        errors(input),
        [
            "unknown case; `rename_all` takes `lowercase`, `UPPERCASE`, `PascalCase`, `camelCase`, `snake_case`, \
             `SCREAMING_SNAKE_CASE`, `kebab-case`, `SCREAMING-KEBAB-CASE`",
            "unknown attribute `nullable`; `#[schema(…)]` on a struct takes `rename_all = \"…\"`",
            "`rename` is given twice",
            "two columns are named `b`: this one and `a`",
            "unknown format; `timestamp` takes `rfc3339`, or `seconds`, `millis` or `micros` since the epoch",
            "`default` takes the path of a function, such as `default = \"unknown_page\"`",
            "a skipped field is no column, so it has no name to change",
            "`skip` takes no value",
        ]
    );
}

#[test]
fn the_129th_column_is_one_too_many() {
    let fields = |count: usize| {
        let names = (0..count).map(|index| quote::format_ident!("c{index}"));
        quote!(struct Wide { #(#names: u8,)* })
    };
    assert!(errors(fields(128)).is_empty());
    let expected =
        "a schema has at most 128 columns; group some in a struct of their own that derives `Schema`";
    assert_eq!(errors(fields(129)), [expected]);
}
