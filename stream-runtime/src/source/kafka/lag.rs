//! How far a query is behind, by partition, as Spark reports it (semantics 15.10).

use std::collections::BTreeMap;

use crate::kafka::PartitionOffsets;

/// The least, the most and the average of the offsets that each partition is behind its newest message; empty without partitions.
pub(super) fn metrics(end: &PartitionOffsets, latest: &PartitionOffsets) -> BTreeMap<&'static str, String> {
    let behind: Vec<i64> = latest
        .iter()
        .filter_map(|(partition, latest)| Some((latest - end.get(&partition)?).max(0)))
        .collect();
    let Some((least, most)) = behind.iter().min().zip(behind.iter().max()) else { return BTreeMap::new() };
    let average = behind.iter().map(|&offsets| offsets as f64).sum::<f64>() / behind.len() as f64;
    BTreeMap::from([
        ("minOffsetsBehindLatest", least.to_string()),
        ("maxOffsetsBehindLatest", most.to_string()),
        ("avgOffsetsBehindLatest", format!("{average:?}")),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::Partition;

    #[test]
    fn lag_is_counted_by_partition_and_never_below_zero() {
        let at = |offsets: &[i64]| -> PartitionOffsets {
            let partition = |number: usize| Partition { topic: "t".into(), number: number as i32 };
            offsets.iter().enumerate().map(|(number, &offset)| (partition(number), offset)).collect()
        };
        let found = metrics(&at(&[0, 5, 9]), &at(&[10, 5, 8]));
        let values: Vec<_> = found.values().map(String::as_str).collect();
        assert_eq!(values, ["3.3333333333333335", "10", "0"]);
        assert_eq!(metrics(&at(&[]), &at(&[])).len(), 0);
    }
}
