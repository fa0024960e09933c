//! The memory source, as the engine drives it.

mod source_support;

use proptest::prelude::*;
use source_support::{Checkpoint, Number, Run, drain, message, option};
use stream_runtime::source::{Admission, MemorySource, Offset, Source};

fn numbers(range: std::ops::Range<u64>) -> Vec<Number> {
    range.map(|number| Number { number }).collect()
}

#[tokio::test]
async fn a_batch_takes_all_chunks_that_there_are() {
    let (input, source) = MemorySource::new();
    let mut run = Run::start::<Number>(source, Checkpoint::default()).await.unwrap();
    assert!(run.batch::<Number>().await.unwrap().is_none());
    input.add(numbers(0..3));
    input.clone().add(numbers(3..5));
    assert!(!run.source.is_caught_up());
    assert_eq!(run.batch().await.unwrap().unwrap().rows(), numbers(0..5));
    assert!(run.source.is_caught_up());
    assert!(run.batch::<Number>().await.unwrap().is_none());
}

#[tokio::test]
async fn a_limited_batch_takes_whole_chunks_unless_everything_is_wanted() {
    let (input, source) = MemorySource::new();
    for chunk in 0..4 {
        input.add(numbers(chunk * 10..chunk * 10 + 2));
    }
    let mut run =
        Run::start::<Number>(source.max_chunks_per_trigger(1), Checkpoint::default()).await.unwrap();
    assert_eq!(run.batch().await.unwrap().unwrap().rows(), numbers(0..2));
    assert_eq!(run.batch().await.unwrap().unwrap().rows(), numbers(10..12));
    assert!(run.advance::<Number>(Admission::Everything).await.unwrap());
    assert_eq!(run.read().await.unwrap().rows(), [numbers(20..22), numbers(30..32)].concat());
}

#[tokio::test]
async fn a_planned_batch_is_replayed_by_a_new_source_of_the_same_input() {
    let (input, source) = MemorySource::new();
    input.add(numbers(0..2));
    let mut run = Run::start::<Number>(source, Checkpoint::default()).await.unwrap();
    run.batch::<Number>().await.unwrap();
    input.add(numbers(2..4));
    assert!(run.advance::<Number>(Admission::Limited).await.unwrap());
    let checkpoint = run.checkpoint;
    input.add(numbers(4..6));

    let mut run = Run::start::<Number>(input.source(), checkpoint).await.unwrap();
    assert_eq!(run.read().await.unwrap().rows(), numbers(2..4));
    run.commit::<Number>().await.unwrap();
    assert_eq!(run.batch().await.unwrap().unwrap().rows(), numbers(4..6));
}

#[tokio::test]
async fn what_was_committed_is_dropped_and_no_more_there_to_read() {
    let (input, source) = MemorySource::new();
    input.add(numbers(0..2));
    let mut run = Run::start::<Number>(source, Checkpoint::default()).await.unwrap();
    run.batch::<Number>().await.unwrap();
    let error = message(run.source.plan(Some(&Offset(0.into())), &Offset(1.into()), 1).await.map(drop));
    assert_eq!(
        error,
        "source `MemorySource`: chunks 0 to 1 were asked for, and memory holds 1 to 1: this input was read by another \
         query, or belongs to another checkpoint"
    );
}

#[tokio::test]
async fn a_checkpoint_of_another_process_is_refused() {
    let (_input, source) = MemorySource::<Number>::new();
    let checkpoint = Checkpoint { log: Vec::new(), ends: vec![Offset(5.into())] };
    let error = message(Run::start(source, checkpoint).await);
    assert!(error.contains("has read 5 chunks and this input has had only 0"), "{error}");
    let (_input, source) = MemorySource::<Number>::new();
    let checkpoint = Checkpoint { log: Vec::new(), ends: vec![Offset("x".into())] };
    let error = message(Run::start(source, checkpoint).await);
    assert!(error.contains("the checkpoint holds `\"x\"`"), "{error}");
}

#[tokio::test]
async fn available_now_stops_at_what_was_there() {
    let (input, source) = MemorySource::new();
    input.add(numbers(0..2));
    input.add(numbers(2..4));
    let source = source.max_chunks_per_trigger(1);
    let mut run = Run::start::<Number>(source, Checkpoint::default()).await.unwrap();
    Source::<Number>::prepare_available_now(&mut run.source).await.unwrap();
    input.add(numbers(4..6));
    assert_eq!(run.batch().await.unwrap().unwrap().rows(), numbers(0..2));
    assert_eq!(run.batch().await.unwrap().unwrap().rows(), numbers(2..4));
    assert!(run.batch::<Number>().await.unwrap().is_none());
}

#[tokio::test]
async fn a_batch_of_no_chunks_is_refused() {
    let (_input, source) = MemorySource::<Number>::new();
    assert_eq!(
        option(Run::start(source.max_chunks_per_trigger(0), Checkpoint::default()).await),
        "max_chunks_per_trigger"
    );
}

proptest! {
    #[test]
    fn splits_hold_each_row_once_in_order_and_evenly(
        chunks in prop::collection::vec(0_u64..7, 0..6),
        parallelism in 1_usize..9,
    ) {
        let total: u64 = chunks.iter().sum();
        let (input, mut source) = MemorySource::new();
        let mut next = 0;
        for length in &chunks {
            input.add(numbers(next..next + length));
            next += length;
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let end = Offset((chunks.len() as u64).into());
        let splits = runtime.block_on(Source::<Number>::plan(&mut source, None, &end, parallelism)).unwrap();
        prop_assert!(splits.len() <= parallelism);
        let share = total.div_ceil(parallelism as u64);
        prop_assert!(splits.iter().all(|split| split.weight() <= share));
        prop_assert_eq!(drain(splits).unwrap().rows(), numbers(0..total));
    }
}
