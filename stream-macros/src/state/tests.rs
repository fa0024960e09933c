//! What the derive writes, and what it says to a struct that can't be a state.

use super::*;

/// The texts of the mistakes in a struct.
fn mistakes(input: TokenStream) -> Vec<String> {
    let mut report = Report::default();
    generate(syn::parse2(input).unwrap(), &mut report);
    report.texts()
}

#[test]
fn each_variable_is_shown_under_its_name_with_its_ttl() {
    let input = quote! {
        #[derive(Default, ProcessorState)]
        struct Account<T> {
            last: ValueState<T>,
            #[state(ttl = hours(1))]
            r#type: MapState<String, u32>,
        }
    };
    let source = prettyplease::unparse(&syn::parse2(input.clone()).unwrap());
    let expansion = prettyplease::unparse(&syn::parse2(expand(input)).unwrap());
    insta::with_settings!({ description => source, omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("account", expansion);
    });
}

#[test]
fn a_state_is_a_struct_with_named_fields() {
    assert_eq!(
        mistakes(quote!(
            enum State {
                A,
            }
        )),
        ["a processor's state is a struct, with a field for each variable"]
    );
    assert_eq!(
        mistakes(quote!(
            struct State(ValueState<u8>);
        )),
        ["a state variable is kept under its field's name: write a struct with named fields"]
    );
    assert!(
        mistakes(quote!(
            struct Nothing;
        ))
        .is_empty(),
        "a processor may have timers alone"
    );
}

#[test]
fn each_mistake_in_an_attribute_is_told() {
    let input = quote! {
        #[state(ttl = hours(1))]
        struct State {
            #[state(ttl)]
            a: ValueState<u8>,
            #[state(ttl = hours(1), ttl = hours(2))]
            b: ValueState<u8>,
            #[state(rename = "d")]
            c: ValueState<u8>,
        }
    };
    assert_eq!(
        mistakes(input),
        [
            "`#[state(…)]` stands on a field: it says something of one variable",
            "a TTL is a duration: write `ttl = hours(1)`",
            "`ttl` is given twice",
            "unknown; a state variable takes `ttl = hours(1)`",
        ]
    );
}
