//! Generated code means what it says wherever it stands.

use super::{json, read};

/// Everything that generated code could mean by an unqualified name is something else here.
mod hostile {
    #![allow(dead_code, non_camel_case_types)]

    pub(super) struct Option;
    pub(super) struct Result;
    pub(super) struct Vec;
    pub(super) struct Default;
    pub(super) struct Schema;
    pub(super) struct Column;
    pub(super) struct str;
    pub(super) struct u8;
    pub(super) struct u128;
    pub(super) struct usize;
    pub(super) struct bool;
    pub(super) mod core {}
    pub(super) mod std {}
    pub(super) mod stream_runtime {}
    pub(super) mod __private {}
    pub(super) fn drop() {}
    #[allow(non_snake_case)]
    pub(super) fn Some() {}
    #[allow(non_snake_case)]
    pub(super) fn Ok() {}
    #[allow(non_upper_case_globals)]
    pub(super) const None: () = ();

    /// A column of the service's own, under the name of a standard one.
    #[derive(::stream_runtime::Schema)]
    pub(super) struct String {
        pub(super) inner: ::std::string::String,
    }

    #[derive(::stream_runtime::Schema)]
    pub(super) struct Row<A, D> {
        pub(super) text: String,
        pub(super) map: A,
        #[schema(default)]
        pub(super) object: ::core::option::Option<D>,
        pub(super) arena: ::core::primitive::u8,
        pub(super) out: ::core::primitive::u8,
        pub(super) view: ::core::primitive::u8,
        pub(super) cells: ::core::primitive::u8,
        #[schema(default = "column")]
        pub(super) column: ::core::primitive::u8,
    }

    fn column() -> ::core::primitive::u8 {
        9
    }
}

#[test]
fn generated_code_survives_a_hostile_scope() {
    let line = r#"{"text":{"inner":"x"},"map":1,"arena":2,"out":3,"view":4,"cells":5}"#;
    let row: hostile::Row<u64, i64> = read(line);
    assert_eq!((row.text.inner.as_str(), row.map, row.arena, row.column), ("x", 1, 2, 9));
    assert_eq!(json(&row), line.replace(":5}", ":5,\"column\":9}"));
}
