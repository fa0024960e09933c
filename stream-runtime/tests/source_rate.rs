//! The rate source under a clock that the test moves.

mod source_support;

use std::sync::Arc;

use source_support::{Checkpoint, Collected, Run, drain, message, option};
use stream_runtime::engine::Clock;
use stream_runtime::prelude::*;
use stream_runtime::source::{Offset, RateRow, RateSource, Source};
use stream_runtime::testing::ManualClock;

const START: Timestamp = Timestamp::from_micros(1_000_000_000_500_000);

fn row(value: u64, after: Duration) -> RateRow {
    RateRow { timestamp: START + after, value }
}

async fn start(source: RateSource, checkpoint: Checkpoint, clock: &Arc<ManualClock>) -> Run<RateSource> {
    let clock: Arc<dyn Clock> = Arc::clone(clock) as Arc<dyn Clock>;
    Run::start_at(source, checkpoint, &clock).await.unwrap()
}

#[tokio::test]
async fn rows_come_when_their_second_has_passed_spread_evenly() {
    let clock = ManualClock::new(START);
    let mut run = start(RateSource::new(4), Checkpoint::default(), &clock).await;
    assert!(run.batch().await.unwrap().is_none());
    clock.advance(milliseconds(999));
    assert!(run.batch().await.unwrap().is_none());
    assert!(run.source.is_caught_up());
    clock.advance(milliseconds(1));
    assert!(!run.source.is_caught_up());
    let rows = run.batch().await.unwrap().unwrap().rows();
    let wanted: Vec<_> = (0..4).map(|n| row(n, milliseconds(250 * n as i64))).collect();
    assert_eq!(rows, wanted);
    assert!(run.source.is_caught_up());
    clock.advance(seconds(1));
    assert_eq!(run.batch().await.unwrap().unwrap().rows()[0], row(4, seconds(1)));
}

#[tokio::test]
async fn the_rows_are_the_same_however_time_is_cut_into_batches_and_splits() {
    let source = || RateSource::new(30_001).ramp_up_time(seconds(2));
    let clock = ManualClock::new(START);
    let mut run = start(source(), Checkpoint::default(), &clock).await;
    let mut by_second = Vec::new();
    for _ in 0..5 {
        clock.advance(seconds(1));
        by_second.extend(run.batch().await.unwrap().map(Collected::rows).into_iter().flatten());
    }
    for parallelism in [1, 3, 16] {
        let clock = ManualClock::new(START);
        let mut run = start(source(), Checkpoint::default(), &clock).await;
        let splits = run.source.plan(None, &Offset(5.into()), parallelism).await.unwrap();
        assert!(splits.len() <= parallelism && (splits.len() > 1 || parallelism == 1));
        assert_eq!(drain(splits).unwrap().rows(), by_second);
    }
    assert_eq!(by_second.len(), 30_001 + 3 * 30_001);
    assert!(by_second.iter().map(|row| row.value).eq(0..4 * 30_001));
    assert!(by_second.is_sorted_by_key(|row| row.timestamp));
}

#[tokio::test]
async fn a_restart_goes_on_from_the_first_start() {
    let clock = ManualClock::new(START);
    let mut run = start(RateSource::new(1), Checkpoint::default(), &clock).await;
    clock.advance(seconds(2));
    let first = run.batch().await.unwrap().unwrap().rows();
    clock.advance(milliseconds(1_700));
    let mut run = start(RateSource::new(1), run.checkpoint, &clock).await;
    assert_eq!(run.read().await.unwrap().rows(), first);
    assert_eq!(run.batch().await.unwrap().unwrap().rows(), [row(2, seconds(2))]);
}

#[tokio::test]
async fn a_clock_that_jumps_back_neither_repeats_nor_loses_rows() {
    let clock = ManualClock::new(START);
    let mut run = start(RateSource::new(1), Checkpoint::default(), &clock).await;
    clock.advance(seconds(3));
    assert_eq!(run.batch().await.unwrap().unwrap().rows().len(), 3);
    clock.advance(seconds(-100));
    assert!(run.batch().await.unwrap().is_none());
    let mut run = start(RateSource::new(1), run.checkpoint, &clock).await;
    assert!(run.batch().await.unwrap().is_none());
    clock.advance(seconds(101));
    assert_eq!(run.batch().await.unwrap().unwrap().rows(), [row(3, seconds(3))]);
}

#[tokio::test]
async fn available_now_stops_at_the_second_that_it_began_in() {
    let clock = ManualClock::new(START);
    let mut run = start(RateSource::new(1), Checkpoint::default(), &clock).await;
    clock.advance(seconds(2));
    run.source.prepare_available_now().await.unwrap();
    clock.advance(seconds(2));
    assert_eq!(run.batch().await.unwrap().unwrap().rows().len(), 2);
    assert!(run.batch().await.unwrap().is_none());
}

#[tokio::test]
async fn options_without_meaning_are_refused() {
    let open = async |source| Run::start::<RateRow>(source, Checkpoint::default()).await;
    assert_eq!(option(open(RateSource::new(0)).await), "rows_per_second");
    assert_eq!(option(open(RateSource::new(1).ramp_up_time(milliseconds(1_500))).await), "ramp_up_time");
    assert_eq!(option(open(RateSource::new(1).ramp_up_time(seconds(-1))).await), "ramp_up_time");
}

#[tokio::test]
async fn a_damaged_checkpoint_is_refused() {
    let open = async |log, end| {
        message(Run::start::<RateRow>(RateSource::new(1), Checkpoint { log, ends: vec![Offset(end)] }).await)
    };
    let lost = "source `RateSource[1 rows/s]`: the checkpoint has lost the time of the first start";
    assert!(open(vec![], 1.into()).await.starts_with(lost));
    assert!(open(vec![vec![1, 2, 3]], 1.into()).await.starts_with(lost));
    assert!(open(vec![], "x".into()).await.contains("`\"x\"`, which is no offset of a rate source"));
    assert!(open(vec![], u64::MAX.into()).await.contains("no offset of a rate source"));
}
