use serde::{Deserialize, Serialize};
use stream_runtime::Result;
use stream_runtime::expr::{Accumulator, Unfinished};
use stream_runtime::operator::windowing::*;
use stream_runtime::plan::*;
use stream_runtime::prelude::*;
use stream_runtime::schema::*;
use stream_runtime::state::key::*;


#[derive(Schema, Debug, Clone)]
struct Click { user_id: String, page: String, amount: Option<f64>, timestamp: Timestamp }
#[derive(Schema, Clone, Debug, PartialEq)]
struct Stat { window: Window, page: String, views: u64, total: Option<f64>, visitors: u64 }
use stream_runtime::expr::{CountRows as Count, Sum, CountDistinct as Distinct};
fn plan() -> impl Plan<Row = Click, Output = Stat, Mode = Append> {
    const INFO: PlanInfo = PlanInfo {
        query: "q",
        inputs: &[InputInfo {
            name: "clicks",
            row: "Click",
            watermark: Some(WatermarkInfo { column: "timestamp", delay: minutes(2) }),
            columns: None,
        }],
        clauses: &[],
        operator: Some(OperatorInfo {
            name: "stateStoreSave",
            clause: "",
            window: None,
            aggregates: &[],
            event_time_key: true,
        }),
        select: "",
        having: None,
        mode: Mode::Append,
    };
    from::<Click, { 15 }>()
        .group_by(
            |click,
             groups: &mut stream_runtime::operator::groups::Groups<
                Tumbling<{ minutes(5).as_micros() }, 0>,
                _,
                _,
            >| {
                groups.observe(click.timestamp);
                if !(click.page != "x") {
                    return;
                }
                let upper = click.page.to_uppercase();
                let arg_1 = &click.amount;
                let arg_2 = &click.user_id;
                groups.update(
                    click.timestamp,
                    (&click.page, &upper),
                    |acc: &mut (Count, Sum<_>, Distinct<_>)| {
                        acc.0.update();
                        acc.1.update(arg_1);
                        acc.2.update(arg_2);
                    },
                );
            },
        )
        .select(INFO, |window, (page, _upper), acc| {
            let n = acc.0.finish()?;
            let t = acc.1.finish()?;
            let v = acc.2.finish()?;
            Ok(Some(Stat {
                window: IntoColumn::into_column(window),
                page: IntoColumn::into_column(page),
                views: IntoColumn::into_column(n),
                total: IntoColumn::into_column(t),
                visitors: v + page.len() as u64 * 0,
            }))
        })
}

#[tokio::test]
async fn inference() {

    let rows = |o: i64| (0..10).map(move |i| Click { user_id: format!("u{i}"), page: format!("p{}", i % 2), amount: Some(1.0), timestamp: Timestamp::from_secs(o + i) }).collect::<Vec<_>>();
    let mut t = stream_runtime::testing::TestQuery::open(|source, sink| stream_runtime::engine::QueryBuilder::new(plan(), source).to(sink).workers(2)).await.unwrap();
    t.add(rows(100));
    t.add(rows(1000));
    t.crash_at(stream_runtime::engine::Step::Written);
    t.run().await.unwrap();
    println!("{:?}", t.emitted());
    for p in t.progress() { println!("{}", p.json()); }
}
