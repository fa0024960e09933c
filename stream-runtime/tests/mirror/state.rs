//! What is restored is what was mirrored, entry by entry.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use stream_runtime::checkpoint::{SledStore, StateStore, restore_from};
use stream_runtime::prelude::*;

use super::support::{Count, PREFIX, Word, in_memory, input, mirror, write_words};

stream_query! {
    query Seen(words: Word) -> Count {
        from w in words watermark(w.ts, seconds(20));
        dedup by w.text, w.ts;
        group by window(w.ts, seconds(10)) as t, w.text;
        select Count { text: w.text, n: count() };
        output update;
    }
}

/// All that a checkpoint holds.
type Content = (String, Vec<BTreeMap<(i64, Vec<u8>), Vec<u8>>>);

fn content(directory: &Path) -> Content {
    let store = SledStore::open(directory).unwrap();
    let about = format!("{:?} {:?}", store.metadata().unwrap(), store.recover().unwrap());
    let operators = (0..3).map(|operator| {
        let mut entries = BTreeMap::new();
        store
            .load(operator, &mut |entry| {
                entries.insert((entry.bucket, entry.key.to_vec()), entry.value.to_vec());
                Ok(())
            })
            .unwrap();
        entries
    });
    (about, operators.collect())
}

/// A batch: the text and the second of each word.
fn batches() -> impl Strategy<Value = Vec<Vec<(u8, usize)>>> {
    prop::collection::vec(prop::collection::vec((0_u8..20, 0_usize..90), 1..30), 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_restored_checkpoint_holds_what_the_original_does(
        runs in prop::collection::vec(batches(), 1..4),
        every in 1_u64..5,
        synchronous: bool,
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let home = tempfile::tempdir().unwrap();
            let (store, checkpoint) = (in_memory(), home.path().join("checkpoint"));
            let words = home.path().join("words");
            let mut files = 0;
            for batches in runs {
                for batch in batches {
                    let batch = batch.into_iter().map(|(text, second)| (format!("word {text}"), second));
                    write_words(&words, files, batch);
                    files += 1;
                }
                let (_, sink) = MemorySink::new();
                let mirror = mirror(&store);
                let mirror = if synchronous { mirror.synchronous() } else { mirror.every(every) };
                let query = Seen::query().words(input(&words)).to(sink).checkpoint(&checkpoint).mirror_to(mirror);
                let query = query.trigger(Trigger::AvailableNow).start().await.unwrap();
                query.await_termination().await.unwrap();
            }
            let restored = home.path().join("restored");
            let found = restore_from(&store, PREFIX, &restored).await.unwrap();
            assert!(found.batch >= Some(files as u64 - 1), "{found:?} of {files}");
            let (there, here) = (content(&restored), content(&checkpoint));
            assert!(here.1.iter().any(|operator| !operator.is_empty()));
            assert_eq!(there, here);
        });
    }
}
