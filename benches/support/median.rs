//! What criterion has measured, to print it side by side.

use std::path::Path;

/// The median of a measurement that criterion has just written down, in ns.
pub(crate) fn median(name: &str) -> Option<f64> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent()?;
    let text =
        std::fs::read_to_string(target.join("criterion").join(name).join("new/estimates.json")).ok()?;
    serde_json::from_str::<serde_json::Value>(&text).ok()?["median"]["point_estimate"].as_f64()
}
