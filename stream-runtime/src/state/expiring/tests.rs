use super::*;
use crate::time::Timestamp;

fn insert(map: &mut ExpiringMap<(u64,), ()>, key: u64, expiry: i64) -> (u32, bool) {
    map.find_or_insert(map.hash(&(key,)), &(key,), expiry, || ())
}

fn map(expiries: &[i64]) -> ExpiringMap<(u64,), ()> {
    let mut map = ExpiringMap::new(1, 0);
    for (key, &expiry) in expiries.iter().enumerate() {
        insert(&mut map, key as u64, expiry);
    }
    map
}

fn holds(map: &ExpiringMap<(u64,), ()>, key: u64) -> bool {
    map.iter().any(|entry| entry.key == (key,))
}

fn expire(map: &mut ExpiringMap<(u64,), ()>, watermark: i64) -> Vec<u64> {
    let mut gone = Vec::new();
    map.expire(watermark, |_| Due::Removed, |_, entry| gone.push(entry.key.0));
    gone
}

#[test]
fn expiry_is_exact_within_a_span_of_the_calendar() {
    let mut map = map(&[5, 7, 6, 3_000_000]);
    assert_eq!(expire(&mut map, 6), [0, 2]);
    assert_eq!(map.len(), 2);
    assert!(expire(&mut map, 6).is_empty());
    assert_eq!(expire(&mut map, 7), [1]);
    assert!(expire(&mut map, 2_999_999).is_empty());
    assert_eq!(expire(&mut map, i64::MAX), [3]);
}

#[test]
fn a_place_in_the_slab_is_used_again_and_the_key_that_left_it_is_gone() {
    let mut map = map(&[1]);
    expire(&mut map, 1);
    assert!(!holds(&map, 0));
    assert_eq!(insert(&mut map, 9, 50), (0, true));
    assert_eq!(insert(&mut map, 9, 60), (0, false));
    assert_eq!(insert(&mut map, 0, 50), (1, true), "a key that is gone is new again");
}

#[test]
fn keys_that_come_and_go_take_no_more_from_round_to_round() {
    let mut map = map(&[]);
    let mut bytes = Vec::new();
    for round in 0..20 {
        for key in 0..3_000 {
            insert(&mut map, key, round);
        }
        assert_eq!(expire(&mut map, round).len(), 3_000);
        map.settle(|()| {});
        bytes.push(map.allocated_bytes());
    }
    assert_eq!(bytes[1], bytes[19]);
}

#[test]
fn an_entry_that_is_put_off_or_brought_forward_expires_once() {
    let mut map = map(&[9_000_000, 9_000_001]);
    map.expire_by(0, 5);
    let mut calls = 0;
    let put_off = |entry: &mut Entry<(u64,), ()>| {
        calls += 1;
        if entry.expiry() < 8_000_000 { Due::Changed(8_000_000) } else { Due::Removed }
    };
    map.expire(5, put_off, |_, _| unreachable!("it was put off"));
    assert_eq!(calls, 1);
    assert_eq!(map.touched().count(), 2, "both are new, and the one put off is touched once");
    assert_eq!(expire(&mut map, 8_000_000), [0]);
    assert_eq!(expire(&mut map, 9_000_001), [1]);
    assert!(map.calendar.is_empty() && map.len() == 0);
}

#[test]
fn an_entry_is_brought_forward_within_a_span_that_the_watermark_is_in_the_middle_of() {
    let mut map = map(&[5, 100]);
    assert_eq!(expire(&mut map, 5), [0]);
    map.expire_by(1, 50);
    assert!(expire(&mut map, 49).is_empty());
    assert_eq!(expire(&mut map, 50), [1]);
    assert!(expire(&mut map, 100).is_empty() && map.calendar.is_empty());
}

#[test]
fn an_entry_that_is_put_off_is_touched_only_if_its_value_has_changed() {
    let mut map = map(&[5, 6]);
    map.settle(|()| {});
    map.expire(5, |_| Due::PutOff(100), |_, _| unreachable!("it was put off"));
    assert_eq!(map.touched().count(), 0);
    map.expire(6, |_| Due::Changed(101), |_, _| unreachable!("it was put off"));
    assert_eq!(map.touched().map(|entry| entry.key.0).collect::<Vec<_>>(), [1]);
    let mut gone = expire(&mut map, 101);
    gone.sort_unstable();
    assert_eq!(gone, [0, 1]);
}

#[test]
fn a_calendar_entry_left_behind_by_a_new_expiry_is_dropped_and_not_carried_on() {
    let mut map = map(&[9_000_000]);
    for earlier in [8_000_000, 6_000_000, 4_000_000] {
        map.expire_by(0, earlier);
    }
    map.expire(4_000_000, |_| Due::PutOff(50_000_000), |_, _| unreachable!("it was put off"));
    assert!(expire(&mut map, 20_000_000).is_empty());
    let mut left = Vec::new();
    map.calendar.advance(i64::MAX, |index| {
        left.push(index);
        None
    });
    assert_eq!(left, [0]);
}

#[test]
fn a_calendar_entry_of_a_key_that_is_gone_leaves_the_next_key_in_its_place_alone() {
    // The second key expires in the span in which the first one was to expire, and a third one later.
    for (next, watermark) in [(9_000_001, 9_000_000), (30_000_000, 20_000_000)] {
        let mut map = map(&[9_000_000]);
        map.expire_by(0, 5);
        assert_eq!(expire(&mut map, 5), [0]);
        let (index, _) = insert(&mut map, 7, next);
        assert_eq!(index, 0, "the place is used again");
        assert!(expire(&mut map, watermark).is_empty());
        assert_eq!(expire(&mut map, next), [7]);
        assert!(map.calendar.is_empty() && map.len() == 0);
    }
}

#[test]
fn negative_times_have_spans_of_their_own() {
    let mut map = map(&[-1, 0]);
    assert_eq!(expire(&mut map, -1), [0]);
}

#[test]
fn a_key_takes_less_than_half_more_than_in_a_hash_set() {
    let (mut ours, mut by_hand) = (0, 0);
    // Between two sizes at which a table doubles.
    for keys in [120_000, 140_000, 160_000, 180_000, 200_000, 220_000] {
        let mut map = ExpiringMap::<(i64, Timestamp), ()>::new(1, 0);
        let mut set = std::collections::HashSet::new();
        for number in 0..keys {
            let micros = number * 10_000;
            let key = (number * 7919, Timestamp::from_micros(micros));
            map.find_or_insert(map.hash(&key), &key, micros, || ());
            set.insert(key);
            if number % 10_000 == 0 {
                map.settle(|()| {});
            }
        }
        println!(
            "{keys}: {} B, {} by hand",
            map.allocated_bytes() / keys as usize,
            set.capacity() * 8 / 7 * 17 / keys as usize
        );
        ours += map.allocated_bytes();
        by_hand += set.capacity() * 8 / 7 * (size_of::<(i64, Timestamp)>() + 1);
    }
    assert!(ours * 2 < by_hand * 3, "{ours} bytes where a set takes {by_hand}");
}
