//! `late into`: each row that an operator drops for being late is given to a sink of its own, once and in the order of the
//! input, for any number of workers and over restarts and crashes. The oracle is the rule: a row is late if it is over at or
//! before the watermark of the batch before.

mod chains;
mod joins;
mod operators;
mod panics;
mod recovery;

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use stream_runtime::prelude::*;
use stream_runtime::sink::{AppendOnly, Sink, SinkBatch};

#[derive(Schema, Clone, Debug, PartialEq)]
struct Event {
    key: u64,
    /// No other event has it.
    number: u64,
    ts: Option<Timestamp>,
    /// No query names it.
    note: Option<String>,
}

/// Events that run forward by about 4 s a batch, with late ones, and some without a time.
fn events(batches: usize, seed: u64) -> Vec<Vec<Event>> {
    let mut state = seed;
    let mut draw = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut number = 0;
    let mut event = |batch: usize| {
        number += 1;
        let late = if draw(4) == 0 { draw(25) as i64 } else { 0 };
        let second = 20 + batch as i64 * 4 + draw(8) as i64 - late;
        let ts = (draw(20) > 0).then(|| Timestamp::from_secs(second));
        Event { key: draw(9), number, ts, note: (draw(3) > 0).then(|| format!("note {number}")) }
    };
    (0..batches).map(|batch| (0..30).map(|_| event(batch)).collect()).collect()
}

fn second(event: &Event) -> Option<i64> {
    event.ts.map(|ts| ts.as_micros() / 1_000_000)
}

/// The watermark without delay of several inputs, as it is batch by batch.
#[derive(Default)]
struct Watermark {
    reached: Vec<i64>,
    late: i64,
    evict: i64,
}

impl Watermark {
    /// A batch of so many rows of each input; gives what is late in it, in seconds.
    fn batch(&mut self, inputs: &[&[Event]]) -> i64 {
        self.late = self.evict;
        self.evict = self.reached.iter().copied().min().unwrap_or(0).max(self.evict);
        self.reached.resize(inputs.len(), 0);
        for (reached, rows) in self.reached.iter_mut().zip(inputs) {
            *reached = rows.iter().filter_map(second).fold(*reached, i64::max);
        }
        self.late
    }
}

/// The late rows of each batch. `over` says in which second a row is over, if ever.
fn late_rows(batches: &[Vec<Event>], over: impl Fn(&Event) -> Option<i64>) -> Vec<Vec<Event>> {
    let mut watermark = Watermark::default();
    let of_batch = |rows: &Vec<Event>| {
        let late = watermark.batch(&[rows]);
        rows.iter().filter(|row| over(row).is_some_and(|over| over <= late)).cloned().collect()
    };
    batches.iter().map(of_batch).collect()
}

/// A batch's id, and its rows.
type Batch = (u64, Vec<Event>);

/// A sink that remembers every batch, those that it was given again included.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<Batch>>>);

impl Recorder {
    /// The rows by batch, each batch once, without those of batches from `count` on, which have none.
    #[track_caller]
    fn batches(&self, count: usize) -> Vec<Vec<Event>> {
        let mut batches: Vec<Vec<Event>> = Vec::new();
        for (id, rows) in self.0.lock().unwrap().iter() {
            match batches.get(*id as usize) {
                Some(before) => assert_eq!(before, rows, "batch {id} has the same rows again"),
                None => batches.push(rows.clone()),
            }
            assert!(batches.len() > *id as usize, "no batch is left out before {id}");
        }
        for rows in batches.drain(count.min(batches.len())..) {
            assert_eq!(rows, [], "a batch without data has no late rows");
        }
        batches
    }
}

#[async_trait]
impl Sink<Event> for Recorder {
    type Modes = AppendOnly;

    fn description(&self) -> String {
        "Recorder".to_owned()
    }

    async fn commit(&mut self, batch: SinkBatch<'_, Event>) -> stream_runtime::Result<()> {
        self.0.lock().unwrap().push((batch.id, batch.rows.to_vec()));
        Ok(())
    }
}
