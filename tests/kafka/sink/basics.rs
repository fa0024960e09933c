//! From topic to topic, once.

use stream_runtime::prelude::*;

use crate::Numbers;
use crate::support::Topic;

#[tokio::test]
async fn rows_go_from_topic_to_topic_once_over_restarts() {
    let (input, output) = (Topic::new(2).await, Topic::new(3).await);
    let directory = tempfile::tempdir().unwrap();
    let mut expected = Vec::new();
    for round in 0..3 {
        let numbers = round * 10..round * 10 + 10;
        input.numbers((round % 2) as i32, numbers.clone());
        expected.extend(numbers);
        let query = Numbers::query()
            .numbers(input.source())
            .to(KafkaSink::new(&output.servers).topic(&output.name))
            .checkpoint(directory.path())
            .trigger(Trigger::AvailableNow)
            .start()
            .await
            .unwrap();
        query.await_termination().await.unwrap();
        assert_eq!(output.committed_numbers(), expected);
    }
}
