//! Queries of every shape compile.

use stream_runtime::prelude::*;

#[derive(Schema)]
struct Click {
    user_id: String,
    page: String,
    action: String,
    amount: Option<f64>,
    timestamp: Timestamp,
}

#[derive(Schema)]
struct PageStat {
    window: Window,
    page: String,
    views: u64,
    visitors: u64,
}

stream_query! {
    /// Views and distinct visitors of every page, each five minutes.
    pub query PageStats(clicks: Click) -> PageStat {
        from click in clicks watermark(click.timestamp, minutes(2));
        where click.action == "view";
        group by window(click.timestamp, minutes(5)) as w, click.page;
        select PageStat {
            window: w,
            page: click.page,
            views: count(),
            visitors: count_distinct(click.user_id),
        };
        output append;
    }
}

#[derive(Schema)]
struct Purchase {
    page: String,
    amount: f64,
}

stream_query! {
    query Purchases(clicks: Click) -> Purchase {
        from c in clicks;
        let amount = c.amount.unwrap_or(0.0) * 1.2;
        where amount > 0.0;
        select Purchase { page: c.page, amount };
        output append;
    }
}

#[derive(Schema)]
struct WordCount {
    word: String,
    count: u64,
}

stream_query! {
    query Words(lines: Click) -> WordCount {
        from line in lines;
        explode word in line.page.split('/');
        group by word unbounded;
        select WordCount { word, count: count() };
        having count > 1;
        output complete;
    }
}

#[test]
fn a_query_explains_itself_in_the_words_of_its_clauses() {
    let expected = "\
PageStats
└─ output append
   └─ select PageStat { window: w, page: page, views: count(), visitors: count_distinct(user_id) }
      └─ group by window(timestamp, minutes(5)), page
         ·  windows of 5 min
         ·  aggregates count(), count_distinct(user_id)
         ·  state is bounded: the watermark closes groups
         └─ where action == \"view\"
            └─ from clicks: Click
               ·  watermark 2 min behind timestamp
               ·  reads timestamp, action, page, user_id
";
    assert_eq!(PageStats::explain().to_string(), expected);
}

#[test]
fn a_query_without_groups_explains_that_it_has_no_state() {
    let expected = "\
Purchases
└─ output append
   └─ select Purchase { page: page, amount }
      └─ where amount > 0.0
         └─ let amount = amount.unwrap_or(0.0) * 1.2
            └─ from clicks: Click
               ·  no watermark
               ·  reads amount, page
";
    assert_eq!(Purchases::explain().to_string(), expected);
}

#[test]
fn explode_and_having_show_in_the_plan() {
    let text = Words::explain().to_string();
    assert!(text.contains("having count > 1\n"), "{text}");
    assert!(text.contains("explode word in page.split('/')\n"), "{text}");
    assert!(text.contains("state keeps every group"), "{text}");
}

#[tokio::test]
async fn an_exploded_row_counts_once_for_each_item_and_having_filters_groups() {
    let click = |page: &str| Click {
        user_id: String::new(),
        page: page.to_owned(),
        action: String::new(),
        amount: None,
        timestamp: Timestamp::UNIX_EPOCH,
    };
    let (results, sink) = MemorySink::new();
    let (input, source) = MemorySource::new();
    input.add([click("a/b/a"), click("b/c")]);
    let query = Words::query()
        .lines(source)
        .to(sink)
        .trigger(Trigger::AvailableNow)
        .start()
        .await
        .expect("the query starts");
    query.await_termination().await.expect("the query ends");
    let mut counts: Vec<_> = results.rows().into_iter().map(|row: WordCount| (row.word, row.count)).collect();
    counts.sort();
    assert_eq!(counts, [("a".to_owned(), 2), ("b".to_owned(), 2)]);
}
