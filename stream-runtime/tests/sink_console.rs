//! What a batch looks like on the console.

mod sink_support;

use sink_support::{Output, Stat, append, batch, context, stat};
use stream_runtime::plan::Mode;
use stream_runtime::prelude::*;
use stream_runtime::sink::{ConsoleSink, Sink, SinkBatch};

async fn printed(sink: ConsoleSink, batch: SinkBatch<'_, Stat>) -> String {
    let output = Output::default();
    let mut sink = sink.to_writer(output.clone());
    Sink::<Stat>::open(&mut sink, context(1, batch.mode)).await.unwrap();
    sink.commit(batch).await.unwrap();
    output.take()
}

fn rows() -> Vec<Stat> {
    vec![stat("/home", 17, Some(0.25)), stat("/products/with-a-long-name/and-more", 4, None)]
}

#[tokio::test]
async fn a_table_takes_the_width_it_needs_and_numbers_are_right_aligned() {
    let text = printed(ConsoleSink::new(), batch(3, Mode::Append, &rows())).await;
    assert_eq!(
        text,
        "\
Batch: 3 · PageStats · append · watermark 1970-01-01T00:10:00.000Z · 2 rows
┌─────────────────────────────────────┬───────┬──────┐
│ page                                ┆ views ┆ mean │
╞═════════════════════════════════════╪═══════╪══════╡
│ /home                               ┆    17 ┆ 0.25 │
│ /products/with-a-long-name/and-more ┆     4 ┆ NULL │
└─────────────────────────────────────┴───────┴──────┘

"
    );
}

#[tokio::test]
async fn a_text_is_cut_where_the_table_would_be_too_wide() {
    let text = printed(ConsoleSink::new().width(40), batch(0, Mode::Update, &rows())).await;
    assert_eq!(
        text,
        "\
Batch: 0 · PageStats · update · watermark 1970-01-01T00:10:00.000Z · 2 rows
┌───────────────────────┬───────┬──────┐
│ page                  ┆ views ┆ mean │
╞═══════════════════════╪═══════╪══════╡
│ /home                 ┆    17 ┆ 0.25 │
│ /products/with-a-lon… ┆     4 ┆ NULL │
└───────────────────────┴───────┴──────┘

"
    );
}

#[tokio::test]
async fn a_text_is_wrapped_where_nothing_may_be_cut() {
    let text = printed(ConsoleSink::new().width(40).truncate(false), batch(0, Mode::Complete, &rows())).await;
    assert_eq!(
        text,
        "\
Batch: 0 · PageStats · complete · watermark 1970-01-01T00:10:00.000Z · 2 rows
┌───────────────────────┬───────┬──────┐
│ page                  ┆ views ┆ mean │
╞═══════════════════════╪═══════╪══════╡
│ /home                 ┆    17 ┆ 0.25 │
│ /products/with-a-long ┆     4 ┆ NULL │
│ -name/and-more        ┆       ┆      │
└───────────────────────┴───────┴──────┘

"
    );
}

#[tokio::test]
async fn columns_stand_below_each_other_where_a_table_has_no_room() {
    let text = printed(ConsoleSink::new().width(25), batch(0, Mode::Append, &rows())).await;
    assert_eq!(
        text,
        "\
Batch: 0 · PageStats · append · watermark 1970-01-01T00:10:00.000Z · 2 rows
─ row 1 ─────────────────
 page   /home
 views  17
 mean   0.25
─ row 2 ─────────────────
 page   /products/with-…
 views  4
 mean   NULL

"
    );
}

#[derive(Schema)]
struct Hourly {
    window: Window,
    day: Date,
    raw: Vec<u8>,
    count: Option<u32>,
    open: bool,
}

fn hourly(count: Option<u32>) -> Hourly {
    let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let window = Window { start, end: start + hours(1) };
    Hourly { window, day: start.date(), raw: b"ab".to_vec(), count, open: true }
}

#[tokio::test]
async fn no_line_of_a_table_is_wider_than_the_terminal() {
    let rows = [hourly(Some(4_294_967_295)), hourly(None)];
    for truncate in [true, false] {
        for width in 1..=130 {
            let output = Output::default();
            let mut sink = ConsoleSink::new().width(width).truncate(truncate).to_writer(output.clone());
            sink.commit(SinkBatch { id: 0, mode: Mode::Append, rows: &rows, removed: &[], watermark: None })
                .await
                .unwrap();
            let text = output.take();
            let widest = text.lines().skip(1).map(|line| line.chars().count()).max().unwrap();
            // Below this not even a name and a few characters stand side by side.
            assert!(widest <= usize::from(width.max(20)), "{width}:\n{text}");
        }
    }
}

#[tokio::test]
async fn every_type_of_column_has_its_text() {
    let rows = [hourly(Some(7)), hourly(None)];
    let output = Output::default();
    let mut sink = ConsoleSink::new().to_writer(output.clone());
    sink.commit(SinkBatch { id: 0, mode: Mode::Append, rows: &rows, removed: &[], watermark: None })
        .await
        .unwrap();
    assert_eq!(
        output.take(),
        "\
Batch: 0 · append · 2 rows
┌──────────────────────────────────────────────────────┬────────────┬──────┬───────┬──────┐
│ window                                               ┆ day        ┆ raw  ┆ count ┆ open │
╞══════════════════════════════════════════════════════╪════════════╪══════╪═══════╪══════╡
│ [2026-01-01T00:00:00.000Z, 2026-01-01T01:00:00.000Z) ┆ 2026-01-01 ┆ YWI= ┆     7 ┆ true │
│ [2026-01-01T00:00:00.000Z, 2026-01-01T01:00:00.000Z) ┆ 2026-01-01 ┆ YWI= ┆  NULL ┆ true │
└──────────────────────────────────────────────────────┴────────────┴──────┴───────┴──────┘

"
    );
}

#[tokio::test]
async fn the_last_line_says_how_many_rows_are_not_shown() {
    let many: Vec<_> = (0..23).map(|n| stat("/", n, None)).collect();
    let text = printed(ConsoleSink::new(), batch(0, Mode::Append, &many)).await;
    assert!(
        text.ends_with("│ /    ┆    19 ┆ NULL │\n└──────┴───────┴──────┘\n… and 3 more rows\n\n"),
        "{text}"
    );
    let text = printed(ConsoleSink::new().num_rows(22), batch(0, Mode::Append, &many)).await;
    assert!(text.ends_with("… and 1 more row\n\n"), "{text}");
    let text = printed(ConsoleSink::new().num_rows(0), batch(0, Mode::Append, &many)).await;
    assert!(text.ends_with("23 rows\n… and 23 more rows\n\n"), "{text}");
}

#[tokio::test]
async fn a_batch_without_rows_is_one_line() {
    let empty = SinkBatch { watermark: None, ..batch(8, Mode::Append, &[]) };
    assert_eq!(printed(ConsoleSink::new(), empty).await, "Batch: 8 · PageStats · append · no rows\n");
}

#[tokio::test]
async fn wide_characters_count_as_two_columns() {
    let text = printed(
        ConsoleSink::new().width(35),
        batch(0, Mode::Append, &[stat("서울특별시강남구역삼동", 1, None)]),
    )
    .await;
    assert!(text.contains("\n│ 서울특별시강남…  ┆     1 ┆ NULL │\n"), "{text}");
}

#[tokio::test]
async fn a_row_can_not_act_on_the_terminal() {
    let rows = [stat("a\u{1b}[31mred\nb\t\u{202e}c", 1, None)];
    let text = printed(ConsoleSink::new(), batch(0, Mode::Append, &rows)).await;
    assert!(text.contains(r"│ a\u{1b}[31mred\nb\t\u{202e}c ┆"), "{text}");
}

#[tokio::test]
async fn a_batch_is_printed_once_a_run() {
    let output = Output::default();
    let mut sink = ConsoleSink::new().to_writer(output.clone());
    append(&mut sink, 0, &rows()).await.unwrap();
    assert_ne!(output.take(), "");
    append(&mut sink, 0, &rows()).await.unwrap();
    assert_eq!(output.take(), "");
}

#[tokio::test]
async fn a_closed_output_is_the_batch_s_error() {
    struct Closed;
    impl std::io::Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let error = append(&mut ConsoleSink::new().to_writer(Closed), 4, &rows()).await.unwrap_err();
    assert_eq!(error.to_string(), "sink `ConsoleSink`: printing batch 4 failed: broken pipe");
}
