//! The socket source and a real server on this machine.

mod source_support;

use std::sync::Arc;

use source_support::{Checkpoint, Collected, Item, Number, Run, message};
use stream_runtime::Result;
use stream_runtime::engine::Clock;
use stream_runtime::prelude::*;
use stream_runtime::source::{Admission, Line, Offset, SocketFormat, SocketSource, Source};
use stream_runtime::testing::ManualClock;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

const NOW: Timestamp = Timestamp::from_secs(77);

async fn connect<F: SocketFormat<R>, R: Schema>(
    source: impl FnOnce(u16) -> SocketSource<F>,
    checkpoint: Checkpoint,
) -> (Run<SocketSource<F>>, TcpStream) {
    let server = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let source = source(server.local_addr().unwrap().port());
    let clock: Arc<dyn Clock> = ManualClock::new(NOW);
    let run = Run::start_at::<R>(source, checkpoint, &clock);
    let (run, accepted) = tokio::join!(run, server.accept());
    (run.unwrap(), accepted.unwrap().0)
}

fn text(port: u16) -> SocketSource<stream_runtime::source::Text> {
    SocketSource::connect("127.0.0.1", port)
}

fn json(port: u16) -> SocketSource<stream_runtime::source::Json> {
    SocketSource::json("127.0.0.1", port)
}

/// Waits until the source has received as many lines, and plans them as one batch.
async fn plan<F: SocketFormat<R>, R: Schema>(run: &mut Run<SocketSource<F>>, lines: u64) {
    loop {
        let offer = run.source.latest_offset(run.checkpoint.end(), Admission::Limited).await.unwrap();
        if let Some(offer) = offer.filter(|offer| offer.end.0.as_u64() >= Some(lines)) {
            run.checkpoint.ends.push(offer.end);
            return;
        }
        Source::<R>::arrival(&mut run.source).await;
    }
}

fn values(rows: Collected<Line>) -> Vec<String> {
    rows.rows().into_iter().map(|line| line.value).collect()
}

#[tokio::test]
async fn each_line_of_text_is_a_row_with_the_time_of_its_arrival() {
    let (mut run, mut server) = connect::<_, Line>(text, Checkpoint::default()).await;
    server.write_all(b"one\r\n\ntw").await.unwrap();
    plan(&mut run, 2).await;
    let rows = run.read().await.unwrap().rows();
    let line = |value: &str| Line { value: value.to_owned(), timestamp: NOW };
    assert_eq!(rows, [line("one"), line("")]);
    server.write_all(b"o\n").await.unwrap();
    plan(&mut run, 3).await;
    assert_eq!(run.read().await.unwrap().rows(), [line("two")]);
}

#[tokio::test]
async fn lines_can_be_replayed_until_they_are_committed() {
    let (mut run, mut server) = connect::<_, Line>(text, Checkpoint::default()).await;
    server.write_all(b"one\ntwo\n").await.unwrap();
    plan(&mut run, 2).await;
    for parallelism in [1, 2, 7] {
        run.parallelism = parallelism;
        assert_eq!(values(run.read().await.unwrap()), ["one", "two"]);
    }
    run.commit().await.unwrap();
    let error = message(run.read().await.map(|rows: Collected<Line>| rows));
    assert!(error.contains("lines 1 to 2 of an earlier run were never committed"), "{error}");
}

#[tokio::test]
async fn lines_of_json_keep_their_place_and_any_bytes() {
    let (mut run, mut server) = connect::<_, Number>(json, Checkpoint::default()).await;
    server.write_all(b"1\n\xff\n3\n").await.unwrap();
    plan::<_, Number>(&mut run, 3).await;
    let line = |bytes: &[u8], line, offset| Item::Line(bytes.to_vec(), Some(line), offset);
    let collected = run.read::<Number>().await.unwrap();
    assert_eq!(collected.items, [line(b"1", 1, 0), line(b"\xff", 2, 2), line(b"3", 3, 4)]);
    assert!(collected.sources[0].starts_with("127.0.0.1:"));
}

#[tokio::test]
async fn a_line_of_text_that_is_too_long_or_no_text_is_malformed() {
    let (mut run, mut server) = connect::<_, Line>(text, Checkpoint::default()).await;
    let mut sent = vec![b'x'; (1 << 20) + 1];
    sent.extend_from_slice(b"\na\xff\nb\n");
    let (written, ()) = tokio::join!(server.write_all(&sent), plan(&mut run, 3));
    written.unwrap();
    let items = run.read().await.unwrap().items;
    assert_eq!(
        items[0],
        Item::Malformed(vec![b'x'; 4096], Some(1), "the line is longer than 1048576 bytes".to_owned())
    );
    let Item::Malformed(bytes, Some(2), reason) = &items[1] else { panic!("{:?}", items[1]) };
    assert!(bytes == b"a\xff" && reason.starts_with("the line isn't UTF-8"), "{reason}");
    assert_eq!(items[2], Item::Row(Line { value: "b".to_owned(), timestamp: NOW }));
}

#[tokio::test]
async fn a_stream_that_ends_has_been_read_to_its_end() {
    let (mut run, mut server) = connect::<_, Line>(text, Checkpoint::default()).await;
    server.write_all(b"one\nlast").await.unwrap();
    drop(server);
    plan(&mut run, 2).await;
    assert_eq!(values(run.read().await.unwrap()), ["one", "last"]);
    assert!(Source::<Line>::is_caught_up(&run.source));
    assert!(!run.advance::<Line>(Admission::Limited).await.unwrap());
}

#[tokio::test]
async fn the_sender_waits_while_too_much_waits_to_be_committed() {
    let (mut run, mut server) = connect::<_, Line>(text, Checkpoint::default()).await;
    let line = [vec![b'x'; 99_999], b"\n".to_vec()].concat();
    let sent = 600_u64;
    let sending = tokio::spawn(async move {
        for _ in 0..sent {
            server.write_all(&line).await.unwrap();
        }
    });
    let (mut received, mut batches) = (0, 0);
    while received < sent {
        plan(&mut run, received + 1).await;
        let rows = run.read().await.unwrap();
        // 16 MiB, and what one more reading adds.
        assert!(values(rows).len() < 170);
        received = run.checkpoint.end().unwrap().0.as_u64().unwrap();
        run.commit().await.unwrap();
        batches += 1;
    }
    sending.await.unwrap();
    assert!(batches > 3);
}

#[tokio::test]
async fn what_an_earlier_run_had_not_committed_is_an_error_and_what_it_had_is_behind() {
    let (mut run, mut server) = connect::<_, Line>(text, Checkpoint::default()).await;
    server.write_all(b"one\ntwo\n").await.unwrap();
    plan(&mut run, 2).await;

    let (mut run, mut server) = connect::<_, Line>(text, run.checkpoint).await;
    let replay: Result<Collected<Line>> = run.read().await;
    assert!(message(replay).contains("lines 1 to 2 of an earlier run were never committed"));
    server.write_all(b"three\n").await.unwrap();
    plan(&mut run, 3).await;
    assert_eq!(values(run.read().await.unwrap()), ["three"]);
}

#[tokio::test]
async fn available_now_stops_at_what_was_received() {
    let (mut run, mut server) = connect::<_, Line>(text, Checkpoint::default()).await;
    server.write_all(b"one\n").await.unwrap();
    plan(&mut run, 1).await;
    Source::<Line>::prepare_available_now(&mut run.source).await.unwrap();
    server.write_all(b"two\n").await.unwrap();
    while Source::<Line>::is_caught_up(&run.source) {
        tokio::task::yield_now().await;
    }
    assert!(!run.advance::<Line>(Admission::Limited).await.unwrap());
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error() {
    let server = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = server.local_addr().unwrap().port();
    drop(server);
    let error = message(Run::start::<Line>(text(port), Checkpoint::default()).await);
    assert!(
        error.starts_with(&format!("source `SocketSource[127.0.0.1:{port}]`: connecting failed: ")),
        "{error}"
    );
}

#[tokio::test]
async fn a_connection_that_is_lost_is_an_error_once_its_lines_are_read() {
    let (mut run, mut server) = connect::<_, Line>(text, Checkpoint::default()).await;
    server.write_all(b"one\n").await.unwrap();
    plan(&mut run, 1).await;
    // Without lingering, closing resets the connection.
    server.set_zero_linger().unwrap();
    drop(server);
    let error = loop {
        match run.source.latest_offset(run.checkpoint.end(), Admission::Limited).await {
            Ok(offer) => assert!(offer.is_none()),
            Err(error) => break error.to_string(),
        }
        run.source.arrival().await;
    };
    assert!(error.contains("the connection was lost: "), "{error}");
    assert_eq!(values(run.read().await.unwrap()), ["one"]);
}

#[tokio::test]
async fn an_offset_of_another_source_is_refused() {
    let checkpoint = Checkpoint { log: Vec::new(), ends: vec![Offset("x".into())] };
    let error = message(Run::start::<Line>(text(1), checkpoint).await);
    assert!(error.contains("`\"x\"`, which is no offset of a socket source"), "{error}");
}
