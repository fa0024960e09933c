//! One snapshot for each way to bring rows of several inputs together.

use super::assert_expansion;

#[test]
fn join() {
    assert_expansion!(
        "join",
        r#"
/// Each order with the parcels that left within a day.
pub query Shipped(orders: Order, shipments: Shipment) -> Shipping {
    from o in orders watermark(o.order_time, hours(2));
    where o.amount > 0.0;
    join s in shipments watermark(s.ship_time, hours(3))
        on s.order_id == o.id && s.weight <= o.weight && s.carrier != "own" && !o.is_gift
        within s.ship_time in o.order_time ..= o.order_time + hours(24);
    let delay = s.ship_time - o.order_time;
    select Shipping { order: o.id, carrier: s.carrier, delay };
    output append;
}
"#
    );
}

#[test]
fn left_join_with_values_in_the_condition() {
    assert_expansion!(
        "left_join_with_values_in_the_condition",
        r"
query Shipped(orders: Order, shipments: Shipment) -> Shipping {
    from o in orders watermark(o.order_time, hours(2));
    let weight = o.gross - TARE;
    let product = o.product.trim();
    left join s in shipments watermark(s.ship_time, hours(3))
        on (product, o.id) == (s.product, s.order_id) && s.weight <= weight
        within s.ship_time in o.order_time - SLACK .. o.order_time + LIMIT;
    select Shipping { order: o.id, product, carrier: s.map(|s| s.carrier) };
    output append;
}
"
    );
}

#[test]
fn chain_of_joins() {
    assert_expansion!(
        "chain_of_joins",
        r"
query Paid(orders: Order, shipments: Shipment, payments: Payment) -> Row {
    from o in orders watermark(o.at, hours(2));
    join s in shipments watermark(s.at, hours(3)) on s.order_id == o.id within s.at in o.at ..= o.at + hours(24);
    where s.weight > 0.0;
    let id = o.id;
    left join p in payments watermark(p.at, hours(1)) on p.order_id == id && p.amount >= s.price
        within p.at in o.at ..= o.at + hours(48);
    group by window(o.at, hours(1)), o.product;
    select Row { window, product: o.product, paid: sum(p.map(|p| p.amount)) };
    output append;
}
"
    );
}

#[test]
fn full_join() {
    assert_expansion!(
        "full_join",
        r"
query Both(orders: Order, payments: Payment) -> Row {
    from o in orders watermark(o.at, hours(2));
    full join p in payments watermark(p.at, hours(1)) on p.order_id == o.id && p.at == o.at;
    select Row { order: o.map(|o| o.id), payment: p.map(|p| p.id) };
    output append;
}
"
    );
}

#[test]
fn right_join_behind_another() {
    assert_expansion!(
        "right_join_behind_another",
        r"
query Returned(orders: Order, shipments: Shipment, returns: Return) -> Row {
    from o in orders watermark(o.at, hours(2));
    join s in shipments watermark(s.at, hours(3)) on s.order_id == o.id within s.at in o.at ..= o.at + hours(24);
    right join r in returns watermark(r.at, hours(1)) on r.shipment_id == s.id within r.at in s.at ..= s.at + days(7);
    select Row { order: o.map(|o| o.id), shipment: s.map(|s| s.id), reason: r.reason };
    output append;
}
"
    );
}

#[test]
fn semi_join() {
    assert_expansion!(
        "semi_join",
        r"
query Returned(orders: Order, returns: Return) -> Order {
    from o in orders watermark(o.at, hours(2));
    semi join r in returns watermark(r.at, hours(3)) on r.order_id == o.id within o.at in r.at - days(14) ..= r.at;
    select o;
    output append;
}
"
    );
}

#[test]
fn dedup_before_a_join() {
    assert_expansion!(
        "dedup_before_a_join",
        r"
query Shipped(orders: Order, shipments: Shipment) -> Row {
    from o in orders watermark(o.at, hours(2));
    dedup by o.id, o.at;
    anti join s in shipments watermark(s.at, hours(3)) on s.order_id == o.id within s.at in o.at ..= o.at + hours(24);
    dedup by o.customer within watermark;
    select Row { order: o.id };
    output append;
}
"
    );
}

#[test]
fn unbounded_join() {
    assert_expansion!(
        "unbounded_join",
        r"
query Pairs(orders: Order, customers: Customer) -> Row {
    from o in orders;
    join c in customers on c.id == o.customer unbounded;
    select Row { order: o.id, name: c.name };
    output append;
}
"
    );
}

#[test]
fn static_left_join() {
    assert_expansion!(
        "static_left_join",
        r"
query Enriched(events: Event, catalog: static Product) -> Row {
    from e in events watermark(e.at, minutes(2));
    left join p in catalog on p.id == e.product && p.since <= e.at;
    where p.is_none_or(|p| p.is_sold);
    select Row { event: e.id, name: p.map(|p| p.name) };
    output append;
}
"
    );
}

#[test]
fn static_semi_join() {
    assert_expansion!(
        "static_semi_join",
        r"
query Known(events: Event, users: static User, blocked: static User) -> Count {
    from e in events watermark(e.at, minutes(2));
    semi join u in users on u.id == e.user_id;
    anti join b in blocked on b.id == e.user_id && b.is_banned;
    group by window(e.at, minutes(5)), e.page;
    select Count { page: e.page, count: count() };
    output update;
}
"
    );
}

#[test]
fn union() {
    assert_expansion!(
        "union",
        r"
query Everywhere(web: Click, app: Click, kiosk: Click) -> Count {
    from c in web union app union kiosk watermark(c.at, minutes(2));
    group by window(c.at, minutes(5)), c.page;
    select Count { page: c.page, count: count() };
    output update;
}
"
    );
}

#[test]
fn query_as_input() {
    assert_expansion!(
        "query_as_input",
        r"
query Hours() -> Hour {
    from s in query stats::PageStats;
    where s.views > 1;
    group by window(s.window, hours(1)) as hour, s.page;
    select Hour { hour, page: s.page, views: sum(s.views) };
    output append;
}
"
    );
}

#[test]
fn join_with_a_query() {
    assert_expansion!(
        "join_with_a_query",
        r"
query Compared(targets: Target) -> Row {
    from t in targets watermark(t.window, minutes(1));
    join s in query PageStats on s.window == t.window && s.page == t.page;
    select Row { page: t.page, missing: t.views - s.views };
    output append;
}
"
    );
}
