//! Which worker reads which splits of a batch.

/// Consecutive splits for each worker, of about the same weight: the order of rows is the order of workers.
pub(super) fn share_out<S>(splits: Vec<S>, workers: usize, weight: impl Fn(&S) -> u64) -> Vec<Vec<S>> {
    // In 128 bits, since a service's own split may weigh anything.
    let total: u128 = splits.iter().map(|split| u128::from(weight(split))).sum();
    let mut shares: Vec<Vec<_>> = (0..workers).map(|_| Vec::new()).collect();
    let mut before = 0_u128;
    for split in splits {
        // The worker in whose stretch of the total the middle of the split lies.
        let weight = u128::from(weight(&split));
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
    fn shared(weights: &[u64], workers: usize) -> Vec<Vec<u64>> {
        share_out(weights.to_vec(), workers, |weight| *weight)
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
