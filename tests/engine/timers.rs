//! Operators that want to run at a time of the clock: a batch without data runs once that time has come.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use stream_runtime::__private::{Emitter, Here, InputInfo, OperatorInfo, QueryBuilder, Reading, Reads, from};
use stream_runtime::engine::{Clock, Progress, Step};
use stream_runtime::error::Result;
use stream_runtime::plan::{
    Append, BatchContext, Emitted, Mode, OperatorChanges, Packet, Phase, Plan, PlanInfo, Rejects, RowsInfo,
    StateEntry, WorkerContext,
};
use stream_runtime::prelude::*;
use stream_runtime::source::Chunk;
use stream_runtime::static_input::Refresh;
use stream_runtime::testing::TestQuery;

use super::doubles::WatchedClock;
use super::{Event, Number, at, event};

/// The timer of [`Ringing`], in µs since the epoch; none below 0.
type Timer = Arc<AtomicI64>;

const INFO: PlanInfo = PlanInfo {
    query: "Ringing",
    inputs: &[InputInfo { name: "events", row: "Event", watermark: None, columns: None }],
    queries: &[],
    statics: &[],
    from: RowsInfo::Inputs(&[0]),
    joins: &[],
    clauses: &[],
    operators: &[OperatorInfo {
        name: "transformWithStateExec",
        clause: "process by key with Ringing",
        window: None,
        within: None,
        aggregates: &[],
        event_time_key: false,
    }],
    select: "Number { number: number }",
    having: None,
    mode: Mode::Append,
};

/// A query that passes its rows on and has a timer, which emits the time of its batch in seconds.
struct Ringing<P> {
    rows: P,
    timer: Timer,
}

fn ringing(timer: &Timer) -> Ringing<impl Reads<Here, Row = Event, Output = Number, Mode = Append>> {
    let rows = from::<Event, { u128::MAX }>(&[0])
        .select(|e, _: &mut Reading, out: &mut Emitter<Number>| out.emit(Number { number: e.number }))
        .output::<Append>(INFO);
    Ringing { rows, timer: Arc::clone(timer) }
}

impl<P: Plan<Output = Number>> Plan for Ringing<P> {
    type Output = Number;
    type Mode = P::Mode;
    type Worker = P::Worker;

    fn info(&self) -> &PlanInfo {
        self.rows.info()
    }

    fn state_types(&self) -> Vec<String> {
        vec!["()".to_owned()]
    }

    fn lookups(&self) -> Vec<&dyn Refresh> {
        self.rows.lookups()
    }

    fn phases(&self) -> Vec<Phase> {
        self.rows.phases()
    }

    fn watermark(&self, inputs_micros: i64) -> i64 {
        self.rows.watermark(inputs_micros)
    }

    fn worker(&self, context: WorkerContext) -> P::Worker {
        self.rows.worker(context)
    }

    fn begin(&self, worker: &mut P::Worker, batch: &BatchContext) {
        self.rows.begin(worker, batch);
    }

    fn pull(&self, worker: &mut P::Worker, phase: usize) -> Result<()> {
        self.rows.pull(worker, phase)
    }

    fn exchange(
        &self,
        worker: &mut P::Worker,
        phase: usize,
        round: usize,
        packets: Vec<Packet>,
    ) -> Result<Vec<Packet>> {
        self.rows.exchange(worker, phase, round, packets)
    }

    fn finish(
        &self,
        workers: &mut [&mut P::Worker],
        phase: usize,
        batch: &BatchContext,
        emitted: &mut Emitted<Number>,
    ) -> Result<()> {
        self.rows.finish(workers, phase, batch, emitted)?;
        let timer = self.timer.load(Ordering::Relaxed);
        if (0..=batch.time.as_micros()).contains(&timer) {
            self.timer.store(-1, Ordering::Relaxed);
            emitted.rows.push(Number { number: batch.time.as_millis() / 1_000 });
        } else if timer >= 0 {
            emitted.report.wake_at = Some(Timestamp::from_micros(timer));
        }
        Ok(())
    }

    fn settle(
        &self,
        workers: &mut [&mut P::Worker],
        changes: Option<&mut Vec<OperatorChanges>>,
    ) -> Result<()> {
        self.rows.settle(workers, changes)
    }

    fn restore(&self, _: &mut [&mut P::Worker], _: usize, _: StateEntry<'_>) -> Result<()> {
        Ok(())
    }
}

impl<P: Reads<Here, Output = Number>> Reads<Here> for Ringing<P> {
    type Row = P::Row;

    fn feed(
        &self,
        worker: &mut P::Worker,
        input: usize,
        chunk: Chunk<'_, P::Row>,
        rejects: &mut Rejects,
    ) -> Result<()> {
        self.rows.feed(worker, input, chunk, rejects)
    }
}

/// 2026-01-01T00:00:00Z, where the clock of a `TestQuery` begins, and so many seconds.
fn second(seconds: i64) -> i64 {
    1_767_225_600 + seconds
}

fn rang(seconds: i64) -> Number {
    Number { number: second(seconds) }
}

fn rows(progress: &[Arc<Progress>]) -> Vec<u64> {
    progress.iter().map(|batch| batch.num_input_rows).collect()
}

#[tokio::test]
async fn a_timer_gets_a_batch_without_data_once_its_time_has_come_and_one_alone() {
    let timer: Timer = Arc::new(AtomicI64::new(second(10) * 1_000_000));
    let build = |source, sink| QueryBuilder::new(ringing(&timer)).source::<Here>(source).to(sink);
    let mut test = TestQuery::open(build).await.expect("it opens");
    test.expect([]).await;
    assert!(test.progress().is_empty(), "there is no timer before there is a batch");
    test.add([event(1, 0)]).expect([Number { number: 1 }]).await;
    test.advance(milliseconds(9_999)).expect([]).await;
    assert_eq!(rows(test.progress()), [1]);
    test.advance(milliseconds(1)).expect([rang(10)]).await;
    assert_eq!(rows(test.progress()), [1, 0]);
    test.advance(days(1)).expect([]).await;
    assert_eq!(rows(test.progress()), [1, 0]);
}

/// The time of a batch is in whole milliseconds: one that began within the timer's would not fire it.
#[tokio::test]
async fn a_timer_within_a_millisecond_waits_for_the_next_one() {
    let timer: Timer = Arc::new(AtomicI64::new(second(10) * 1_000_000 + 500));
    let build = |source, sink| QueryBuilder::new(ringing(&timer)).source::<Here>(source).to(sink);
    let mut test = TestQuery::open(build).await.expect("it opens");
    test.add([event(1, 0)]).expect([Number { number: 1 }]).await;
    test.advance(seconds(10) + microseconds(999)).expect([]).await;
    assert_eq!(rows(test.progress()), [1]);
    test.advance(microseconds(1)).expect([rang(10)]).await;
}

#[tokio::test]
async fn after_a_restart_a_batch_finds_out_when_timers_want_to_fire() {
    let timer: Timer = Arc::new(AtomicI64::new(second(10) * 1_000_000));
    let build = |source, sink| QueryBuilder::new(ringing(&timer)).source::<Here>(source).to(sink);
    let mut test = TestQuery::open(build).await.expect("it opens");
    test.restart().await.expect("it opens again");
    test.expect([]).await;
    assert!(test.progress().is_empty(), "no batch has run that could have set one");
    test.add([event(1, 0)]).expect([Number { number: 1 }]).await;
    test.restart().await.expect("it opens again");
    test.expect([]).await;
    assert_eq!(rows(test.progress()), [1, 0]);
    test.advance(seconds(10)).expect([rang(10)]).await;

    // A batch that runs again tells as well.
    timer.store(second(20) * 1_000_000, Ordering::Relaxed);
    test.crash_at(Step::Planned).add([event(2, 0)]).expect([Number { number: 2 }]).await;
    assert_eq!(rows(test.progress()), [1, 0, 0, 1]);
    test.advance(seconds(10)).expect([rang(20)]).await;
}

#[tokio::test]
async fn a_running_query_notices_that_the_time_has_come() {
    let clock = WatchedClock::new(at(0));
    let timer: Timer = Arc::new(AtomicI64::new(60_000_000));
    let (input, source) = MemorySource::new();
    let (results, sink) = MemorySink::new();
    input.add([event(1, 0)]);
    let query = QueryBuilder::new(ringing(&timer)).source::<Here>(source).to(sink);
    let query = query.clock(Arc::clone(&clock) as Arc<dyn Clock>).start().await.expect("the query starts");
    assert!(results.wait_for_rows(1).await);
    clock.deadlines(&query, 1).await;
    clock.set(at(60));
    assert!(results.wait_for_rows(2).await);
    query.stop().await.expect("it stops");
    assert_eq!(results.rows(), [Number { number: 1 }, Number { number: 60 }]);
}
