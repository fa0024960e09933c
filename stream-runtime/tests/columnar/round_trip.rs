//! What is written as columns is read as the same rows, and as their JSON is.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use stream_runtime::prelude::*;

use crate::rows::{Flat, Nested, flat, flat_batch, nested, nested_batch};
use crate::support::{load, write_json, write_orc, write_parquet};

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 48,
        rng_seed: RngSeed::Fixed(20_260_105),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn rows_of_parquet_are_those_that_were_written(
        rows in prop::collection::vec(flat(), 0..40),
        group in 1_usize..20,
    ) {
        let directory = tempfile::tempdir().unwrap();
        let (columns, lines) = (directory.path().join("a.parquet"), directory.path().join("a.json"));
        write_parquet(&columns, &flat_batch(&rows), group);
        write_json(&lines, &rows);
        prop_assert_eq!(&load::<Flat>(StaticFile::parquet(columns)).unwrap(), &rows);
        prop_assert_eq!(load::<Flat>(StaticFile::json(lines)).unwrap(), rows);
    }

    #[test]
    fn rows_of_orc_are_those_that_were_written(
        rows in prop::collection::vec(flat(), 0..40),
        stripe in 1_usize..20,
    ) {
        let directory = tempfile::tempdir().unwrap();
        let (columns, lines) = (directory.path().join("a.orc"), directory.path().join("a.json"));
        write_orc(&columns, &flat_batch(&rows), stripe);
        write_json(&lines, &rows);
        prop_assert_eq!(&load::<Flat>(StaticFile::orc(columns)).unwrap(), &rows);
        prop_assert_eq!(load::<Flat>(StaticFile::json(lines)).unwrap(), rows);
    }

    #[test]
    fn lists_structs_and_windows_of_parquet_are_those_that_were_written(
        rows in prop::collection::vec(nested(), 0..40),
        group in 1_usize..20,
    ) {
        let directory = tempfile::tempdir().unwrap();
        let (columns, lines) = (directory.path().join("a.parquet"), directory.path().join("a.json"));
        write_parquet(&columns, &nested_batch(&rows), group);
        write_json(&lines, &rows);
        prop_assert_eq!(&load::<Nested>(StaticFile::parquet(columns)).unwrap(), &rows);
        prop_assert_eq!(load::<Nested>(StaticFile::json(lines)).unwrap(), rows);
    }
}
