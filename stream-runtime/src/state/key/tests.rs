use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;

fn pack(key: &(impl Key + ?Sized)) -> Vec<u8> {
    let mut packed = Vec::new();
    key.pack_key(&mut packed);
    packed
}

/// Keys of which many are equal, and many nearly.
type Mixed = (Option<String>, (i64, Option<bool>), Vec<u8>, Window, u128);

fn mixed() -> impl Strategy<Value = Mixed> {
    let text = prop::option::of("[a\u{0}\u{1}]{0,2}|a{127,129}");
    let number = prop_oneof![Just(0_i64), Just(1), Just(-1), Just(i64::MIN)];
    let bytes = prop::collection::vec(0..2_u8, 0..3);
    let window = (0..2_i64, 0..2_i64).prop_map(|(start, end)| Window {
        start: Timestamp::from_micros(start),
        end: Timestamp::from_micros(end),
    });
    (text, (number, prop::option::of(any::<bool>())), bytes, window, prop_oneof![Just(0_u128), Just(1 << 64)])
}

fn config() -> ProptestConfig {
    ProptestConfig {
        rng_seed: RngSeed::Fixed(20_260_104),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn keys_are_equal_where_their_packed_forms_are(one in mixed(), other in mixed()) {
        prop_assert_eq!(pack(&one) == pack(&other), one == other);
    }

    #[test]
    fn texts_and_bytes_side_by_side_are_told_apart_when_packed(
        one in ("[ab]{0,3}", "[ab]{0,3}"),
        other in ("[ab]{0,3}", "[ab]{0,3}"),
    ) {
        prop_assert_eq!(pack(&one) == pack(&other), one == other);
        prop_assert_eq!(pack(&(one.0.as_bytes(), one.1.as_bytes())), pack(&one));
    }

    #[test]
    fn a_key_is_packed_alike_borrowed_and_owned(key in mixed()) {
        prop_assert_eq!(pack(&key.as_ref_key()), pack(&key));
        prop_assert_eq!(pack(&&key), pack(&key));
        prop_assert_eq!(key.as_ref_key().has_null(), key.has_null());
    }
}

#[test]
fn a_packed_key_has_a_fixed_form() {
    assert_eq!(pack(&("ab", Some(-2_i16), None::<u8>)), [2, b'a', b'b', 1, 0xfe, 0xff, 0]);
    assert_eq!(pack(&(true, 'a', 1_usize)), [1, b'a', 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn a_key_is_null_where_any_part_is() {
    assert!(
        None::<&str>.has_null()
            && (1_u8, None::<u8>).has_null()
            && ((Some((None::<u8>, 1_u8)),), 1_u8).has_null()
    );
    assert!(!("", 0_u8).has_null() && !Some(Some("a")).has_null() && !().has_null());
    assert!(Some(None::<u8>).has_null() && (&&None::<u8>).has_null());
}

fn hash(key: &impl Key) -> u64 {
    let mut hasher = KeyHasher::new(7);
    key.hash_key(&mut hasher);
    hasher.finish()
}

#[test]
fn borrowed_and_owned_forms_hash_and_compare_alike() {
    let borrowed = ("page", Some(&b"bytes"[..]), 7_u64);
    let owned = borrowed.to_owned_key();
    assert!(borrowed.eq_owned(&owned));
    assert_eq!(hash(&borrowed), hash(&owned));
    assert_eq!(owned.as_ref_key(), borrowed);
}

#[test]
fn neighbouring_texts_are_told_apart() {
    assert_ne!(hash(&("ab", "c")), hash(&("a", "bc")));
    assert_ne!(hash(&(None::<u64>, 1_u64)), hash(&(Some(1_u64), 1_u64)));
    assert_ne!(hash(&(1_u128 << 32)), hash(&(1_u128 << 64)));
}

#[test]
fn a_lesser_key_never_has_a_greater_prefix() {
    let texts = ["", "a", "a\0", "abcdefgh", "abcdefghi", "b", "\u{10ffff}"].map(str::to_owned);
    let numbers = [i64::MIN, -1, 0, 1, i64::MAX];
    let keys: Vec<_> = std::iter::once(None)
        .chain(texts.iter().cloned().map(Some))
        .flat_map(|text| numbers.map(|number| (text.clone(), number)))
        .collect();
    for pair in keys.windows(2) {
        assert!(pair[0] < pair[1] && pair[0].order_prefix() <= pair[1].order_prefix(), "{pair:?}");
    }
    for pair in numbers.windows(2) {
        assert!(pair[0].order_prefix() < pair[1].order_prefix(), "{pair:?}");
    }
    assert!(i128::MIN.order_prefix() < (-1_i128).order_prefix());
}

#[test]
fn hashes_are_the_same_on_every_machine_and_release() {
    assert_eq!(hash(&("u91", 42_i64)), GOLDEN);
}
const GOLDEN: u64 = 15_506_249_941_614_416_485;

#[test]
fn bytes_of_any_length_are_told_apart_at_each_place() {
    for length in 0..40 {
        let bytes: Vec<u8> = (0..length).collect();
        assert!(bytes.as_slice().eq_owned(&bytes));
        assert!(!bytes.as_slice().eq_owned(&(0..=length).collect()), "{length} bytes and one more");
        for place in 0..bytes.len() {
            let mut other = bytes.clone();
            other[place] ^= 0x80;
            assert!(
                !bytes.as_slice().eq_owned(&other),
                "{length} bytes, of which the one at {place} differs"
            );
        }
    }
}
