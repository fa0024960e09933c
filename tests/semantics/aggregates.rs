//! Every aggregate once through a query, the service's own too, with what it says of no value, of nulls, of several
//! workers, and after a restart.

use serde::{Deserialize, Serialize};
use stream_runtime::expr::Aggregate;
use stream_runtime::prelude::*;
use stream_runtime::testing::TestQuery;

#[derive(Schema, Clone, Debug, PartialEq)]
struct Sale {
    shop: String,
    buyer: String,
    price: i32,
    tip: Option<f64>,
}

/// The longest of some texts, which of them came first, and how many there were.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Longest {
    text: String,
    rows: u64,
}

impl Aggregate for Longest {
    type Input<'a> = &'a str;
    type Output = String;

    fn update(&mut self, text: &str) {
        self.rows += 1;
        if text.len() > self.text.len() {
            text.clone_into(&mut self.text);
        }
    }

    fn merge(&mut self, other: Self) {
        self.rows += other.rows;
        if other.text.len() > self.text.len() {
            self.text = other.text;
        }
    }

    fn finish(&self) -> String {
        format!("{} of {}", self.text, self.rows)
    }
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Report {
    shop: String,
    rows: u64,
    tips: u64,
    dear: u64,
    total: i64,
    total_tip: Option<f64>,
    mean: f64,
    mean_tip: Option<f64>,
    least: i32,
    most: i32,
    most_tip: Option<f64>,
    first: String,
    last: String,
    first_tip: Option<f64>,
    deviation: Option<f64>,
    deviation_samp: Option<f64>,
    deviation_pop: f64,
    variance: Option<f64>,
    variance_samp: Option<f64>,
    variance_pop: f64,
    buyers: u64,
    pairs: u64,
    about: u64,
    prices: Vec<i32>,
    given: Vec<f64>,
    set: Vec<String>,
    usual: String,
    cheapest: String,
    dearest: String,
    generous: Option<String>,
    some: bool,
    all: bool,
    longest: String,
}

stream_query! {
    query Reports(sales: Sale) -> Report {
        from s in sales;
        group by s.shop unbounded;
        select Report {
            shop: s.shop,
            rows: count(),
            tips: count(s.tip),
            dear: count_if(s.price > 5),
            total: sum(s.price),
            total_tip: sum(s.tip),
            mean: avg(s.price),
            mean_tip: avg(s.tip),
            least: min(s.price),
            most: max(s.price),
            most_tip: max(s.tip),
            first: first(s.buyer),
            last: last(s.buyer),
            first_tip: first(s.tip),
            deviation: stddev(s.price),
            deviation_samp: stddev_samp(s.price),
            deviation_pop: stddev_pop(s.price),
            variance: variance(s.price),
            variance_samp: var_samp(s.price),
            variance_pop: var_pop(s.price),
            buyers: count_distinct(s.buyer),
            pairs: count_distinct((s.buyer, s.price)),
            about: approx_count_distinct(s.buyer),
            prices: collect_list(s.price),
            given: collect_list(s.tip),
            set: collect_set(s.buyer),
            usual: mode(s.buyer),
            cheapest: min_by(s.buyer, s.price),
            dearest: max_by(s.buyer, s.price),
            generous: max_by(s.buyer, s.tip),
            some: any(s.price > 8),
            all: every(s.price > 8),
            longest: aggregate::<Longest>(s.buyer),
        };
        output update;
    }
}

fn sale(buyer: &str, price: i32, tip: Option<f64>) -> Sale {
    Sale { shop: "corner".to_owned(), buyer: buyer.to_owned(), price, tip }
}

/// Prices 2, 4, 4, 4, 5, 5, 7, 9: mean 5, population variance 4, sample variance 32/7.
fn sales() -> Vec<Sale> {
    vec![
        sale("ann", 2, None),
        sale("bob", 4, Some(0.5)),
        sale("ann", 4, None),
        sale("bob", 4, None),
        sale("christine", 5, Some(1.5)),
        sale("ann", 5, None),
        sale("bob", 7, Some(0.25)),
        sale("dora", 9, None),
    ]
}

fn report() -> Report {
    let samp = 32.0_f64 / 7.0;
    Report {
        shop: "corner".to_owned(),
        rows: 8,
        tips: 3,
        dear: 2,
        total: 40,
        total_tip: Some(2.25),
        mean: 5.0,
        mean_tip: Some(0.75),
        least: 2,
        most: 9,
        most_tip: Some(1.5),
        first: "ann".to_owned(),
        last: "dora".to_owned(),
        first_tip: None,
        deviation: Some(samp.sqrt()),
        deviation_samp: Some(samp.sqrt()),
        deviation_pop: 2.0,
        variance: Some(samp),
        variance_samp: Some(samp),
        variance_pop: 4.0,
        buyers: 4,
        // ann 2, 4, 5; bob 4, 7; christine 5; dora 9.
        pairs: 7,
        about: 4,
        prices: vec![2, 4, 4, 4, 5, 5, 7, 9],
        given: vec![0.5, 1.5, 0.25],
        set: ["ann", "bob", "christine", "dora"].map(str::to_owned).to_vec(),
        // Ann and Bob have bought three times each; the smaller name wins.
        usual: "ann".to_owned(),
        cheapest: "ann".to_owned(),
        dearest: "dora".to_owned(),
        generous: Some("christine".to_owned()),
        some: true,
        all: false,
        longest: "christine of 8".to_owned(),
    }
}

/// The doubles that merging in another order may round otherwise, within 1e-12.
fn rounded(mut report: Report) -> Report {
    let near = |value: f64| (value * 1e12).round() / 1e12;
    report.deviation = report.deviation.map(near);
    report.deviation_samp = report.deviation_samp.map(near);
    report.deviation_pop = near(report.deviation_pop);
    report.variance = report.variance.map(near);
    report.variance_samp = report.variance_samp.map(near);
    report.variance_pop = near(report.variance_pop);
    report
}

#[tokio::test]
async fn every_aggregate_gives_its_value_whatever_the_number_of_workers() {
    for workers in [1, 2, 3, 8] {
        let mut test =
            TestQuery::open(|source, sink| Reports::query().sales(source).to(sink).workers(workers))
                .await
                .expect("it opens");
        test.add(sales());
        test.run().await.expect("it runs");
        let reports: Vec<_> = test.emitted().into_iter().map(rounded).collect();
        assert_eq!(reports, [rounded(report())], "{workers} workers");
    }
}

#[tokio::test]
async fn every_aggregate_goes_on_from_its_stored_state() {
    let mut test =
        TestQuery::open(|source, sink| Reports::query().sales(source).to(sink)).await.expect("it opens");
    for sale in sales() {
        test.add([sale]);
        test.run().await.expect("it runs");
        test.restart().await.expect("it opens again");
    }
    let last = test.emitted().pop().expect("each batch emits");
    assert_eq!(rounded(last), rounded(report()));
}

#[tokio::test]
async fn a_sample_of_one_has_no_variance_and_tips_that_are_all_null_have_no_sum() {
    let mut test =
        TestQuery::open(|source, sink| Reports::query().sales(source).to(sink)).await.expect("it opens");
    test.add([sale("ann", 3, None)]);
    test.run().await.expect("it runs");
    let report = test.emitted().pop().expect("one row");
    assert_eq!((report.deviation, report.variance_samp), (None, None));
    assert_eq!((report.deviation_pop, report.variance_pop), (0.0, 0.0));
    assert_eq!((report.total_tip, report.mean_tip, report.most_tip), (None, None, None));
    assert_eq!((report.generous, report.given, report.tips), (None, vec![], 0));
}
