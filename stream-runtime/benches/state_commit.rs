//! What a durable checkpoint costs: plan and commit of a batch that changes 1, 1 k and 100 k keys out of 1 M, the reload of
//! 1 M keys, and how large the directory grows over 10⁴ batches.
//!
//! `cargo bench -p stream-runtime --bench state_commit`; the checkpoints are made in the temporary directory, so point
//! `TMPDIR` at the disk to measure. Figures and what follows from them: `docs/decisions/0003-state-layout.md`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use stream_runtime::checkpoint::{BatchPlan, Commit, Fingerprint, Metadata, SledStore, StateStore};
use stream_runtime::engine::WatermarkPolicy;
use stream_runtime::plan::{OperatorChanges, StateEntry};
use stream_runtime::source::Offset;

const KEY_GROUPS: u64 = 128;
const KEYS: u64 = 1_000_000;

/// A checkpoint and the batch that comes next.
struct Query {
    store: SledStore,
    batch: u64,
    random: u64,
}

impl Query {
    fn new(path: &Path) -> Self {
        let store = SledStore::open(path).expect("the directory can be written");
        let fingerprint = Fingerprint {
            mode: "update".into(),
            inputs: vec![],
            operators: vec![],
            changeable: BTreeMap::new(),
        };
        store
            .initialize(&Metadata {
                query_id: uuid::Uuid::nil(),
                hash_seed: 7,
                key_groups: KEY_GROUPS as u16,
                fingerprint,
                watermark_policy: WatermarkPolicy::Min,
            })
            .expect("the checkpoint is new");
        Self { store, batch: 0, random: 1 }
    }

    /// With all keys in state.
    fn with_keys(path: &Path, keys: u64) -> Self {
        let mut query = Self::new(path);
        for first in (0..keys).step_by(100_000) {
            let changes = changes((first..keys.min(first + 100_000)).collect());
            query.run(changes);
        }
        query
    }

    /// Changes of `count` keys out of `keys`.
    fn random_changes(&mut self, count: u64, keys: u64) -> OperatorChanges {
        let chosen = (0..count).map(|_| {
            self.random =
                self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.random >> 33) % keys
        });
        changes(chosen.collect())
    }

    /// Plans and commits a batch.
    fn run(&mut self, changes: OperatorChanges) {
        let batch = self.batch;
        self.batch += 1;
        let plan = BatchPlan {
            batch,
            ends: vec![Some(Offset(serde_json::json!({ "logOffset": batch })))],
            watermark_ms: batch as i64,
            time_ms: batch as i64,
        };
        self.store.write_plan(&plan, &[]).expect("the plan is written");
        let commit = Commit { batch, next_watermark_ms: batch as i64, furthest_ms: batch as i64 };
        self.store.write_commit(&commit, vec![changes]).expect("the commit is written");
    }
}

/// Puts with keys of 24 bytes and values of 40, as encoded.
fn changes(keys: Vec<u64>) -> OperatorChanges {
    let mut changes = OperatorChanges::default();
    for key in keys {
        let group = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 57;
        let (text, value) = (format!("{key:023}"), format!("{key:039}"));
        changes.put(group as u16, 0, &text, &value).expect("text can be encoded");
    }
    changes
}

fn commits(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().expect("there is a temporary directory");
    let mut group = criterion.benchmark_group("state_commit");
    group.sample_size(20).measurement_time(Duration::from_secs(5));

    let mut file = File::create(directory.path().join("plain")).expect("the directory can be written");
    group.bench_function("fdatasync of 4 KiB, for comparison", |bencher| {
        bencher.iter(|| {
            file.seek(SeekFrom::Start(0)).expect("a file");
            file.write_all(&[7; 4096]).expect("there is space");
            file.sync_data().expect("a file");
        });
    });

    let mut small = Query::new(&directory.path().join("small"));
    group.bench_function("plan and commit, 1 key", |bencher| {
        bencher.iter(|| {
            let changes = small.random_changes(1, 1_000);
            small.run(changes);
        });
    });
    drop(small);

    let mut large = Query::with_keys(&directory.path().join("large"), KEYS);
    for count in [1, 1_000, 100_000] {
        group.bench_function(format!("plan and commit, {count} of 1 M keys"), |bencher| {
            bencher.iter_custom(|iterations| {
                let mut spent = Duration::ZERO;
                for _ in 0..iterations {
                    let changes = large.random_changes(count, KEYS);
                    let started = Instant::now();
                    large.run(changes);
                    spent += started.elapsed();
                }
                spent
            });
        });
    }
    drop(large);

    let path = directory.path().join("large");
    group.bench_function("open and close a checkpoint of 1 M keys", |bencher| {
        bencher.iter(|| SledStore::open(&path).expect("it was closed"));
    });
    group.bench_function("load 1 M keys", |bencher| {
        let store = SledStore::open(&path).expect("it was closed");
        bencher.iter(|| {
            let mut entries = 0;
            let mut count = |_: StateEntry<'_>| {
                entries += 1;
                Ok(())
            };
            store.load(0, &mut count).expect("it is sound");
            assert_eq!(entries, KEYS);
        });
    });
    group.finish();
}

/// Not a matter of time: prints how the directory grows.
fn growth(_: &mut Criterion) {
    for (batches, per_batch, keys) in
        [(30_000_u32, 1, 1_000), (10_000, 100, 100_000), (1_000, 10_000, 1_000_000)]
    {
        let directory = tempfile::tempdir().expect("there is a temporary directory");
        let mut query = Query::with_keys(directory.path(), keys);
        let live = keys * (24 + 40);
        let (mut largest, mut sum, mut times) = (0, 0, Vec::new());
        for _ in 0..batches {
            let changes = query.random_changes(per_batch, keys);
            let started = Instant::now();
            query.run(changes);
            times.push(started.elapsed());
            let bytes = query.store.disk_bytes();
            largest = largest.max(bytes);
            sum += bytes;
        }
        times.sort_unstable();
        let (median, slowest) = (times[times.len() / 2], times[times.len() - 1]);
        let ninety_nine = times[times.len() * 99 / 100];
        println!(
            "growth: {batches} batches of {per_batch} of {keys} keys ({:.1} MB live): {:.1} MB on average, {:.1} MB at most, {:.1} MB in the end; a batch takes {median:.2?} (median), {ninety_nine:.2?} (99 %), {slowest:.2?} (slowest)",
            live as f64 / 1e6,
            sum as f64 / f64::from(batches) / 1e6,
            largest as f64 / 1e6,
            query.store.disk_bytes() as f64 / 1e6,
        );
    }
}

criterion_group!(benches, commits, growth);
criterion_main!(benches);
