//! Which worker reads which splits of a batch.

use crate::schema::Schema;
use crate::source::Split;

/// Consecutive splits for each worker, of about the same weight: the order of rows is the order of workers.
pub(super) fn share_out<R: Schema>(
    splits: Vec<Box<dyn Split<R>>>,
    workers: usize,
) -> Vec<Vec<Box<dyn Split<R>>>> {
    // In 128 bits, since a service's own split may weigh anything.
    let total: u128 = splits.iter().map(|split| u128::from(split.weight())).sum();
    let mut shares: Vec<Vec<_>> = (0..workers).map(|_| Vec::new()).collect();
    let mut before = 0_u128;
    for split in splits {
        // The worker in whose stretch of the total the middle of the split lies.
        let weight = u128::from(split.weight());
        let worker = ((before + weight / 2) * workers as u128).checked_div(total).unwrap_or(0);
        before += weight;
        shares[(worker as usize).min(workers - 1)].push(split);
    }
    shares
}

/// From the parts that each worker has for each owner to the parts that each owner gets, in the workers' order.
pub(super) fn transpose<T>(parts: Vec<Vec<T>>, owners: usize) -> Vec<Vec<T>> {
    let mut by_owner: Vec<Vec<T>> = (0..owners).map(|_| Vec::with_capacity(parts.len())).collect();
    for parts in parts {
        for (owner, part) in by_owner.iter_mut().zip(parts) {
            owner.push(part);
        }
    }
    by_owner
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Result;
    use crate::source::{MalformedRow, Rows};

    struct Weight(u64);

    impl Split<MalformedRow> for Weight {
        fn weight(&self) -> u64 {
            self.0
        }
        fn read(&mut self, _rows: &mut dyn Rows<MalformedRow>) -> Result<()> {
            Ok(())
        }
    }

    fn shared(weights: &[u64], workers: usize) -> Vec<Vec<u64>> {
        let splits = weights.iter().map(|weight| Box::new(Weight(*weight)) as Box<dyn Split<MalformedRow>>);
        let shares = share_out(splits.collect(), workers);
        shares.iter().map(|share| share.iter().map(|split| split.weight()).collect()).collect()
    }

    #[test]
    fn each_worker_gets_its_stretch_of_the_splits_in_their_order() {
        assert_eq!(shared(&[1, 2, 3, 4, 5, 6], 2), [vec![1, 2, 3, 4], vec![5, 6]]);
        assert_eq!(shared(&[9], 3), [vec![], vec![9], vec![]]);
        assert_eq!(shared(&[], 2), [vec![], Vec::<u64>::new()]);
    }

    #[test]
    fn splits_may_weigh_nothing_or_all_that_there_is() {
        assert_eq!(shared(&[0, 0], 2), [vec![0, 0], vec![]]);
        assert_eq!(shared(&[u64::MAX, u64::MAX, u64::MAX], 3), [[u64::MAX]; 3]);
    }
}
