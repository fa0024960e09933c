//! What a batch costs by itself: one row in, its result out, plan and commit durable on disk in between.
//! `cargo bench --bench one_row_batch`; the checkpoint is made in the target directory.

use std::path::Path;
use std::time::{Duration as StdDuration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use stream_runtime::prelude::*;

#[derive(Schema)]
struct Event {
    key: u64,
    ts: Timestamp,
}

#[derive(Schema)]
struct Count {
    window: Window,
    key: u64,
    n: u64,
}

stream_query! {
    query Counts(events: Event) -> Count {
        from e in events watermark(e.ts, minutes(1));
        group by window(e.ts, minutes(10)) as w, e.key;
        select Count { window: w, key: e.key, n: count() };
        output update;
    }
}

fn one_row_batch(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let directory = tempfile::tempdir_in(Path::new(env!("CARGO_TARGET_TMPDIR"))).expect("a directory");
    let (input, source) = MemorySource::new();
    let (results, sink) = MemorySink::new();
    let query = runtime.block_on(async {
        let query = Counts::query()
            .events(source)
            .to(sink)
            .checkpoint(directory.path().join("checkpoint"))
            .workers(1);
        query.start().await.expect("the query starts")
    });
    let mut batch = 0;
    criterion.bench_function("one row: added to committed", |b| {
        b.iter_custom(|batches| {
            let started = Instant::now();
            runtime.block_on(async {
                for _ in 0..batches {
                    input.add([Event { key: batch % 1_000, ts: Timestamp::from_secs(1_767_225_600) }]);
                    assert!(
                        results.wait_for_batch(batch).await,
                        "the query has ended: {:?}",
                        query.exception()
                    );
                    batch += 1;
                    results.clear();
                }
            });
            started.elapsed()
        });
    });
    runtime.block_on(query.stop()).expect("the query stops");
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(StdDuration::from_secs(10)).sample_size(50);
    targets = one_row_batch
}
criterion_main!(benches);
