//! Orders and shipments: the rows of each side by order, and a calendar that says whom to look at in which minute.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use hashbrown::HashMap;
use hashbrown::hash_map::EntryRef;
use smallvec::SmallVec;
use stream_runtime::format::Arena;
use stream_runtime::prelude::*;

use super::super::input::{Order, OrderView, Shipment, ShipmentView};
use super::super::queries::Shipped;
use super::{Hasher, MINUTE, Watermark};

const ORDERS_DELAY: i64 = 120 * MINUTE;
const SHIPMENTS_DELAY: i64 = 180 * MINUTE;
const DAY: i64 = 24 * 60 * MINUTE;
/// From one watermark to the next.
const STEP: i64 = 1_000;

trait Kept {
    /// The watermark at which the row goes.
    fn expiry(&self) -> i64;
}

struct KeptOrder {
    amount: f64,
    ts: i64,
    matched: bool,
}

impl Kept for KeptOrder {
    fn expiry(&self) -> i64 {
        self.ts + DAY + STEP
    }
}

struct KeptShipment {
    carrier: Box<str>,
    ts: i64,
}

impl Kept for KeptShipment {
    fn expiry(&self) -> i64 {
        self.ts + STEP
    }
}

/// The rows of a side. Most orders have one.
struct Side<T> {
    rows: HashMap<Rc<str>, SmallVec<[T; 1]>, Hasher>,
    calendar: BTreeMap<i64, Vec<Rc<str>>>,
}

impl<T> Default for Side<T> {
    fn default() -> Self {
        Self { rows: HashMap::default(), calendar: BTreeMap::new() }
    }
}

impl<T: Kept> Side<T> {
    fn insert(&mut self, order_id: &str, row: T) {
        let minute = row.expiry().div_euclid(MINUTE);
        let order_id = match self.rows.entry_ref(order_id) {
            EntryRef::Occupied(mut rows) => {
                rows.get_mut().push(row);
                Rc::clone(rows.key())
            }
            EntryRef::Vacant(rows) => {
                let order_id: Rc<str> = order_id.into();
                rows.insert_entry_with_key(Rc::clone(&order_id), SmallVec::from_buf([row]));
                order_id
            }
        };
        self.calendar.entry(minute).or_default().push(order_id);
    }

    /// Hands what expires at `evict` to `gone`.
    fn evict(&mut self, evict: i64, mut gone: impl FnMut(&str, &T)) {
        let last = evict.div_euclid(MINUTE);
        while let Some(mut first) = self.calendar.first_entry() {
            let minute = *first.key();
            if minute > last {
                break;
            }
            let rows_by_id = &mut self.rows;
            // The watermark may stand in the middle of a minute.
            first.get_mut().retain(|order_id| {
                let EntryRef::Occupied(mut rows) = rows_by_id.entry_ref(&**order_id) else { return false };
                rows.get_mut().retain(|row| {
                    let stays = row.expiry() > evict;
                    if !stays {
                        gone(order_id, row);
                    }
                    stays
                });
                let stays = !rows.get().is_empty();
                if !stays {
                    rows.remove();
                }
                stays && minute == last
            });
            if !first.get().is_empty() {
                break;
            }
            first.remove();
        }
    }
}

/// Orders with their shipments; with `OUTER` also those without.
#[derive(Default)]
pub(crate) struct Join<const OUTER: bool> {
    orders: Side<KeptOrder>,
    shipments: Side<KeptShipment>,
    rows: Vec<Shipped>,
    orders_watermark: Watermark,
    shipments_watermark: Watermark,
}

fn shipped(order_id: &str, amount: f64, ordered: i64, shipment: Option<(&str, i64)>) -> Shipped {
    Shipped {
        order_id: order_id.to_owned(),
        amount,
        ordered: Timestamp::from_micros(ordered),
        carrier: shipment.map(|(carrier, _)| carrier.to_owned()),
        shipped: shipment.map(|(_, ts)| Timestamp::from_micros(ts)),
    }
}

fn in_time(ordered: i64, shipped: i64) -> bool {
    (ordered..=ordered + DAY).contains(&shipped)
}

impl<const OUTER: bool> Join<OUTER> {
    fn late(&self) -> i64 {
        self.orders_watermark.late.min(self.shipments_watermark.late)
    }

    fn evict(&self) -> i64 {
        self.orders_watermark.evict.min(self.shipments_watermark.evict)
    }

    #[inline]
    fn order(&mut self, order: OrderView<'_>) {
        let ts = order.ts.as_micros();
        self.orders_watermark.observe(ts);
        if ts <= self.late() {
            return;
        }
        let shipments = self.shipments.rows.get(order.order_id).map(SmallVec::as_slice).unwrap_or_default();
        let mut matched = false;
        for shipment in shipments.iter().filter(|shipment| in_time(ts, shipment.ts)) {
            matched = true;
            let shipment = Some((&*shipment.carrier, shipment.ts));
            self.rows.push(shipped(order.order_id, order.amount, ts, shipment));
        }
        self.orders.insert(order.order_id, KeptOrder { amount: order.amount, ts, matched });
    }

    #[inline]
    fn shipment(&mut self, shipment: ShipmentView<'_>) {
        let ts = shipment.ts.as_micros();
        self.shipments_watermark.observe(ts);
        if ts <= self.late() {
            return;
        }
        if let Some(orders) = self.orders.rows.get_mut(shipment.order_id) {
            for order in orders.iter_mut().filter(|order| in_time(order.ts, ts)) {
                order.matched = true;
                let shipment_of = Some((shipment.carrier, ts));
                self.rows.push(shipped(shipment.order_id, order.amount, order.ts, shipment_of));
            }
        }
        let kept = KeptShipment { carrier: shipment.carrier.into(), ts };
        if kept.expiry() > self.evict() {
            self.shipments.insert(shipment.order_id, kept);
        }
    }

    fn end_batch(&mut self) -> usize {
        let evict = self.evict();
        let rows = &mut self.rows;
        self.orders.evict(evict, |order_id, order| {
            if OUTER && !order.matched {
                rows.push(shipped(order_id, order.amount, order.ts, None));
            }
        });
        self.shipments.evict(evict, |_, _| {});
        self.orders_watermark.end_batch(ORDERS_DELAY);
        self.shipments_watermark.end_batch(SHIPMENTS_DELAY);
        let rows = std::mem::take(&mut self.rows);
        std::hint::black_box(&rows).len()
    }
}

/// Over rows in memory; gives the number of result rows, and the loop as it is after the last batch.
pub(crate) fn join_in_memory<const OUTER: bool>(
    orders: &[Vec<Order>],
    shipments: &[Vec<Shipment>],
) -> (usize, Join<OUTER>) {
    let mut join = Join::default();
    let mut results = 0;
    for (orders, shipments) in orders.iter().zip(shipments) {
        for order in orders {
            join.order(order.view());
        }
        for shipment in shipments {
            join.shipment(shipment.view());
        }
        results += join.end_batch();
    }
    results += join.end_batch();
    (results, join)
}

/// Over files of JSON lines, one of each input a batch.
pub(crate) fn join_over_json<const OUTER: bool>(
    orders: &[impl AsRef<Path>],
    shipments: &[impl AsRef<Path>],
) -> usize {
    let mut join = Join::<OUTER>::default();
    let mut results = 0;
    for (orders, shipments) in orders.iter().zip(shipments) {
        let arena = Arena::default();
        let text = std::fs::read_to_string(orders).expect("the input can be read");
        for line in text.lines() {
            let order = Order::decode_json::<{ u128::MAX }>(line, &arena);
            join.order(order.expect("the input is well-formed"));
        }
        let text = std::fs::read_to_string(shipments).expect("the input can be read");
        for line in text.lines() {
            let shipment = Shipment::decode_json::<{ u128::MAX }>(line, &arena);
            join.shipment(shipment.expect("the input is well-formed"));
        }
        results += join.end_batch();
    }
    results + join.end_batch()
}
