//! The service's own code for each batch: what it is told, how often it is asked, and several sinks behind it.

use std::sync::{Arc, Mutex, PoisonError};

use stream_runtime::Uuid;
use stream_runtime::engine::Step;
use stream_runtime::error::{BoxError, Error};
use stream_runtime::prelude::*;
use stream_runtime::sink::{BatchWriter, ForeachBatch, ForeachBatchSink, Retry, Sink, SinkContext};
use stream_runtime::source::MemoryInput;

use super::doubles::{Call, Disturbance, Trouble, TroubledSink};
use super::{Event, Number, Numbers, event, numbers};

/// Batches of one row each: 1, 2, 3.
fn input() -> MemoryInput<Event> {
    let input = MemoryInput::default();
    for number in 1..=3 {
        input.add([event(number, 0)]);
    }
    input
}

/// One call: the batch's id, its numbers, and how often it had failed before.
type Asked = (u64, Vec<i64>, u32);

/// What was asked of a function that fails as `fails` says, by batch and failures before.
#[derive(Clone)]
struct Log {
    asked: Arc<Mutex<Vec<Asked>>>,
    fails: fn(u64, u32) -> bool,
}

impl Log {
    fn new(fails: fn(u64, u32) -> bool) -> Self {
        Self { asked: Arc::default(), fails }
    }

    async fn take(self, batch: ForeachBatch<'_, Number>) -> Result<(), BoxError> {
        tokio::task::yield_now().await;
        let entry = (batch.id, numbers(batch.rows), batch.failures);
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
        if (self.fails)(batch.id, batch.failures) { Err("the warehouse is closed".into()) } else { Ok(()) }
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl BatchWriter<Number> for Log {
    async fn write(&mut self, batch: ForeachBatch<'_, Number>) -> Result<(), BoxError> {
        self.clone().take(batch).await
    }
}

fn at_once(times: u32) -> Retry {
    Retry::times(times).backoff(std::time::Duration::ZERO, std::time::Duration::ZERO)
}

#[tokio::test]
async fn a_function_is_called_with_each_batch_and_told_whose_it_is() {
    let log = Log::new(|_, _| false);
    let (called, told) = (log.clone(), Arc::new(Mutex::new(Vec::<(String, Uuid)>::new())));
    let telling = Arc::clone(&told);
    let query = Numbers::query()
        .events(input().source().max_chunks_per_trigger(1))
        .for_each_batch(move |batch| {
            let (log, told) = (called.clone(), Arc::clone(&telling));
            Box::pin(async move {
                told.lock().expect("no panic").push((batch.query_name.to_owned(), batch.query_id));
                log.take(batch).await
            })
        })
        .name("to-warehouse")
        .trigger(Trigger::AvailableNow)
        .start()
        .await
        .expect("the query starts");
    query.await_termination().await.expect("it ends");
    assert_eq!(log.asked(), [(0, vec![1], 0), (1, vec![2], 0), (2, vec![3], 0)]);
    assert_eq!(*told.lock().expect("no panic"), vec![("to-warehouse".to_owned(), query.id()); 3]);
    assert_eq!(query.recent_progress()[0].sink.description, "ForeachBatchSink");
}

#[tokio::test]
async fn a_batch_that_fails_is_handed_in_again_with_the_same_rows() {
    let log = Log::new(|id, failures| id == 1 && failures < 2);
    let query = Numbers::query()
        .events(input().source().max_chunks_per_trigger(1))
        .to(ForeachBatchSink::writer(log.clone()).retry(at_once(2)))
        .trigger(Trigger::AvailableNow)
        .start()
        .await
        .expect("the query starts");
    query.await_termination().await.expect("it ends");
    let wanted = [(0, vec![1], 0), (1, vec![2], 0), (1, vec![2], 1), (1, vec![2], 2), (2, vec![3], 0)];
    assert_eq!(log.asked(), wanted);
}

#[tokio::test]
async fn a_batch_that_always_fails_ends_the_query_and_is_the_first_of_the_next_run() {
    let directory = tempfile::tempdir().expect("a directory");
    let input = input();
    let run = async |log: &Log, retry: Retry| {
        let query = Numbers::query()
            .events(input.source().max_chunks_per_trigger(1))
            .to(ForeachBatchSink::writer(log.clone()).retry(retry))
            .checkpoint(directory.path())
            .trigger(Trigger::AvailableNow)
            .start()
            .await
            .expect("the query starts");
        query.await_termination().await
    };
    let broken = Log::new(|id, _| id == 1);
    let error = run(&broken, at_once(2)).await.expect_err("batch 1 fails");
    let text = error.to_string();
    assert!(text.contains("batch 1: sink `ForeachBatchSink`: the batch failed 3 times"), "{text}");
    assert!(text.ends_with("at last with: the warehouse is closed"), "{text}");
    let error = run(&broken, Retry::NEVER).await.expect_err("batch 1 fails again");
    assert!(matches!(error.root(), Error::Other(_)), "{error:?}");
    assert!(error.to_string().ends_with("batch 1: the warehouse is closed"), "{error}");

    let mended = Log::new(|_, _| false);
    run(&mended, Retry::NEVER).await.expect("it runs to its end");
    assert_eq!(mended.asked(), [(1, vec![2], 0), (2, vec![3], 0)]);
}

/// Two sinks, the second one with rows of another type.
struct Both<A, B> {
    first: A,
    second: B,
}

impl<A: Sink<Number>, B: Sink<Event>> BatchWriter<Number> for Both<A, B> {
    async fn open(&mut self, context: &SinkContext) -> Result<(), BoxError> {
        self.first.open(context.clone()).await?;
        self.second.open(context.clone()).await?;
        Ok(())
    }

    async fn write(&mut self, batch: ForeachBatch<'_, Number>) -> Result<(), BoxError> {
        let events: Vec<_> = batch.rows.iter().map(|row| event(row.number * 10, 0)).collect();
        self.first.commit(batch.to_sink()).await?;
        self.second.commit(batch.with_rows(&events)).await?;
        Ok(())
    }
}

#[tokio::test]
async fn two_sinks_behind_one_writer_have_each_batch_once_whatever_fails_between_them() {
    for call in [Call::BeforeWriting, Call::AfterWriting] {
        let (first, sink) = MemorySink::new();
        let (second, troubled) = MemorySink::new();
        let trouble = Trouble::at(call, 1, Disturbance::Error);
        let both = Both { first: sink, second: TroubledSink { sink: troubled, trouble } };
        let query = Numbers::query()
            .events(input().source().max_chunks_per_trigger(1))
            .to(ForeachBatchSink::writer(both).retry(at_once(1)))
            .trigger(Trigger::AvailableNow)
            .start()
            .await
            .expect("the query starts");
        query.await_termination().await.expect("it ends");
        assert_eq!(numbers(&first.rows()), [1, 2, 3]);
        let second: Vec<_> = second.rows().iter().map(|row| row.number).collect();
        assert_eq!(second, [10, 20, 30]);
    }
}

#[tokio::test]
async fn a_batch_that_was_written_but_not_committed_is_handed_in_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let (input, log) = (input(), Log::new(|_, _| false));
    for crash in [true, false] {
        let query = Numbers::query()
            .events(input.source().max_chunks_per_trigger(1))
            .to(ForeachBatchSink::writer(log.clone()))
            .checkpoint(directory.path())
            .trigger(Trigger::AvailableNow)
            .at_step(Arc::new(move |batch, step| !(crash && batch == 1 && step == Step::Written)))
            .start()
            .await
            .expect("the query starts");
        assert_eq!(query.await_termination().await.is_err(), crash);
    }
    assert_eq!(log.asked(), [(0, vec![1], 0), (1, vec![2], 0), (1, vec![2], 0), (2, vec![3], 0)]);
}
