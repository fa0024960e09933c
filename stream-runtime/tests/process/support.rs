//! Rows, a query around any processor, and instants that read well.

use stream_runtime::__private::{
    Here, InputInfo, Mode, OperatorInfo, PlanInfo, Processing, Reading, Reads, RowsInfo, Update,
    WatermarkInfo, from,
};
use stream_runtime::engine::QueryBuilder;
use stream_runtime::error::BoxError;
use stream_runtime::prelude::*;
use stream_runtime::process::{Context, KeyedProcessor, MapState, ProcessorState, Timer, TimerKind};
use stream_runtime::source::MemoryInput;
use stream_runtime::testing::TestQuery;

/// An input row.
#[derive(Schema, Clone, Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) key: String,
    pub(crate) what: String,
    pub(crate) timestamp: Timestamp,
}

/// A result row.
#[derive(Schema, Clone, Debug, PartialEq)]
pub(crate) struct Said {
    pub(crate) key: String,
    pub(crate) what: String,
}

/// `second` of a minute that all tests agree on.
pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_secs(1_767_225_600 + second)
}

pub(crate) fn event(key: &str, what: &str, second: i64) -> Event {
    Event { key: key.to_owned(), what: what.to_owned(), timestamp: at(second) }
}

pub(crate) fn said(key: &str, what: impl Into<String>) -> Said {
    Said { key: key.to_owned(), what: what.into() }
}

const INPUT: InputInfo =
    InputInfo { name: "events", row: "Event", watermark: None, late: None, columns: None };

const fn info(inputs: &'static [InputInfo]) -> PlanInfo {
    PlanInfo {
        query: "Processed",
        inputs,
        queries: &[],
        statics: &[],
        from: RowsInfo::Inputs(&[0]),
        joins: &[],
        clauses: &[],
        operators: &[OperatorInfo {
            name: "transformWithStateExec",
            clause: "process by key with …",
            window: None,
            within: None,
            aggregates: &[],
            event_time_key: true,
        }],
        select: "",
        selected: &[],
        having: None,
        order_by: None,
        limit: None,
        mode: Mode::Update,
    }
}

pub(crate) const WITHOUT_WATERMARK: PlanInfo = info(&[INPUT]);
/// The watermark follows the events at once.
const WITH_WATERMARK: PlanInfo = info(&[InputInfo {
    watermark: Some(WatermarkInfo { column: "timestamp", delay: Duration::ZERO }),
    ..INPUT
}]);

/// What `from event in events; process by event.key with …; output update;` is compiled into.
pub(crate) fn plan<P>(processor: P) -> impl Reads<Here, Row = Event, Output = P::Output, Mode = Update>
where
    P: KeyedProcessor<Key = String, Row = Event>,
{
    from::<Event, { u128::MAX }>(&[0])
        .push(|event, _: &mut Reading<_>, op: &mut Processing<_>| {
            op.process(None::<Timestamp>, event.key, event);
        })
        .process::<Update>(WITHOUT_WATERMARK, processor)
}

/// As [`plan`], of an input with a watermark.
pub(crate) fn plan_with_watermark<P>(
    processor: P,
) -> impl Reads<Here, Row = Event, Output = P::Output, Mode = Update>
where
    P: KeyedProcessor<Key = String, Row = Event>,
{
    from::<Event, { u128::MAX }>(&[0])
        .push(|event, input: &mut Reading<_>, op: &mut Processing<_>| {
            input.observe(event.timestamp);
            op.process(event.timestamp, event.key, event);
        })
        .process::<Update>(WITH_WATERMARK, processor)
}

/// A plan in a test's hands.
pub(crate) async fn open<P: Reads<Here>>(
    workers: usize,
    plan: impl Fn() -> P,
) -> TestQuery<MemoryInput<P::Row>, P, impl Fn(MemorySource<P::Row>, MemorySink<P::Output>) -> QueryBuilder<P>>
{
    TestQuery::open(move |source, sink| {
        QueryBuilder::new(plan()).source::<Here>(source).to(sink).workers(workers)
    })
    .await
    .unwrap()
}

/// A processor that does what each row's `what` says, for tests of everything but state.
///
/// `say x`, `event 30` and `processing 30` (set a timer for that second), `cancel event 30`, `chain 30` (a timer of
/// event time whose firing sets the next one, a second later, up to 33), `again 30` (whose firing sets the same one
/// again), `both 30` (whose firing sets one of processing time for the same second), `timers`, `fail`.
pub(crate) struct Scripted;

/// What the timers that are set do when they fire.
#[derive(Default, ProcessorState)]
pub(crate) struct Plans {
    plans: MapState<Timestamp, String>,
}

fn word<'a>(what: &'a str, expected: &str) -> Option<&'a str> {
    what.strip_prefix(expected)?.strip_prefix(' ')
}

fn second(text: &str) -> Timestamp {
    at(text.parse().unwrap())
}

impl KeyedProcessor for Scripted {
    type Key = String;
    type Row = Event;
    type Output = Said;
    type State = Plans;

    fn process(
        &self,
        key: &str,
        row: EventView<'_>,
        state: &mut Plans,
        context: &mut Context<'_, Said>,
    ) -> Result<(), BoxError> {
        if let Some(text) = word(row.what, "say") {
            context.emit(said(key, text));
        } else if let Some(time) = word(row.what, "event") {
            context.event_timer(second(time))?;
        } else if let Some(time) = word(row.what, "processing") {
            context.processing_timer(second(time))?;
        } else if let Some(time) = word(row.what, "cancel event") {
            let found = context.cancel_event_timer(second(time));
            context.emit(said(key, found.to_string()));
        } else if let Some(time) = word(row.what, "cancel processing") {
            let found = context.cancel_processing_timer(second(time));
            context.emit(said(key, found.to_string()));
        } else if row.what == "cancel all" {
            context.cancel_timers();
        } else if row.what == "timers" {
            let timers = context.timers().iter().map(text).collect::<Vec<_>>();
            context.emit(said(key, timers.join(", ")));
        } else if row.what == "fail" {
            return Err("it was told to fail".into());
        } else if let Some((plan, time)) = row.what.split_once(' ') {
            state.plans.insert(second(time), plan.to_owned());
            context.event_timer(second(time))?;
        }
        Ok(())
    }

    fn on_timer(
        &self,
        key: &str,
        timer: Timer,
        state: &mut Plans,
        context: &mut Context<'_, Said>,
    ) -> Result<(), BoxError> {
        context.emit(said(key, text(&timer)));
        let plan = state.plans.remove(&timer.time).unwrap_or_default();
        let next = timer.time + seconds(1);
        match plan.as_str() {
            "chain" if next <= at(33) => {
                state.plans.insert(next, plan);
                context.event_timer(next)?;
            }
            "again" => context.event_timer(timer.time)?,
            "both" => context.processing_timer(timer.time)?,
            _ => {}
        }
        Ok(())
    }
}

/// `event 30`.
fn text(timer: &Timer) -> String {
    let kind = match timer.kind {
        TimerKind::EventTime => "event",
        TimerKind::ProcessingTime => "processing",
    };
    format!("{kind} {}", (timer.time - at(0)).as_millis() / 1_000)
}
