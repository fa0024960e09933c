//! Two queries from topic to topic, killed again and again while messages come: each result is there exactly once.
//!
//! They run in a child process, which is killed (SIGKILL) at moments that a fixed seed draws, until the time is up: some seconds, or as
//! many as `KAFKA_SOAK_SECONDS` says. Then it may run to its end.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration as StdDuration, Instant};

use stream_runtime::engine::QueryBuilder;
use stream_runtime::plan::Plan;
use stream_runtime::prelude::*;
use stream_runtime::source::KafkaOffsets;

use crate::sink::{Seen, committed};
use crate::support::{Topic, servers, unique};

#[derive(Schema)]
struct Reading {
    sensor: String,
    n: i64,
    ts: Timestamp,
}

#[derive(Schema)]
struct PerMinute {
    #[schema(kafka = "key")]
    sensor: String,
    minute: Timestamp,
    readings: u64,
    sum: i64,
}

#[derive(Schema)]
struct Odd {
    #[schema(kafka = "key")]
    sensor: String,
    n: i64,
}

stream_query! {
    query PerMinutes(readings: Reading) -> PerMinute {
        from r in readings watermark(r.ts, minutes(20));
        group by window(r.ts, minutes(1)) as w, r.sensor;
        select PerMinute { sensor: r.sensor, minute: w.start, readings: count(), sum: sum(r.n) };
        output append;
    }
}

stream_query! {
    query Odds(readings: Reading) -> Odd {
        from r in readings;
        where r.n % 2 == 1;
        select Odd { sensor: r.sensor, n: r.n };
        output append;
    }
}

const PARTITIONS: i32 = 3;
/// A message a second of event time. What the partitions differ by is less than a chunk, and much less than the watermark's delay.
const CHUNK: i64 = 150;
const SENSORS: i64 = 7;

const TOPICS: &str = "STREAM_QUERY_TEST_SOAK_TOPICS";
const DIRECTORY: &str = "STREAM_QUERY_TEST_SOAK_DIRECTORY";
const TO_THE_END: &str = "STREAM_QUERY_TEST_SOAK_TO_THE_END";

/// Not a test of its own: the body of the child process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let (Ok(topics), Ok(directory)) = (std::env::var(TOPICS), std::env::var(DIRECTORY)) else { return };
    let [input, per_minute, odds] = &*topics.split(' ').collect::<Vec<_>>() else { panic!("three topics") };
    let source = || {
        // So few that a process is hardly ever killed while it has nothing to do.
        let limit = if std::env::var_os(TO_THE_END).is_some() { 3_000 } else { 60 };
        KafkaSource::new(servers())
            .subscribe([*input])
            .starting_offsets(KafkaOffsets::Earliest)
            .max_offsets_per_trigger(limit)
    };
    let per_minute = PerMinutes::query().readings(source()).to(KafkaSink::new(servers()).topic(*per_minute));
    let odds = Odds::query().readings(source()).to(KafkaSink::new(servers()).topic(*odds));
    let directory = Path::new(&directory);
    tokio::join!(run(per_minute, directory.join("per-minute")), run(odds, directory.join("odds")));
}

async fn run<P: Plan>(query: QueryBuilder<P>, checkpoint: PathBuf) {
    let to_the_end = std::env::var_os(TO_THE_END).is_some();
    let trigger = if to_the_end { Trigger::AvailableNow } else { Trigger::AsFastAsPossible };
    let query = query.checkpoint(checkpoint).trigger(trigger).start().await.unwrap();
    query.await_termination().await.unwrap();
}

fn spawn(topics: &str, directory: &Path, to_the_end: bool) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["soak::child", "--exact", "--nocapture"])
        .env(TOPICS, topics)
        .env(DIRECTORY, directory)
        .env(kafka_broker::VARIABLE, servers())
        .stdout(Stdio::null());
    if to_the_end {
        command.env(TO_THE_END, "");
    }
    command.spawn().unwrap()
}

fn time(n: i64) -> Timestamp {
    Timestamp::from_secs(1_767_225_600 + n)
}

fn sensor(n: i64) -> String {
    format!("s{}", n * n % SENSORS)
}

fn send(topic: &Topic, n: i64, at: i64) {
    let value = format!("{{\"sensor\":\"{}\",\"n\":{n},\"ts\":\"{}\"}}", sensor(n), time(at));
    topic.send((n % i64::from(PARTITIONS)) as i32, value);
}

/// Draws from 0 up to `bound`, by a fixed seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Writes messages, and kills the child meanwhile, until time is up; gives how many messages there are, and how many times it was killed.
fn soak(input: &Topic, topics: &str, directory: &Path) -> (i64, u32) {
    let seconds = std::env::var("KAFKA_SOAK_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let end = Instant::now() + StdDuration::from_secs(seconds.unwrap_or(20));
    let mut random = Random(20_261_124);
    let (mut n, mut kills) = (0, 0);
    while Instant::now() < end {
        let mut child = spawn(topics, directory, false);
        // From before the client is connected to some batches later.
        let killed = Instant::now() + StdDuration::from_millis(100 + random.below(2_400));
        while Instant::now() < killed {
            for _ in 0..CHUNK {
                send(input, n, n);
                n += 1;
            }
            input.flush();
            std::thread::sleep(StdDuration::from_millis(20));
        }
        assert!(child.try_wait().unwrap().is_none(), "the child has ended by itself");
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
    }
    (n, kills)
}

/// The committed messages of a topic: keys and values.
fn messages(topic: &Topic) -> Vec<(String, serde_json::Value)> {
    let parsed = |seen: &Seen| {
        let key = String::from_utf8(seen.key.clone().unwrap()).unwrap();
        (key, serde_json::from_str(seen.value_text()).unwrap())
    };
    committed(&topic.servers, &topic.name).iter().map(parsed).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_result_is_there_once_however_often_the_process_is_killed() {
    let input = Topic::with(servers(), &unique("readings"), PARTITIONS, &[]).await;
    let (per_minute, odds) = (Topic::new(1).await, Topic::new(1).await);
    let topics = format!("{} {} {}", input.name, per_minute.name, odds.name);
    let directory = tempfile::tempdir().unwrap();
    let (count, kills) = tokio::task::block_in_place(|| {
        let (count, kills) = soak(&input, &topics, directory.path());
        // Far ahead, so that all windows before are final.
        for n in count..count + i64::from(PARTITIONS) {
            send(&input, n, n + 1_000_000);
        }
        input.flush();
        let status = spawn(&topics, directory.path(), true).wait().unwrap();
        assert!(status.success(), "the last run ends well");
        (count, kills)
    });
    println!("{count} messages, {kills} kills");
    assert!(kills > 3 && count > 1_000, "{kills} kills and {count} messages are no soak");

    // `n` is written once for each odd reading, also for those far ahead.
    let mut found: Vec<i64> = messages(&odds)
        .iter()
        .map(|(key, value)| {
            let n = value["n"].as_i64().unwrap();
            assert_eq!(*key, sensor(n));
            n
        })
        .collect();
    found.sort_unstable();
    let expected: Vec<i64> = (0..count + i64::from(PARTITIONS)).filter(|n| n % 2 == 1).collect();
    assert!(found == expected, "{} odd readings, {} of them there", expected.len(), found.len());

    let mut expected: BTreeMap<(String, String), (u64, i64)> = BTreeMap::new();
    for n in 0..count {
        let minute = time(n - n % 60).to_string();
        let window = expected.entry((sensor(n), minute)).or_default();
        *window = (window.0 + 1, window.1 + n);
    }
    let windows = messages(&per_minute);
    assert_eq!(windows.len(), expected.len(), "each window once");
    let found: BTreeMap<_, _> = windows
        .into_iter()
        .map(|(key, value)| {
            let minute = value["minute"].as_str().unwrap().to_owned();
            ((key, minute), (value["readings"].as_u64().unwrap(), value["sum"].as_i64().unwrap()))
        })
        .collect();
    assert!(found == expected, "windows differ from those of a naive evaluation");
}
