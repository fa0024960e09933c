//! A query that another one reads doesn't run by itself.

use stream_runtime::prelude::*;

use super::{Event, Stat, Stats};

stream_query! {
    query Busy() -> Stat {
        from s in query Stats;
        where s.n > 1;
        select s;
        output append;
    }
}

#[tokio::test]
async fn what_a_query_is_told_that_another_one_reads_is_an_error_that_names_it() {
    let stats = || Stats::query().events(MemorySource::<Event>::new().1);
    let directory = tempfile::tempdir().expect("a directory");
    let told = [
        ("to", stats().to(MemorySink::new().1)),
        ("checkpoint", stats().checkpoint(directory.path())),
        ("trigger", stats().trigger(Trigger::Once)),
        ("name", stats().name("inner")),
        ("workers", stats().workers(2)),
    ];
    for (option, stats) in told {
        let error = Busy::query().stats(stats).to(MemorySink::new().1).start().await.expect_err(option);
        let text = error.to_string();
        let expected = format!(
            "query `Stats` is read by another query and doesn't run by itself: say `.{option}(…)` to the query that reads it"
        );
        assert!(text.contains(&expected), "{option}: {text}");
        assert!(directory.path().read_dir().expect("it is there").next().is_none());
    }
}

#[tokio::test]
async fn a_query_that_another_one_reads_gives_it_its_rows_within_the_batch() {
    let (input, source) = MemorySource::new();
    let (results, sink) = MemorySink::new();
    let minute = |minute: i64| Timestamp::from_secs(minute * 60);
    let event = |key: &str, at| Event { key: key.to_owned(), number: 1, ts: minute(at) };
    input.add([event("a", 1), event("a", 1), event("b", 1), event("b", 100_000)]);
    let query = Busy::query()
        .stats(Stats::query().events(source))
        .to(sink)
        .trigger(Trigger::AvailableNow)
        .start()
        .await
        .expect("it starts");
    query.await_termination().await.expect("it ends by itself");
    let keys: Vec<_> = results.rows().into_iter().map(|stat| (stat.key, stat.n)).collect();
    assert_eq!(keys, [("a".to_owned(), 2)]);
}
