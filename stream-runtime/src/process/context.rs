//! [`Context`]: what a processor may do besides changing its key's state.

use crate::error::{Error, Result};
use crate::time::Timestamp;

use super::index::TimerIndex;
use super::timer::{Timer, TimerKind};

/// What a processor is called with beside its key's state: result rows, time, and the key's timers.
#[derive(Debug)]
pub struct Context<'a, O> {
    pub(crate) batch: BatchTimes,
    pub(crate) rows: &'a mut Vec<O>,
    pub(crate) timers: &'a mut Vec<Timer>,
    pub(crate) index: &'a mut TimerIndex,
    /// The key's place in the index.
    pub(crate) place: u32,
    pub(crate) fired: Fired,
}

/// A batch's id, and its time by both clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchTimes {
    pub(crate) id: u64,
    pub(crate) now: Timestamp,
    /// `None` if the input has no watermark.
    pub(crate) watermark: Option<Timestamp>,
}

/// The times of the last timers that have fired for a key in the batch.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fired {
    pub(crate) event: Option<Timestamp>,
    pub(crate) processing: Option<Timestamp>,
}

impl Fired {
    pub(crate) fn of(&mut self, kind: TimerKind) -> &mut Option<Timestamp> {
        match kind {
            TimerKind::EventTime => &mut self.event,
            TimerKind::ProcessingTime => &mut self.processing,
        }
    }
}

impl<O> Context<'_, O> {
    /// Emits a result row.
    ///
    /// The rows of a batch come out in the order of the input's rows, and then in the order in which timers fire: those
    /// of event time first, each kind by time, and those of one time by key. The number of workers doesn't matter.
    pub fn emit(&mut self, row: O) {
        self.rows.push(row);
    }

    /// The batch's time, in whole milliseconds: when it was planned, by the machine's clock. It never goes back, and
    /// is the same when a batch runs again after a crash.
    pub fn now(&self) -> Timestamp {
        self.batch.now
    }

    /// The batch's watermark: timers of event time up to here fire at the end of the batch. `None` if the input has no
    /// watermark.
    pub fn watermark(&self) -> Option<Timestamp> {
        self.batch.watermark
    }

    /// The batch's id.
    pub fn batch_id(&self) -> u64 {
        self.batch.id
    }

    /// Lets the processor's [`on_timer`](super::KeyedProcessor::on_timer) be called when the watermark is at `time` or
    /// past it. If it is already, that is at the end of this batch. A timer that is there already stays as it is.
    ///
    /// # Errors
    /// If the input has no watermark, or a timer of this kind has fired for this key in this batch whose time was
    /// not before `time`: the two would fire each other for ever.
    pub fn event_timer(&mut self, time: Timestamp) -> Result<()> {
        if self.batch.watermark.is_none() {
            let why = "a timer of event time never fires, as the input has no watermark: give it one with `watermark(…)`, or set a processing timer";
            return Err(Error::Other(why.into()));
        }
        self.set(Timer { kind: TimerKind::EventTime, time })
    }

    /// Lets the processor's [`on_timer`](super::KeyedProcessor::on_timer) be called when a batch's time is `time` or
    /// later; a batch is started for it. If that is so already, it is called at the end of this batch. A timer that is
    /// there already stays as it is.
    ///
    /// ```
    /// # use stream_runtime::prelude::*;
    /// # use stream_runtime::process::Context;
    /// # fn within_a_minute<O>(context: &mut Context<'_, O>) -> stream_runtime::Result<()> {
    /// context.processing_timer(context.now() + minutes(1))
    /// # }
    /// ```
    ///
    /// # Errors
    /// If a timer of this kind has fired for this key in this batch whose time was not before `time`: the two would
    /// fire each other for ever.
    pub fn processing_timer(&mut self, time: Timestamp) -> Result<()> {
        self.set(Timer { kind: TimerKind::ProcessingTime, time })
    }

    /// Takes back a timer of event time; whether there was one.
    pub fn cancel_event_timer(&mut self, time: Timestamp) -> bool {
        self.cancel(Timer { kind: TimerKind::EventTime, time })
    }

    /// Takes back a timer of processing time; whether there was one.
    pub fn cancel_processing_timer(&mut self, time: Timestamp) -> bool {
        self.cancel(Timer { kind: TimerKind::ProcessingTime, time })
    }

    /// Takes back all timers of this key.
    pub fn cancel_timers(&mut self) {
        for timer in self.timers.drain(..) {
            self.index.remove(timer, self.place);
        }
    }

    /// The key's timers, in the order in which they fire.
    pub fn timers(&self) -> &[Timer] {
        self.timers
    }

    fn set(&mut self, timer: Timer) -> Result<()> {
        if let Some(fired) = *self.fired.of(timer.kind)
            && timer.time <= fired
        {
            let why = format!(
                "a timer was set for {}, while one of {fired} has fired in this batch: set it for a later time",
                timer.time
            );
            return Err(Error::Other(why.into()));
        }
        if let Err(place) = self.timers.binary_search(&timer) {
            self.timers.insert(place, timer);
            self.index.insert(timer, self.place);
        }
        Ok(())
    }

    fn cancel(&mut self, timer: Timer) -> bool {
        let found = self.timers.binary_search(&timer);
        if let Ok(place) = found {
            self.timers.remove(place);
            self.index.remove(timer, self.place);
        }
        found.is_ok()
    }
}
