//! Click-through rates: impressions joined with the clicks of the next half hour, counted by ad and hour, and alerts for
//! the rates above 5 %.
//!
//! `cargo run --example ad_ctr` — needs nothing, and ends by itself. With `--features kafka` the alerts go into a topic, too.

#[cfg(feature = "kafka")]
#[path = "support/kafka.rs"]
mod kafka;

use std::path::Path;

use stream_runtime::prelude::*;

#[derive(Schema)]
struct Impression {
    impression_id: u64,
    ad_id: String,
    user_id: u64,
    impression_time: Timestamp,
}

#[derive(Schema)]
struct Click {
    ad_id: String,
    user_id: u64,
    click_time: Timestamp,
}

#[derive(Schema)]
struct AdRate {
    window: Window,
    ad_id: String,
    impressions: u64,
    clicked: u64,
    rate: f64,
}

stream_query! {
    /// Which part of an hour's impressions was clicked at within half an hour. Of several clicks at one impression one
    /// counts.
    query AdRates(impressions: Impression, clicks: Click) -> AdRate {
        from i in impressions watermark(i.impression_time, minutes(10));
        left join c in clicks watermark(c.click_time, minutes(10))
            on c.ad_id == i.ad_id && c.user_id == i.user_id
            within c.click_time in i.impression_time ..= i.impression_time + minutes(30);
        group by window(i.impression_time, hours(1)) as w, i.ad_id;
        select AdRate {
            window: w,
            ad_id: i.ad_id,
            impressions: count_distinct(i.impression_id),
            clicked: count_distinct(c.map(|_| i.impression_id)),
            rate: count_distinct(c.map(|_| i.impression_id)) as f64 / count_distinct(i.impression_id) as f64,
        };
        output append;
    }
}

/// In a topic, the ad is the message's key.
#[derive(Schema)]
struct Alert {
    #[schema(kafka = "key")]
    ad_id: String,
    since: Timestamp,
    percent: f64,
}

stream_query! {
    /// A query over another one's result. Both are one pipeline, with one checkpoint.
    query Alerts() -> Alert {
        from r in query AdRates;
        where r.rate > 0.05;
        select Alert { ad_id: r.ad_id, since: r.window.start, percent: r.rate * 100.0 };
        output append;
    }
}

/// Minutes after 12:00.
fn at(minute: u64) -> Timestamp {
    Timestamp::from_secs(1_767_268_800 + minute.cast_signed() * 60)
}

/// Two and a half hours of impressions, one a minute of each ad, and clicks at every `every`-th of them; as JSON lines, a file for each half hour.
fn write(directory: &Path) -> std::io::Result<()> {
    for half_hour in 0..5 {
        let (mut impressions, mut clicks) = (String::new(), String::new());
        for minute in half_hour * 30..(half_hour + 1) * 30 {
            for (ad, id, every) in [(0, "shoes", 10), (1, "books", 30), (2, "tea", 15)] {
                let (id_of, user, time) = (minute * 3 + ad, 1_000 + minute, at(minute));
                let impression = format!(
                    "{{\"impression_id\":{id_of},\"ad_id\":\"{id}\",\"user_id\":{user},\"impression_time\":\"{time}\"}}\n"
                );
                impressions += &impression;
                if minute % every == 0 {
                    let time = at(minute + 2);
                    let click =
                        format!("{{\"ad_id\":\"{id}\",\"user_id\":{user},\"click_time\":\"{time}\"}}\n");
                    // Somebody clicks at shoes twice.
                    clicks += &click.repeat(if id == "shoes" { 2 } else { 1 });
                }
            }
        }
        for (input, rows) in [("impressions", impressions), ("clicks", clicks)] {
            std::fs::create_dir_all(directory.join(input))?;
            std::fs::write(directory.join(input).join(format!("{half_hour}.jsonl")), rows)?;
        }
    }
    Ok(())
}

#[tokio::main]
async fn main() -> stream_runtime::Result<()> {
    let directory = tempfile::tempdir().expect("a directory for the example's files can be made");
    write(directory.path()).expect("the example's input can be written");
    let files = |input: &str| FileSource::json(directory.path().join(input)).max_files_per_trigger(1);
    println!("{}", Alerts::explain());

    println!("=== the rates of every ad\n");
    let rates = AdRates::query()
        .impressions(files("impressions"))
        .clicks(files("clicks"))
        .to(ConsoleSink::new().truncate(false))
        .trigger(Trigger::AvailableNow)
        .start()
        .await?;
    rates.await_termination().await?;

    println!("\n=== those above 5 %, as a service would be told of them\n");
    let rates = AdRates::query().impressions(files("impressions")).clicks(files("clicks"));
    let alerts = Alerts::query()
        .ad_rates(rates)
        .to(ForeachSink::new(|alert: &Alert| {
            println!(
                "ALERT: {:.1} % of the impressions of `{}` since {}",
                alert.percent, alert.ad_id, alert.since
            );
            Ok(())
        }))
        .trigger(Trigger::AvailableNow)
        .start()
        .await?;
    alerts.await_termination().await?;

    #[cfg(feature = "kafka")]
    {
        println!("\n=== the same in a topic\n");
        let mut kafka = kafka::Kafka::find();
        let topic = kafka.topic("alerts", 1).await;
        let rates = AdRates::query().impressions(files("impressions")).clicks(files("clicks"));
        let alerts = Alerts::query()
            .ad_rates(rates)
            .to(KafkaSink::new(kafka.servers()).topic(&topic))
            .checkpoint(directory.path().join("checkpoint"))
            .trigger(Trigger::AvailableNow)
            .start()
            .await?;
        alerts.await_termination().await?;
        kafka.print(&topic);
        kafka.delete_topics().await;
    }
    Ok(())
}
