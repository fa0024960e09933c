use std::ops::Bound::{Included, Unbounded};

use super::*;
use crate::plan::{QueryInfo, WatermarkInfo};
use crate::time::{hours, minutes};

const PLAN: PlanInfo = PlanInfo {
    query: "PageStats",
    inputs: &[InputInfo {
        name: "clicks",
        row: "Click",
        watermark: Some(WatermarkInfo { column: "timestamp", delay: minutes(2) }),
        late: Some("dropped"),
        columns: Some(&["timestamp", "page"]),
    }],
    queries: &[],
    statics: &[],
    from: RowsInfo::Inputs(&[0]),
    joins: &[],
    clauses: &["where action == \"view\"", "let upper = page.to_uppercase()"],
    operators: &[OperatorInfo {
        name: "stateStoreSave",
        clause: "group by window(timestamp, WIDTH, slide = minutes(1)), page.to_uppercase()",
        window: Some((minutes(5), minutes(1), Duration::ZERO)),
        aggregates: &["count()"],
        event_time_key: true,
        within: None,
    }],
    select: "PageStat { window: w, page: upper, views: count() }",
    selected: &[],
    having: Some("views > 10"),
    order_by: None,
    limit: None,
    mode: Mode::Append,
};

#[test]
fn the_plan_reads_from_the_output_down_to_the_input() {
    let expected = "\
PageStats
└─ output append
   └─ having views > 10
      └─ select PageStat { window: w, page: upper, views: count() }
         └─ group by window(timestamp, WIDTH, slide = minutes(1)), page.to_uppercase()
            ·  windows of 5 min, one each 1 min
            ·  aggregates count()
            ·  state is bounded: the watermark closes groups
            └─ let upper = page.to_uppercase()
               └─ where action == \"view\"
                  └─ from clicks: Click
                     ·  watermark 2 min behind timestamp
                     ·  late rows into dropped
                     ·  reads timestamp, page
";
    assert_eq!(Explain::new(PLAN).to_string(), expected);
}

#[test]
fn a_plan_that_keeps_everything_says_so() {
    const GLOBAL: &[OperatorInfo] =
        &[OperatorInfo { clause: "group by ()", event_time_key: false, window: None, ..PLAN.operators[0] }];
    const UNBOUNDED: &[OperatorInfo] =
        &[OperatorInfo { event_time_key: false, window: None, ..PLAN.operators[0] }];
    let text = Explain::new(PlanInfo { operators: UNBOUNDED, mode: Mode::Update, ..PLAN }).to_string();
    assert!(text.contains("state is unbounded"), "{text}");
    let text = Explain::new(PlanInfo { mode: Mode::Complete, ..PLAN }).to_string();
    assert!(text.contains("state keeps every group"), "{text}");
    let text = Explain::new(PlanInfo { operators: GLOBAL, mode: Mode::Update, ..PLAN }).to_string();
    assert!(text.contains("state is one group"), "{text}");
}

#[test]
fn each_operator_stands_where_a_row_reaches_it_and_says_what_it_keeps() {
    const OPERATORS: &[OperatorInfo] = &[
        OperatorInfo {
            name: "dedupe",
            clause: "dedup by id unbounded",
            window: None,
            aggregates: &[],
            event_time_key: false,
            within: None,
        },
        OperatorInfo {
            name: "sessionWindowStateStoreSaveExec",
            clause: "group by session(timestamp, minutes(30)), page",
            window: None,
            aggregates: &["count()"],
            event_time_key: true,
            within: None,
        },
    ];
    let plan = PlanInfo {
        clauses: &["where action == \"view\"", "dedup by id unbounded", "let upper = page.to_uppercase()"],
        operators: OPERATORS,
        having: None,
        ..PLAN
    };
    let expected = "\
PageStats
└─ output append
   └─ select PageStat { window: w, page: upper, views: count() }
      └─ group by session(timestamp, minutes(30)), page
         ·  aggregates count()
         ·  state is bounded: the watermark closes sessions
         └─ let upper = page.to_uppercase()
            └─ dedup by id unbounded
               ·  state is unbounded: no watermark drops keys
               └─ where action == \"view\"
                  └─ from clicks: Click
                     ·  watermark 2 min behind timestamp
                     ·  late rows into dropped
                     ·  reads timestamp, page
";
    assert_eq!(Explain::new(plan.clone()).to_string(), expected);
    let text = Explain::new(PlanInfo { mode: Mode::Complete, ..plan }).to_string();
    assert!(text.contains("state keeps every session"), "{text}");
    assert!(text.contains("state is unbounded: no watermark drops keys"), "{text}");
}

const ORDERS: InputInfo = InputInfo {
    name: "orders",
    row: "Order",
    watermark: Some(WatermarkInfo { column: "ordered", delay: hours(2) }),
    late: None,
    columns: Some(&["ordered", "id"]),
};

const SHIPMENTS: InputInfo = InputInfo {
    name: "shipments",
    row: "Shipment",
    watermark: Some(WatermarkInfo { column: "sent", delay: hours(3) }),
    late: None,
    columns: None,
};

const JOIN: OperatorInfo = OperatorInfo {
    name: "symmetricHashJoin",
    clause: "left join shipments on shipments.id == orders.id within shipments.sent in orders.ordered ..= orders.ordered + hours(24)",
    window: None,
    within: Some((Included(Duration::ZERO), Included(hours(24)))),
    aggregates: &[],
    event_time_key: true,
};

const DEDUP: OperatorInfo =
    OperatorInfo { name: "dedupe", clause: "dedup by orders.id, orders.ordered", within: None, ..JOIN };

const SHIPPED: PlanInfo = PlanInfo {
    query: "Shipped",
    inputs: &[ORDERS, SHIPMENTS],
    queries: &[],
    statics: &[("catalog", "Product")],
    from: RowsInfo::Inputs(&[0]),
    joins: &[
        JoinInfo { clause: 2, rows: RowsInfo::Inputs(&[1]), times: Some(("shipments", "orders")) },
        JoinInfo { clause: 5, rows: RowsInfo::Static(0), times: None },
    ],
    clauses: &[
        "where orders.paid",
        DEDUP.clause,
        JOIN.clause,
        "where shipments.is_none()",
        DEDUP.clause,
        "join catalog on catalog.id == orders.product",
        "let price = catalog.price",
    ],
    operators: &[DEDUP, JOIN, DEDUP],
    select: "Row { price }",
    selected: &[],
    having: None,
    order_by: None,
    limit: None,
    mode: Mode::Append,
};

#[test]
fn a_join_has_a_branch_for_what_stood_before_it_and_one_for_what_it_adds() {
    let expected = "\
Shipped
└─ output append
   └─ select Row { price }
      └─ let price = catalog.price
         └─ join catalog on catalog.id == orders.product
            ├─ dedup by orders.id, orders.ordered
            │  ·  state is bounded: the watermark drops keys
            │  └─ where shipments.is_none()
            │     └─ left join shipments on shipments.id == orders.id within shipments.sent in orders.ordered ..= orders.ordered + hours(24)
            │        ·  keeps orders for 1 d, shipments for 0 s behind the watermark
            │        ├─ dedup by orders.id, orders.ordered
            │        │  ·  state is bounded: the watermark drops keys
            │        │  └─ where orders.paid
            │        │     └─ from orders: Order
            │        │        ·  watermark 2 h behind ordered
            │        │        ·  reads ordered, id
            │        └─ from shipments: Shipment
            │           ·  watermark 3 h behind sent
            │           ·  reads every column
            └─ static catalog: Product
";
    assert_eq!(Explain::new(SHIPPED).to_string(), expected);
}

#[test]
fn a_join_says_how_long_each_side_waits_for_the_other() {
    let state = |within, event_time_key| {
        let times = Some(("shipments", "orders"));
        let join = JoinInfo { clause: 0, rows: RowsInfo::Inputs(&[1]), times };
        state_of_join(&OperatorInfo { within, event_time_key, ..JOIN }, &join)
    };
    for (range, expected) in [
        ((Included(hours(-1)), Included(hours(24))), "keeps orders for 1 d, shipments for 1 h"),
        ((Included(hours(1)), Included(hours(2))), "keeps orders for 2 h, shipments for 0 s"),
        ((Included(hours(-2)), Included(hours(-1))), "keeps orders for 0 s, shipments for 2 h"),
        ((Included(Duration::ZERO), Unbounded), "keeps orders for ever, shipments for 0 s"),
    ] {
        assert_eq!(state(Some(range), true), format!("{expected} behind the watermark"));
    }
    assert_eq!(state(None, true), "keeps rows of both sides until the watermark has passed them");
    assert_eq!(state(None, false), "state is unbounded: no watermark drops rows");
}

#[test]
fn a_union_lists_its_inputs_and_a_query_its_own_plan() {
    const VIEWS: PlanInfo = PlanInfo {
        query: "Views",
        inputs: &[PLAN.inputs[0], InputInfo { name: "taps", ..PLAN.inputs[0] }],
        from: RowsInfo::Inputs(&[0, 1]),
        clauses: &[],
        having: None,
        ..PLAN
    };
    let plan = PlanInfo {
        query: "Hours",
        inputs: &[],
        queries: &[QueryInfo { name: "views", operators_before: 0, columns: Some(&["w"]), plan: &VIEWS }],
        from: RowsInfo::Query(0),
        clauses: &["where w.start > START"],
        operators: &[],
        select: "Hour { w }",
        selected: &[],
        having: None,
        ..PLAN
    };
    let expected = "\
Hours
└─ output append
   └─ select Hour { w }
      └─ where w.start > START
         └─ from query Views
            ·  reads w
            └─ select PageStat { window: w, page: upper, views: count() }
               └─ group by window(timestamp, WIDTH, slide = minutes(1)), page.to_uppercase()
                  ·  windows of 5 min, one each 1 min
                  ·  aggregates count()
                  ·  state is bounded: the watermark closes groups
                  └─ union
                     ·  watermark 2 min behind timestamp
                     ·  late rows into dropped
                     ·  reads timestamp, page
                     ├─ from clicks: Click
                     └─ from taps: Click
";
    assert_eq!(Explain::new(plan).to_string(), expected);
}
