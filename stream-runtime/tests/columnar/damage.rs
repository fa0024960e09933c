//! A file that isn't what it should be is an error of that file, whatever stands in it.

use std::fs;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use stream_runtime::prelude::*;

use crate::rows::{Flat, flat, flat_batch};
use crate::support::{error_of, fixture, load, write_orc, write_parquet};

#[test]
fn a_file_that_was_cut_off_or_is_something_else_is_named() {
    let directory = tempfile::tempdir().unwrap();
    for (name, whole) in [("a.parquet", "pyarrow-zstd.parquet"), ("a.orc", "pyarrow-zstd.orc")] {
        let path = directory.path().join(name);
        let bytes = fs::read(fixture(whole)).unwrap();
        for content in [&b""[..], b"{\"id\":1}\n", &bytes[..bytes.len() / 2], &bytes[..bytes.len() - 1]] {
            fs::write(&path, content).unwrap();
            let error = if name == "a.orc" {
                error_of(load::<Flat>(StaticFile::orc(&path)))
            } else {
                error_of(load::<Flat>(StaticFile::parquet(&path)))
            };
            let start = format!("source `StaticFile[{0}]`: `{0}` can't be read: ", path.display());
            assert!(error.starts_with(&start), "{} bytes: {error}", content.len());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        rng_seed: RngSeed::Fixed(20_260_107),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Not every change of a byte can be found out; that nothing but an error comes of those that are can be.
    #[test]
    fn changed_bytes_give_rows_or_an_error_and_no_panic(
        rows in prop::collection::vec(flat(), 1..20),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        is_orc in any::<bool>(),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        if is_orc {
            write_orc(&path, &flat_batch(&rows), 8);
        } else {
            write_parquet(&path, &flat_batch(&rows), 8);
        }
        let mut bytes = fs::read(&path).unwrap();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        fs::write(&path, bytes).unwrap();
        let read = if is_orc {
            load::<Flat>(StaticFile::orc(&path))
        } else {
            load::<Flat>(StaticFile::parquet(&path))
        };
        if let Err(error) = read {
            prop_assert!(!matches!(error, stream_runtime::Error::Panic { .. }), "{error}");
        }
    }
}
