//! Values of columns, their extremes among them, for properties of whatever takes rows.
#![allow(dead_code, reason = "each test binary uses its own part")]

use proptest::prelude::*;
use stream_runtime::time::{Timestamp, Window};

pub(crate) fn micros() -> impl Strategy<Value = i64> {
    prop_oneof![Just(i64::MIN), Just(i64::MAX), Just(0), Just(-1), any::<i64>()]
}

pub(crate) fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("\0\u{feff}\"'\n\u{10ffff}".to_owned()),
        "\\PC{0,8}",
        any::<String>()
    ]
}

pub(crate) fn time() -> impl Strategy<Value = Timestamp> {
    micros().prop_map(Timestamp::from_micros)
}

pub(crate) fn window() -> impl Strategy<Value = Window> {
    (time(), time()).prop_map(|(start, end)| Window { start, end })
}

/// Any double but `NaN`, which isn't equal to itself.
pub(crate) fn double() -> impl Strategy<Value = f64> {
    use prop::num::f64::{INFINITE, NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
    POSITIVE | NEGATIVE | NORMAL | SUBNORMAL | ZERO | INFINITE
}

pub(crate) fn some<S: Strategy>(strategy: S) -> impl Strategy<Value = Option<S::Value>> {
    prop::option::of(strategy)
}

pub(crate) fn many<S: Strategy>(strategy: S) -> impl Strategy<Value = Vec<S::Value>> {
    prop::collection::vec(strategy, 0..4)
}
