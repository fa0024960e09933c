//! Structs that are generic, nested or recursive, and views that fill a column of their struct.

use stream_runtime::prelude::*;
use stream_runtime::schema::IntoColumn;

use super::{json, read, refusal};

#[derive(Debug, PartialEq, Schema)]
struct Envelope<T, U = u8, const N: usize = 1>
where
    U: Clone,
{
    key: String,
    value: T,
    many: Vec<T>,
    #[schema(skip)]
    unused: std::marker::PhantomData<U>,
}

#[test]
fn a_generic_struct_is_a_row_for_every_column_type() {
    let line = r#"{"key":"k","value":{"page":"p"},"many":[]}"#;
    let row: Envelope<Inner> = read(line);
    assert_eq!(row.value.page, "p");
    assert_eq!(json(&row), line);
    let view = row.view();
    let copy = view;
    assert!(view == copy);
    assert!(format!("{copy:?}").starts_with("EnvelopeView { key: \"k\""));
    assert_eq!(Envelope::<u64>::__columns(&["value"]), 0b010);
    assert_eq!(Envelope::<Option<u64>>::FIELDS[1].type_name, "T");
}

#[derive(Debug, PartialEq, Schema)]
struct Inner {
    page: String,
}

#[derive(Debug, PartialEq, Schema)]
struct Tree {
    name: String,
    children: Vec<Self>,
}

#[test]
fn a_struct_may_hold_a_list_of_itself_as_deep_as_json_goes() {
    let line = r#"{"name":"root","children":[{"name":"leaf","children":[]}]}"#;
    let tree: Tree = read(line);
    assert_eq!(tree.children[0].name, "leaf");
    assert_eq!(json(&tree), line);
    let deep = r#"{"name":"","children":["#.repeat(100_000);
    assert!(refusal::<Tree>(&deep).contains("recursion limit"));
}

#[test]
fn a_view_fills_a_column_of_its_struct() {
    let inner = Inner { page: "p".into() };
    let filled: Inner = inner.view().into_column();
    assert_eq!(filled, inner);
    let filled: Option<Inner> = inner.view().into_column();
    assert_eq!(filled, Some(inner));
    let tags = vec!["a".to_owned()];
    let filled: Option<Vec<String>> = stream_runtime::schema::Column::view(&tags).into_column();
    assert_eq!(filled, Some(tags));
}

#[test]
fn nested_errors_name_the_way_to_the_column() {
    let error = refusal::<Envelope<Inner>>(r#"{"key":"","value":{"page":[]},"many":[]}"#);
    assert!(error.starts_with("column `value`: column `page`: invalid type: sequence"), "{error}");
}
