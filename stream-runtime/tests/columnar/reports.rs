//! A file whose columns don't fit is refused before its first row, with everything that differs.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, StringArray};
use stream_runtime::prelude::*;

use crate::rows::Inner;
use crate::support::{batch, error_of, fixture, load, run, write_orc, write_parquet};

#[derive(Schema, Clone, Debug)]
struct Wanted {
    page: String,
    price: f64,
    count: String,
    at: Timestamp,
    user: String,
    inner: Inner,
    note: Option<String>,
}

#[derive(Schema, Clone, Debug)]
struct Page {
    page: String,
}

stream_query! {
    query Pages(files: Wanted) -> Page {
        from file in files;
        select Page { page: file.page };
        output append;
    }
}

#[test]
fn all_columns_that_differ_are_in_one_error() {
    let path = fixture("decimal.parquet");
    let error = error_of(load::<Wanted>(StaticFile::parquet(&path)));
    let expected = format!(
        "source `{}`: its columns don't fit `Wanted`: \
         `price` (f64): the file has Decimal128(10, 2), and the row type wants a number (`f64`); no column type holds a \
         decimal exactly: write it as whole numbers of its smallest unit, or as text; \
         `count` (String): the file has int64, and the row type wants text; \
         `at` (Timestamp): the file has int64, and the row type wants a timestamp; say what the numbers count with \
         `#[schema(timestamp = \"millis\")]`; \
         `user` (String): the file has no such column; \
         `inner` (Inner): the file has no such column; \
         besides, null is allowed in the file and not in the row type: `page` (String), `price` (f64), `count` \
         (String), `at` (Timestamp); a row with one is malformed, or make it an `Option`; \
         correct the row type, or keep other files out of the source",
        path.display()
    );
    assert_eq!(error, expected);
}

#[test]
fn columns_that_a_query_does_not_name_may_be_anything() {
    let files = FileSource::parquet(fixture("decimal.parquet"));
    let (rows, _) = run(Pages::query().files(files), 1).unwrap();
    assert_eq!(
        rows.iter().flat_map(|rows| rows.iter().map(|row| row.page.as_str())).collect::<Vec<_>>(),
        ["a"]
    );
}

#[test]
fn a_nested_column_is_named_by_its_path() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.parquet");
    let id: ArrayRef = Arc::new(StringArray::from(vec!["1"]));
    let inner = arrow_array::StructArray::try_from(vec![("id", id)]).unwrap();
    let names: [(&str, ArrayRef); 3] = [
        ("page", Arc::new(StringArray::from(vec!["a"]))),
        ("price", Arc::new(Float64Array::from(vec![1.0]))),
        ("inner", Arc::new(inner)),
    ];
    write_parquet(&path, &batch(names.to_vec()), 10);
    let error = error_of(load::<Wanted>(StaticFile::parquet(&path)));
    let nested = "`inner.id` (i32): the file has text, and the row type wants a 32-bit integer (`i32`); ";
    assert!(error.contains(nested), "{error}");
}

#[test]
fn whole_numbers_that_a_double_would_round_are_refused() {
    #[derive(Schema, Debug)]
    struct Double {
        count: f64,
    }
    let directory = tempfile::tempdir().unwrap();
    let counts: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let (parquet, orc) = (directory.path().join("a.parquet"), directory.path().join("a.orc"));
    write_parquet(&parquet, &batch(vec![("count", Arc::clone(&counts))]), 10);
    write_orc(&orc, &batch(vec![("count", counts)]), 10);
    let refusal = "`count` (f64): the file has int64, and the row type wants a number (`f64`)";
    for error in [
        error_of(load::<Double>(StaticFile::parquet(parquet))),
        error_of(load::<Double>(StaticFile::orc(orc))),
    ] {
        assert!(error.contains(refusal), "{error}");
    }
}
