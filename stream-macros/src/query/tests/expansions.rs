//! One snapshot for each kind of query.

use super::assert_expansion;

#[test]
fn tumbling() {
    assert_expansion!(
        "tumbling",
        r#"
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
"#
    );
}

#[test]
fn sliding() {
    assert_expansion!(
        "sliding",
        r"
query Load(readings: Reading) -> Stat {
    from r in readings watermark(r.at, LATENESS);
    group by window(r.at, WIDTH, slide = minutes(1), start = seconds(30)), r.sensor;
    select Stat { window, sensor: r.sensor, mean: sum(r.value) / count() as f64, readings: count() };
    output update;
}
"
    );
}

#[test]
fn global() {
    assert_expansion!(
        "global",
        r"
query Totals(orders: Order) -> Total {
    from order in orders;
    select Total { orders: count(), revenue: sum(order.price * order.quantity as f64) };
    output complete;
}
"
    );
}

#[test]
fn stateless() {
    assert_expansion!(
        "stateless",
        r"
query Purchases(clicks: Click) -> Purchase {
    from c in clicks;
    let amount = c.amount.unwrap_or(0.0) * RATE;
    where amount > 0.0;
    select Purchase { page: c.page, amount, label: label(c.page) };
    output append;
}
"
    );
}

#[test]
fn passing_rows_on() {
    assert_expansion!(
        "passing_rows_on",
        r#"
pub(crate) query Views(clicks: Click) -> Click {
    from click in clicks watermark(click.timestamp, seconds(0));
    where click.action == "view";
    select click;
    output update;
}
"#
    );
}

#[test]
fn explode() {
    assert_expansion!(
        "explode",
        r"
query Words(lines: Line) -> WordCount {
    from line in lines;
    explode word in line.value.split(' ');
    where !word.is_empty();
    group by word unbounded;
    select WordCount { word, count: count() };
    output complete;
}
"
    );
}

#[test]
fn having() {
    assert_expansion!(
        "having",
        r#"
query Busy(clicks: Click) -> Stat {
    from click in clicks watermark(click.timestamp, minutes(2));
    let page = click.page.to_lowercase();
    group by window(click.timestamp, minutes(5)) as w, page;
    select Stat { label: format!("{page} at {}", w.start), views: count(), best: max_by(click.user_id, click.amount) };
    having views > 10 && avg(click.amount) > Some(1.0) && page != "home";
    output append;
}
"#
    );
}

#[test]
fn instants() {
    assert_expansion!(
        "instants",
        r"
query Ticks(clicks: Click) -> Tick {
    from click in clicks watermark(click.timestamp, seconds(10));
    group by click.timestamp, click.page as page;
    select Tick { at: click.timestamp, page: page, median: aggregate::<Median>(click.amount.unwrap_or(0.0)) };
    output append;
}
"
    );
}

#[test]
fn more_aggregates_than_a_tuple_holds() {
    assert_expansion!(
        "more_aggregates_than_a_tuple_holds",
        r"
query Wide(rows: Row) -> Out {
    from r in rows;
    select Out {
        a: sum(r.a), b: sum(r.b), c: sum(r.c), d: sum(r.d), e: sum(r.e), f: sum(r.f), g: sum(r.g),
        h: sum(r.h), i: sum(r.i), j: sum(r.j), k: sum(r.k), l: sum(r.l), m: sum(r.m), again: sum(r.a),
    };
    output update;
}
"
    );
}

#[test]
fn dedup_passing_rows_on() {
    assert_expansion!(
        "dedup_passing_rows_on",
        r#"
query Once(events: Event) -> Event {
    from event in events watermark(event.at, hours(1));
    where event.kind == "order";
    let id = event.id.trim();
    dedup by id, event.at;
    where event.amount > 0;
    select event;
    output append;
}
"#
    );
}

#[test]
fn dedup_before_a_window() {
    assert_expansion!(
        "dedup_before_a_window",
        r"
query Counts(events: Event) -> Count {
    from event in events watermark(event.at, hours(1));
    dedup by event.id within watermark;
    explode tag in event.tags.split(',');
    group by window(event.at, minutes(5)), tag;
    select Count { tag, count: count() };
    output update;
}
"
    );
}

#[test]
fn dedup_without_watermark() {
    assert_expansion!(
        "dedup_without_watermark",
        r"
query Users(events: Event) -> Total {
    from event in events;
    dedup by event.user_id unbounded;
    select Total { users: count() };
    output complete;
}
"
    );
}

#[test]
fn session() {
    assert_expansion!(
        "session",
        r"
query Visits(clicks: Click) -> Visit {
    from click in clicks watermark(click.timestamp, minutes(10));
    group by session(click.timestamp, minutes(30)) as visit, click.user_id;
    select Visit { from: visit.start, until: visit.end, user: click.user_id, clicks: count() };
    output append;
}
"
    );
}

#[test]
fn dedup_before_a_session() {
    assert_expansion!(
        "dedup_before_a_session",
        r"
query Visits(clicks: Click) -> Visit {
    from click in clicks watermark(click.timestamp, minutes(10));
    dedup by click.id, click.timestamp;
    group by click.user_id, session(click.timestamp, click.patience);
    select Visit { session, user: click.user_id, paid: sum(click.amount) };
    having sum(click.amount) > 1;
    output append;
}
"
    );
}

#[test]
fn process() {
    assert_expansion!(
        "process",
        r"
query Fraud(payments: Payment) -> Alert {
    from p in payments watermark(p.timestamp, minutes(2));
    where p.amount > 0.0;
    process by p.user_id with FraudRule { large: 500.0 };
    output append;
}
"
    );
}

#[test]
fn dedup_before_a_processor_of_a_query() {
    assert_expansion!(
        "dedup_before_a_processor_of_a_query",
        r"
query Fraud() -> Alert {
    from p in query Paid;
    dedup by p.id, p.timestamp;
    let user = p.user_id.trim();
    process by user, p.card with rules::FraudRule::new(LIMIT).strict();
    output append;
}
"
    );
}

#[test]
fn ordered_and_limited() {
    assert_expansion!(
        "ordered_and_limited",
        r"
query Top(clicks: Click) -> Stat {
    from click in clicks;
    group by click.page unbounded;
    select Stat { page: click.page, views: count() };
    order by views desc, page.len() + views as usize, page;
    limit TOP;
    output complete;
}
"
    );
}

#[test]
fn the_first_rows() {
    assert_expansion!(
        "the_first_rows",
        r"
query First(clicks: Click) -> Click {
    from click in clicks;
    select click;
    limit 100;
    output append;
}
"
    );
}

#[test]
fn mistakes_leave_the_items_and_the_bodies() {
    assert_expansion!(
        "mistakes_leave_the_items_and_the_bodies",
        r"
query Half(clicks: Click) -> Stat {
    from click in clicks watermark(click.timestamp, minutes(2));
    where click.;
    let page = click.page.to_lowercase();
    group by window(click.timestamp, minutes(5)), page;
    select Stat { page, views: count() };
    output apend;
}
"
    );
}

#[test]
fn mistakes_leave_the_bodies_of_joins() {
    assert_expansion!(
        "mistakes_leave_the_bodies_of_joins",
        r"
query Shipped(orders: Order, shipments: Shipment, payments: Payment, catalog: static Product) -> Row {
    from o in orders watermark(o.order_time, hours(2));
    where o.amount > 0.0;
    left join s in shipments watermark(s.ship_time, hours(3)) on s.order_id == o.id && s.weight > o.weight
        within s.ship_time in o.order_time ..= o.order_time + hours(24);
    right join p in payments watermark(p.paid, hours(1)) on p.paid == o.order_time;
    semi join t in query Returns on t.id == p.id unbounded;
    anti join c in catalog on c.id == p.product;
    select Row { order: o.map(|o| o.id), carrier: s.map(|s| s.carrier), paid: p.paid };
    output append;
}
"
    );
}

#[test]
fn late_rows_of_both_sides() {
    assert_expansion!(
        "late_rows_of_both_sides",
        r"
query Shipped(orders: Order, returns: Order, shipments: Shipment) -> Row {
    from o in orders union returns watermark(o.order_time, hours(2)) late into late_orders;
    join s in shipments watermark(s.ship_time, hours(3)) late into late_shipments
        on s.order_id == o.id within s.ship_time in o.order_time ..= o.order_time + hours(24);
    select Row { order: o.id, carrier: s.carrier };
    output append;
}
"
    );
}
