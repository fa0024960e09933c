//! What silence means to event time: docs/semantics.md 1.5 and 1.7, on a clock that a test moves.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use stream_runtime::engine::{Clock, Progress, Step};
use stream_runtime::error::Result;
use stream_runtime::plan::{Append, Plan};
use stream_runtime::prelude::*;
use stream_runtime::source::{Admission, Advance, MemoryInput, Offset, Source, SourceContext, Split};
use stream_runtime::testing::{ManualClock, TestQuery};

use super::doubles::WatchedClock;
use super::inputs::{bound, window, windows};
use super::{Event, Numbers, Stats, at, event};

type Inputs = (MemoryInput<Event>, MemoryInput<Event>);
type Sources = (MemorySource<Event>, MemorySource<Event>);

fn inputs() -> Inputs {
    (MemoryInput::default(), MemoryInput::default())
}

/// Windows over two inputs, of which the slow one counts as idle after a minute.
fn one_idles(
    (fast, slow): Sources,
    sink: MemorySink<super::Stat>,
) -> stream_runtime::engine::QueryBuilder<impl Plan<Output = super::Stat, Mode = Append>> {
    bound(windows(), fast, slow.idle_after(minutes(1))).to(sink)
}

fn watermark(progress: &[Arc<Progress>]) -> Option<Timestamp> {
    progress.last().and_then(|batch| batch.event_time.watermark)
}

#[tokio::test]
async fn an_input_that_is_silent_for_its_time_holds_no_window_open() {
    let (fast, slow) = inputs();
    let mut test = TestQuery::open_with((fast.clone(), slow.clone()), one_idles).await.expect("it opens");
    fast.add([event(1, 5), event(2, 500)]);
    test.expect([]).await;
    test.advance(seconds(59)).expect([]).await;
    assert_eq!(test.progress().len(), 1);
    test.advance(seconds(1)).expect([window(0, &[1])]).await;
    assert_eq!(watermark(test.progress()), Some(at(490)));
    test.advance(days(1)).expect([]).await;
    assert_eq!(test.progress().len(), 2, "one batch without data is enough");
}

#[tokio::test]
async fn an_idle_input_counts_again_with_its_next_row_and_what_it_brings_may_be_late() {
    let (fast, slow) = inputs();
    let mut test = TestQuery::open_with((fast.clone(), slow.clone()), one_idles).await.expect("it opens");
    fast.add([event(1, 500)]);
    test.expect([]).await;
    test.advance(minutes(1)).expect([]).await;
    // Left behind by 490 s, unless its window is still open.
    slow.add([event(2, 6), event(3, 481)]);
    test.expect([]).await;
    let late = test.progress().last().map(|batch| batch.state_operators[0].num_rows_dropped_by_watermark);
    assert_eq!(late, Some(1));
    // It stands at 451 s, and is waited for.
    fast.add([event(4, 900)]);
    test.expect([]).await;
    assert_eq!(watermark(test.progress()), Some(at(490)));
    test.advance(minutes(1)).expect([window(480, &[3]), window(500, &[1])]).await;
    assert_eq!(watermark(test.progress()), Some(at(890)));
}

#[tokio::test]
async fn if_all_inputs_are_idle_the_watermark_stands() {
    let (fast, slow) = inputs();
    let build = |(fast, slow): Sources, sink| {
        bound(windows(), fast.idle_after(minutes(1)), slow.idle_after(minutes(1))).to(sink)
    };
    let mut test = TestQuery::open_with((fast.clone(), slow.clone()), build).await.expect("it opens");
    fast.add([event(1, 500)]);
    slow.add([event(2, 45)]);
    test.expect([]).await;
    test.advance(days(1)).expect([]).await;
    assert_eq!((test.progress().len(), watermark(test.progress())), (2, Some(at(15))));
}

#[tokio::test]
async fn flushing_goes_on_from_the_input_that_has_got_furthest_though_another_one_had_no_row() {
    for restarts in [false, true] {
        let (fast, slow) = inputs();
        let build = |(fast, slow): Sources, sink| {
            bound(windows(), fast.idle_after(minutes(1)), slow.idle_after(minutes(1)))
                .to(sink)
                .flush_after(minutes(1))
        };
        let mut test = TestQuery::open_with((fast.clone(), slow.clone()), build).await.expect("it opens");
        // An instant of today's, which steps of a minute from 1970 on don't get to.
        let now = 1_767_225_600;
        fast.add([event(1, now + 5), event(2, now + 500)]);
        test.expect([]).await;
        if restarts {
            test.restart().await.expect("it opens again");
        }
        test.advance(seconds(59)).expect([]).await;
        test.advance(seconds(1)).expect([window(now, &[1]), window(now + 500, &[2])]).await;
        assert_eq!(watermark(test.progress()), Some(at(now + 490 + 60)));
        test.advance(days(1)).expect([]).await;
        assert_eq!(test.progress().len(), 3, "nothing is left to close after one more step");
    }
}

#[tokio::test]
async fn after_a_restart_the_time_of_silence_begins_anew() {
    let (fast, slow) = inputs();
    let mut test = TestQuery::open_with((fast.clone(), slow.clone()), one_idles).await.expect("it opens");
    fast.add([event(1, 5), event(2, 500)]);
    test.expect([]).await;
    test.advance(seconds(59));
    test.restart().await.expect("it opens again");
    fast.add([event(3, 500)]);
    test.advance(seconds(59)).expect([]).await;
    test.advance(seconds(1)).expect([window(0, &[1])]).await;
}

/// A source that may know of rows which it can't give yet.
struct Lagging {
    source: MemorySource<Event>,
    lags: Arc<AtomicBool>,
}

#[async_trait]
impl Source<Event> for Lagging {
    fn description(&self) -> String {
        "Lagging".to_owned()
    }

    async fn open(&mut self, context: SourceContext) -> Result<()> {
        self.source.open(context).await
    }

    async fn latest_offset(
        &mut self,
        start: Option<&Offset>,
        admission: Admission,
    ) -> Result<Option<Advance>> {
        self.source.latest_offset(start, admission).await
    }

    async fn prepare_available_now(&mut self) -> Result<()> {
        self.source.prepare_available_now().await
    }

    async fn plan(
        &mut self,
        start: Option<&Offset>,
        end: &Offset,
        parallelism: usize,
    ) -> Result<Vec<Box<dyn Split<Event>>>> {
        self.source.plan(start, end, parallelism).await
    }

    fn is_caught_up(&self) -> bool {
        !self.lags.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn an_input_that_is_not_caught_up_is_neither_idle_nor_flushed() {
    let lags = Arc::new(AtomicBool::new(true));
    let (fast, slow) = inputs();
    let build = |(fast, source): Sources, sink| {
        let slow = Lagging { source, lags: Arc::clone(&lags) }.idle_after(minutes(1));
        bound(windows(), fast, slow).to(sink).flush_after(hours(1))
    };
    let mut test = TestQuery::open_with((fast.clone(), slow), build).await.expect("it opens");
    fast.add([event(1, 5), event(2, 500)]);
    test.expect([]).await;
    test.advance(minutes(59)).expect([]).await;
    test.advance(hours(5)).expect([]).await;
    assert_eq!(test.progress().len(), 1);
    // It may have given its last row just now, so silence begins here.
    lags.store(false, Ordering::Relaxed);
    test.advance(seconds(59)).expect([]).await;
    assert_eq!(test.progress().len(), 1);
    test.advance(seconds(1)).expect([window(0, &[1])]).await;
    test.advance(minutes(58)).expect([]).await;
    test.advance(minutes(1)).expect([window(500, &[2])]).await;
    assert_eq!(watermark(test.progress()), Some(at(490 + 3_600)));
}

#[tokio::test]
async fn rows_that_a_source_could_not_give_for_a_while_are_not_late_for_that() {
    let lags = Arc::new(AtomicBool::new(false));
    let (fast, slow) = inputs();
    let build = |(fast, source): Sources, sink| {
        bound(windows(), fast, Lagging { source, lags: Arc::clone(&lags) }.idle_after(minutes(1))).to(sink)
    };
    let mut test = TestQuery::open_with((fast.clone(), slow.clone()), build).await.expect("it opens");
    fast.add([event(1, 45)]);
    slow.add([event(2, 45)]);
    test.expect([]).await;
    lags.store(true, Ordering::Relaxed);
    test.advance(hours(1));
    fast.add([event(3, 500)]);
    test.expect([]).await;
    lags.store(false, Ordering::Relaxed);
    fast.add([event(4, 501)]);
    test.expect([]).await;
    slow.add([event(5, 46)]);
    test.expect([]).await;
    test.advance(minutes(1)).expect([window(40, &[1, 2, 5])]).await;
}

/// A source that takes its time to open, by the clock that it is given.
struct SlowToOpen {
    source: MemorySource<Event>,
    clock: Option<Arc<ManualClock>>,
}

#[async_trait]
impl Source<Event> for SlowToOpen {
    fn description(&self) -> String {
        "SlowToOpen".to_owned()
    }

    async fn open(&mut self, context: SourceContext) -> Result<()> {
        if let Some(clock) = &self.clock {
            clock.advance(hours(1));
        }
        self.source.open(context).await
    }

    async fn latest_offset(
        &mut self,
        start: Option<&Offset>,
        admission: Admission,
    ) -> Result<Option<Advance>> {
        self.source.latest_offset(start, admission).await
    }

    async fn prepare_available_now(&mut self) -> Result<()> {
        self.source.prepare_available_now().await
    }

    async fn plan(
        &mut self,
        start: Option<&Offset>,
        end: &Offset,
        parallelism: usize,
    ) -> Result<Vec<Box<dyn Split<Event>>>> {
        self.source.plan(start, end, parallelism).await
    }
}

#[tokio::test]
async fn a_start_that_takes_long_is_no_silence() {
    let (fast, slow) = inputs();
    let clock = Mutex::new(None::<Arc<ManualClock>>);
    let build = |(fast, source): Sources, sink| {
        let clock = clock.lock().expect("nobody panics").clone();
        bound(windows(), fast, SlowToOpen { source, clock }.idle_after(minutes(1))).to(sink)
    };
    let mut test = TestQuery::open_with((fast.clone(), slow.clone()), build).await.expect("it opens");
    *clock.lock().expect("nobody panics") = Some(Arc::clone(test.clock()));
    test.restart().await.expect("it opens again");
    fast.add([event(1, 45), event(2, 500)]);
    test.expect([]).await;
    slow.add([event(3, 46)]);
    test.expect([]).await;
    test.advance(minutes(1)).expect([window(40, &[1, 3])]).await;
}

#[tokio::test]
async fn a_time_of_silence_that_makes_no_sense_keeps_the_query_from_starting() {
    let (_, sink) = MemorySink::<super::Number>::new();
    let query = Numbers::query().events(MemorySource::new().1.idle_after(seconds(-1))).to(sink);
    let error = query.start().await.expect_err("negative").to_string();
    assert!(error.contains("`idle_after`"), "{error}");
    for silence in [Duration::ZERO, seconds(-1), microseconds(999)] {
        let (_, sink) = MemorySink::<super::Number>::new();
        let query = Numbers::query().events(MemorySource::new().1).to(sink).flush_after(silence);
        let error = query.start().await.expect_err("too short").to_string();
        assert!(error.contains("`flush_after`"), "{error}");
    }
}

#[tokio::test]
async fn without_flush_after_silence_closes_nothing() {
    let mut test =
        TestQuery::open(|source, sink| Stats::query().events(source).to(sink)).await.expect("it opens");
    test.add([event(1, 15)]).expect([]).await;
    test.advance(days(1)).expect([]).await;
    assert_eq!(test.progress().len(), 2, "rows, and their watermark");
}

#[tokio::test]
async fn silence_moves_event_time_on_in_steps_until_nothing_is_left_to_close() {
    let build = |source, sink| Stats::query().events(source).to(sink).flush_after(minutes(1));
    let mut test = TestQuery::open(build).await.expect("it opens");
    test.add([event(1, 15), event(2, 100)]).expect([window(0, &[1])]).await;
    assert_eq!(watermark(test.progress()), Some(at(90)));
    test.advance(seconds(59)).expect([]).await;
    let before = test.progress().len();
    test.advance(seconds(1)).expect([window(100, &[2])]).await;
    assert_eq!((test.progress().len() - before, watermark(test.progress())), (1, Some(at(150))));
    // That batch has changed something. The next step doesn't, and is the last.
    test.advance(minutes(1)).expect([]).await;
    assert_eq!((test.progress().len() - before, watermark(test.progress())), (2, Some(at(210))));
    test.advance(days(1)).expect([]).await;
    assert_eq!(test.progress().len() - before, 2);

    // Silence begins anew with the next row, and with the watermark that it leads to.
    test.add([event(3, 215), event(4, 150)]).expect([]).await;
    let late = test.progress().last().map(|batch| batch.state_operators[0].num_rows_dropped_by_watermark);
    assert_eq!(late, Some(1), "its window had closed");
    test.advance(minutes(1)).expect([window(200, &[3])]).await;
    assert_eq!(watermark(test.progress()), Some(at(270)));
}

#[tokio::test]
async fn steps_that_nobody_looked_at_are_one_batch() {
    let build = |source, sink| Stats::query().events(source).to(sink).flush_after(seconds(10));
    let mut test = TestQuery::open(build).await.expect("it opens");
    test.add([event(1, 15)]).expect([]).await;
    let before = test.progress().len();
    test.advance(milliseconds(39_999)).expect([window(0, &[1])]).await;
    assert_eq!((test.progress().len() - before, watermark(test.progress())), (1, Some(at(35))));
}

#[tokio::test]
async fn a_batch_that_silence_has_planned_runs_again_with_the_same_watermark() {
    for step in Step::ALL {
        let build = |source, sink| Stats::query().events(source).to(sink).flush_after(minutes(1));
        let mut test = TestQuery::open(build).await.expect("it opens");
        test.add([event(1, 15)]).expect([]).await;
        test.crash_at(step).advance(minutes(1));
        // After a crash before the plan was durable, silence begins anew; after that the step has been taken.
        let (planned, closed) = (step != Step::Starting, vec![window(0, &[1])]);
        let (first, second) = if planned { (closed, vec![]) } else { (vec![], closed) };
        test.expect(first).await;
        test.advance(minutes(1)).expect(second).await;
        let watermarks: Vec<_> = test.progress().iter().map(|batch| batch.event_time.watermark).collect();
        assert!(watermarks.is_sorted(), "after a crash at {step:?}: {watermarks:?}");
        let last = if planned { 125 } else { 65 };
        assert_eq!(watermark(test.progress()), Some(at(last)), "after a crash at {step:?}");
    }
}

#[tokio::test]
async fn a_query_that_does_not_wait_for_the_watermark_runs_no_batch_for_it() {
    let build = |source, sink| Numbers::query().events(source).to(sink).flush_after(minutes(1));
    let mut test = TestQuery::open(build).await.expect("it opens");
    test.advance(days(1)).expect([]).await;
    test.add([event(1, 15)]);
    test.run().await.expect("it runs");
    test.advance(days(1)).run().await.expect("it runs");
    assert_eq!(test.progress().len(), 1);
}

/// The loops of both unbounded triggers see time pass.
#[tokio::test]
async fn triggers_notice_that_silence_has_lasted() {
    let ticks: [(Trigger, &[i64]); 2] =
        [(Trigger::AsFastAsPossible, &[60]), (Trigger::every(seconds(45)), &[45, 90])];
    for (trigger, ticks) in ticks {
        let clock = WatchedClock::new(at(0));
        let (input, source) = MemorySource::new();
        let (results, sink) = MemorySink::new();
        input.add([event(1, 15)]);
        let query = Stats::query().events(source).to(sink).trigger(trigger).flush_after(minutes(1));
        let query =
            query.clock(Arc::clone(&clock) as Arc<dyn Clock>).start().await.expect("the query starts");
        for (waits, tick) in ticks.iter().enumerate() {
            clock.deadlines(&query, waits + 1).await;
            assert!(results.rows().is_empty(), "before {tick} s");
            clock.set(at(*tick));
        }
        assert!(results.wait_for_rows(1).await);
        query.stop().await.expect("it stops");
        let flushed = query.recent_progress().iter().find(|batch| batch.sink.num_output_rows > 0).cloned();
        assert_eq!(flushed.and_then(|batch| batch.event_time.watermark), Some(at(65)), "{trigger:?}");
    }
}
