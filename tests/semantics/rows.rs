//! Queries without groups.

use stream_runtime::prelude::*;
use stream_runtime::testing::TestQuery;

use super::at;

#[derive(Schema, Clone, Debug, PartialEq)]
struct Page {
    url: String,
    tags: Vec<String>,
    size: Option<u32>,
    ts: Timestamp,
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Tag {
    url: String,
    name: String,
    kilobytes: Option<u32>,
}

fn page(url: &str, tags: &[&str], size: Option<u32>) -> Page {
    Page { url: url.to_owned(), tags: tags.iter().map(|tag| (*tag).to_owned()).collect(), size, ts: at(1) }
}

fn tag(url: &str, tag: &str, kilobytes: Option<u32>) -> Tag {
    Tag { url: url.to_owned(), name: tag.to_owned(), kilobytes }
}

stream_query! {
    query Tags(pages: Page) -> Tag {
        from p in pages;
        where !p.url.starts_with("/internal");
        let kilobytes = p.size.map(|size| size / 1024);
        explode tag in p.tags;
        where tag != "draft";
        select Tag { url: p.url, name: tag, kilobytes };
        output append;
    }
}

stream_query! {
    query TagsUpdate(pages: Page) -> Tag {
        from p in pages;
        where !p.url.starts_with("/internal");
        let kilobytes = p.size.map(|size| size / 1024);
        explode tag in p.tags;
        where tag != "draft";
        select Tag { url: p.url, name: tag, kilobytes };
        output update;
    }
}

stream_query! {
    query Large(pages: Page) -> Page {
        from p in pages watermark(p.ts, seconds(1));
        where p.size > Some(100);
        select p;
        output append;
    }
}

fn pages() -> [Page; 4] {
    [
        page("/a", &["new", "draft", "sale"], Some(2048)),
        page("/internal/b", &["new"], Some(1)),
        page("/c", &[], Some(1)),
        page("/d", &["sale", "sale"], None),
    ]
}

fn tags() -> [Tag; 4] {
    [tag("/a", "new", Some(2)), tag("/a", "sale", Some(2)), tag("/d", "sale", None), tag("/d", "sale", None)]
}

#[tokio::test]
async fn each_item_of_an_exploded_list_is_a_row_and_filters_apply_where_they_stand() {
    let mut test =
        TestQuery::open(|source, sink| Tags::query().pages(source).to(sink)).await.expect("it opens");
    test.add(pages());
    test.expect(tags()).await;
    // Nothing is remembered: the same rows again are the same results again.
    test.restart().await.expect("it opens again");
    test.add(pages());
    test.expect(tags()).await;
}

#[tokio::test]
async fn update_and_append_are_the_same_without_groups() {
    let mut test =
        TestQuery::open(|source, sink| TagsUpdate::query().pages(source).to(sink)).await.expect("it opens");
    test.add(pages());
    test.expect(tags()).await;
}

#[tokio::test]
async fn rows_come_out_in_input_order_whatever_the_number_of_workers() {
    for workers in [1, 2, 7] {
        let mut test = TestQuery::open(|source, sink| Tags::query().pages(source).to(sink).workers(workers))
            .await
            .expect("it opens");
        let many = (0..50).map(|n| page(&format!("/{n}"), &["t"], None));
        test.add(many);
        test.run().await.expect("it runs");
        let urls: Vec<_> = test.emitted().into_iter().map(|tag| tag.url).collect();
        let expected: Vec<_> = (0..50).map(|n| format!("/{n}")).collect();
        assert_eq!(urls, expected, "{workers} workers");
    }
}

#[tokio::test]
async fn a_whole_row_can_be_selected_and_no_row_of_a_query_without_groups_is_late() {
    let mut test =
        TestQuery::open(|source, sink| Large::query().pages(source).to(sink)).await.expect("it opens");
    let row = |size, second| Page { ts: at(second), ..page("/a", &["x", "y"], size) };
    test.add([row(Some(101), 1_000), row(Some(100), 1_000), row(None, 1_000)]);
    test.expect([row(Some(101), 1_000)]).await;
    test.add([row(Some(500), 2)]);
    test.expect([row(Some(500), 2)]).await;
    // Nor does a moved watermark make it run a batch without data.
    assert_eq!(test.progress().len(), 2);
    assert_eq!(test.progress()[1].event_time.watermark, Some(at(999)));
    assert!(test.progress()[1].state_operators.is_empty());
}

#[tokio::test]
async fn the_progress_counts_rows_in_and_rows_out() {
    let mut test =
        TestQuery::open(|source, sink| Tags::query().pages(source).to(sink)).await.expect("it opens");
    test.add(pages());
    test.run().await.expect("it runs");
    assert_eq!((test.progress()[0].num_input_rows, test.progress()[0].sink.num_output_rows), (4, 4));
}
