use serde::{Deserialize, Serialize};
use stream_runtime::Result;
use stream_runtime::expr::{Accumulator, Unfinished};
use stream_runtime::operator::windowing::*;
use stream_runtime::plan::*;
use stream_runtime::prelude::*;
use stream_runtime::schema::*;
use stream_runtime::state::key::*;

struct Click {
    user_id: String,
    page: String,
    amount: Option<f64>,
    timestamp: Timestamp,
}
#[derive(Clone, Copy)]
struct ClickView<'a> {
    user_id: &'a str,
    page: &'a str,
    amount: Option<f64>,
    timestamp: Timestamp,
}
macro_rules! rest {
    ($v:ident) => {
        const NAME: &'static str = "";
        const FIELDS: &'static [Field] = &[];
        fn decode_json<'a, const C: u128>(_: &'a str, _: &'a Arena) -> Result<Self::View<'a>, RowError> {
            todo!()
        }
        fn decode_csv<'a, const C: u128>(
            _: stream_runtime::format::csv::Record<'a>,
            _: &'a Arena,
        ) -> Result<Self::View<'a>, RowError> {
            todo!()
        }
        fn encode_json(&self, _: &mut Vec<u8>) {}
        fn encode_text(&self, _: &mut stream_runtime::format::TextRow) {}
    };
}
impl Schema for Click {
    type View<'a> = ClickView<'a>;
    fn view(&self) -> ClickView<'_> {
        ClickView { user_id: &self.user_id, page: &self.page, amount: self.amount, timestamp: self.timestamp }
    }
    fn from_view(v: ClickView<'_>) -> Self {
        Click { user_id: v.user_id.into(), page: v.page.into(), amount: v.amount, timestamp: v.timestamp }
    }
    rest!(v);
}
#[derive(Clone, Debug)]
struct Stat {
    window: Window,
    page: String,
    views: u64,
    total: Option<f64>,
    visitors: u64,
}
impl Schema for Stat {
    type View<'a> = ();
    fn view(&self) {}
    fn from_view(_: ()) -> Self {
        todo!()
    }
    rest!(v);
}
#[derive(Default, Clone, Serialize, Deserialize)]
struct Count(u64);
impl Accumulator for Count {
    fn merge(&mut self, o: Self) {
        self.0 += o.0
    }
}
impl Count {
    fn update(&mut self) {
        self.0 += 1
    }
    fn finish(&self) -> Result<u64, Unfinished> {
        Ok(self.0)
    }
}
trait Summable {
    type Total: Default + Clone + Send + Sync + Serialize + serde::de::DeserializeOwned + 'static;
    fn add(&self, t: &mut Self::Total);
    fn merge(a: &mut Self::Total, b: Self::Total);
}
impl Summable for f64 {
    type Total = f64;
    fn add(&self, t: &mut f64) {
        *t += self
    }
    fn merge(a: &mut f64, b: f64) {
        *a += b
    }
}
impl Summable for Option<f64> {
    type Total = Option<f64>;
    fn add(&self, t: &mut Option<f64>) {
        if let Some(v) = self {
            *t = Some(t.unwrap_or(0.) + v)
        }
    }
    fn merge(_: &mut Option<f64>, _: Option<f64>) {}
}
#[derive(Clone, Serialize, Deserialize)]
#[serde(bound = "")]
struct Sum<T: Summable>(T::Total);
impl<T: Summable> Default for Sum<T> {
    fn default() -> Self {
        Sum(Default::default())
    }
}
impl<T: Summable + Clone + Send + Sync + 'static> Accumulator for Sum<T> {
    fn merge(&mut self, o: Self) {
        T::merge(&mut self.0, o.0)
    }
}
impl<T: Summable> Sum<T> {
    fn update(&mut self, v: &T) {
        v.add(&mut self.0)
    }
    fn finish(&self) -> Result<T::Total, Unfinished> {
        Ok(self.0.clone())
    }
}
#[derive(Clone, Serialize, Deserialize)]
#[serde(bound = "")]
struct Distinct<K: OwnedKey>(std::collections::BTreeSet<K>);
impl<T: OwnedKey> Default for Distinct<T> {
    fn default() -> Self {
        Distinct(Default::default())
    }
}
impl<T: OwnedKey> Accumulator for Distinct<T> {
    fn merge(&mut self, o: Self) {
        self.0.extend(o.0)
    }
}
impl<T: OwnedKey> Distinct<T> {
    fn update<Q: Key<Owned = T> + ?Sized>(&mut self, v: &Q) {
        self.0.insert(v.to_owned_key());
    }
    fn finish(&self) -> Result<u64, Unfinished> {
        Ok(self.0.len() as u64)
    }
}

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

#[test]
fn inference() {
    let plan = plan();
    let mut w = [plan.worker(7, 1)];
    let cx = BatchContext { batch: 0, late_micros: 0, evict_micros: 0, has_data: true };
    plan.begin(&mut w[0], &cx);
    let rows: Vec<_> = (0..10)
        .map(|i| Click {
            user_id: format!("u{i}"),
            page: format!("p{}", i % 2),
            amount: Some(1.0),
            timestamp: Timestamp::from_secs(100 + i),
        })
        .collect();
    let mut rejects = Default::default();
    plan.feed(&mut w[0], stream_runtime::source::Chunk::Rows(&rows), &mut rejects).unwrap();
    let out = plan.emit(&mut w, &BatchContext { evict_micros: 300_000_000, ..cx }).unwrap();
    println!("{:?} {:?} {:?}", out.rows, out.operator, plan.state_types());
    assert_eq!(out.rows.len(), 2);
}
