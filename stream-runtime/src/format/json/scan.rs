//! The fast way through a line of JSON: keys in declared order, one comparison each.
//!
//! Most producers write their objects alike, so a row is read on the assumption that the next key is the next
//! column's. Wherever that or anything else doesn't hold, the scan gives up (`None`) and the row is decoded by
//! [`decode_in_any_order`](super::decode_in_any_order), which alone decides what an error is. What the scan
//! does accept, it reads exactly as that does; only nesting may be one level deeper.

use serde::de::IgnoredAny;

use crate::format::Arena;
use crate::format::partition::PartitionValues;
use crate::schema::place::Place;
use crate::schema::{Column, ColumnSet};

/// A place in a line of JSON.
#[derive(Debug)]
pub struct Scanner<'a> {
    text: &'a str,
    next: usize,
    arena: &'a Arena,
    /// The columns that the row's object doesn't hold, until that object begins.
    partition: Option<&'a PartitionValues>,
    /// How many columns were taken from there.
    taken: u32,
}

/// A number with a sign and a decimal point, if it is short enough to be exact.
struct Decimal {
    negative: bool,
    /// All digits as an integer.
    digits: u64,
    /// How many of them stand after the point; `None` if there is no point.
    fraction: Option<usize>,
}

impl<'a> Scanner<'a> {
    /// Begins at the start of a line.
    pub fn new(text: &'a str, arena: &'a Arena) -> Self {
        Self { text, next: 0, arena, partition: None, taken: 0 }
    }

    /// Begins at the start of a line of a file whose directories hold some columns.
    pub(super) fn in_partition(text: &'a str, partition: &'a PartitionValues, arena: &'a Arena) -> Self {
        Self { partition: Some(partition), ..Self::new(text, arena) }
    }

    /// How many columns were taken from the partition.
    pub(super) fn taken(&self) -> u32 {
        self.taken
    }

    /// Whether everything has been read.
    pub fn is_at_end(&self) -> bool {
        self.next == self.text.len()
    }

    /// Begins an object.
    #[inline]
    pub fn object<const COLUMNS: ColumnSet>(&mut self) -> Option<ScannedObject<'_, 'a, COLUMNS>> {
        // It is about the columns of the row, and not of structs within it.
        let partition = self.partition.take();
        self.literal(b"{").then_some(ScannedObject { scanner: self, partition, empty: true })
    }

    #[inline]
    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.next..).unwrap_or_default()
    }

    /// Passes over these bytes if they come next.
    #[inline]
    pub(crate) fn literal(&mut self, bytes: &[u8]) -> bool {
        let found = self.rest().starts_with(bytes);
        if found {
            self.next += bytes.len();
        }
        found
    }

    /// Text without escapes.
    #[inline]
    pub(crate) fn plain_text(&mut self) -> Option<&'a str> {
        let contents = self.rest().strip_prefix(b"\"")?;
        let length = plain_text_length(contents)?;
        let start = self.next + 1;
        self.next = start + length + 1;
        self.text.get(start..start + length)
    }

    /// A number without exponent, of at most 18 digits.
    #[inline]
    fn decimal(&mut self) -> Option<Decimal> {
        let bytes = self.rest();
        let negative = bytes.first() == Some(&b'-');
        let start = usize::from(negative);
        let mut digits = 0_u64;
        let mut point = None;
        let mut at = start;
        loop {
            match bytes.get(at) {
                // More digits than fit are refused below.
                Some(digit @ b'0'..=b'9') => {
                    digits = digits.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
                }
                Some(b'.') if point.is_none() => point = Some(at),
                _ => break,
            }
            at += 1;
            if at - start > 19 {
                return None;
            }
        }
        let whole = point.unwrap_or(at) - start;
        let fraction = point.map(|point| at - point - 1);
        let well_formed = whole > 0
            && (whole == 1 || bytes.get(start) != Some(&b'0'))
            && fraction != Some(0)
            && whole + fraction.unwrap_or(0) <= 18
            && !matches!(bytes.get(at), Some(b'e' | b'E' | b'.'));
        if !well_formed {
            return None;
        }
        self.next += at;
        Some(Decimal { negative, digits, fraction })
    }

    /// A whole number of at most 18 digits that the type can hold.
    #[inline]
    pub(crate) fn integer<T: TryFrom<i64>>(&mut self) -> Option<T> {
        let start = self.next;
        let number = match self.decimal() {
            // `-0` is a floating-point number to JSON's general reader.
            Some(Decimal { negative, digits, fraction: None }) if !(negative && digits == 0) => {
                let number = digits as i64;
                T::try_from(if negative { -number } else { number }).ok()
            }
            _ => None,
        };
        if number.is_none() {
            self.next = start;
        }
        number
    }

    /// A number without exponent whose digits are less than 2^53.
    #[inline]
    pub(crate) fn float(&mut self) -> Option<f64> {
        let start = self.next;
        let number = self.decimal().and_then(|decimal| decimal.to_f64());
        if number.is_none() {
            self.next = start;
        }
        number
    }

    /// Any value, by the general reader.
    pub(crate) fn general<T>(
        &mut self,
        read: impl FnOnce(&mut serde_json::Deserializer<serde_json::de::StrRead<'a>>) -> serde_json::Result<T>,
    ) -> Option<T> {
        let mut json = serde_json::Deserializer::from_str(self.text.get(self.next..)?);
        let value = read(&mut json).ok()?;
        self.next += json.into_iter::<IgnoredAny>().byte_offset();
        Some(value)
    }

    /// Passes over any value.
    #[inline]
    fn skip(&mut self) -> Option<()> {
        let skipped = match self.rest().first() {
            Some(b'"') => self.plain_text().is_some(),
            Some(b'-' | b'0'..=b'9') => self.decimal().is_some(),
            _ => false,
        };
        if skipped {
            return Some(());
        }
        self.general(|json| serde::Deserialize::deserialize(json).map(|IgnoredAny| ()))
    }
}

impl Decimal {
    /// The nearest double: exact, since both the digits and the power of ten are (Clinger 1990).
    #[inline]
    fn to_f64(&self) -> Option<f64> {
        const POWERS: [f64; 19] = [
            1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
            1e18,
        ];
        if self.digits >= 1 << 53 {
            return None;
        }
        let number = self.digits as f64 / POWERS.get(self.fraction.unwrap_or(0))?;
        // `-0` without a point is a floating-point number as well.
        Some(if self.negative { -number } else { number })
    }
}

/// An object whose columns are expected in declared order.
#[derive(Debug)]
pub struct ScannedObject<'s, 'a, const COLUMNS: ColumnSet> {
    scanner: &'s mut Scanner<'a>,
    partition: Option<&'a PartitionValues>,
    empty: bool,
}

impl<'a, const COLUMNS: ColumnSet> ScannedObject<'_, 'a, COLUMNS> {
    /// The value of the next column: null or a placeholder if it isn't there and needn't be.
    #[inline]
    pub fn next<T: Column>(&mut self, column: Place<T>) -> Option<T::View<'a>> {
        if self.at_key(column.key) {
            return self.value(column);
        }
        if column.is_in(COLUMNS) {
            self.in_partition(column).or_else(T::missing)
        } else {
            Some(T::placeholder())
        }
    }

    /// The value of the next column, its default if it isn't there.
    #[inline]
    pub fn next_or<T: Column>(
        &mut self,
        column: Place<T>,
        default: impl FnOnce() -> T,
    ) -> Option<T::View<'a>> {
        if self.at_key(column.key) {
            return self.value(column);
        }
        Some(if column.is_in(COLUMNS) {
            self.in_partition(column).unwrap_or_else(|| T::keep(default().view(), self.scanner.arena))
        } else {
            T::placeholder()
        })
    }

    #[inline]
    fn in_partition<T: Column>(&mut self, column: Place<T>) -> Option<T::View<'a>> {
        let value = self.partition?.value(column, self.scanner.arena)?;
        self.scanner.taken += 1;
        Some(value)
    }

    /// Ends the object.
    #[inline]
    pub fn end(self) -> Option<()> {
        self.scanner.literal(b"}").then_some(())
    }

    #[inline]
    fn value<T: Column>(&mut self, column: Place<T>) -> Option<T::View<'a>> {
        if column.is_in(COLUMNS) {
            T::scan_json(self.scanner, column.decoding(self.scanner.arena))
        } else {
            self.scanner.skip().map(|()| T::placeholder())
        }
    }

    /// Passes over a key if it comes next. Python's `json` puts a space after each comma and colon.
    #[inline]
    fn at_key(&mut self, key: &str) -> bool {
        let start = self.scanner.next;
        if !self.empty {
            if !self.scanner.literal(b",") {
                return false;
            }
            self.scanner.literal(b" ");
        }
        if !self.scanner.literal(key.as_bytes()) {
            self.scanner.next = start;
            return false;
        }
        self.scanner.literal(b" ");
        self.empty = false;
        true
    }
}

/// The length of text that ends with a quote, if it holds neither escapes nor control characters.
#[inline]
fn plain_text_length(contents: &[u8]) -> Option<usize> {
    let mut length = 0;
    while let Some(word) = contents.get(length..).and_then(|rest| rest.first_chunk::<8>()) {
        let special = special_bytes(u64::from_le_bytes(*word));
        if special != 0 {
            length += special.trailing_zeros() as usize / 8;
            return (contents.get(length) == Some(&b'"')).then_some(length);
        }
        length += 8;
    }
    let rest = contents.get(length..)?;
    let at = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))?;
    (rest.get(at) == Some(&b'"')).then_some(length + at)
}

/// Marks the quotes, backslashes and control characters among eight bytes in the top bit of each; above the
/// first one, other bytes may be marked as well.
#[inline]
const fn special_bytes(word: u64) -> u64 {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    /// A byte is zero if taking one from it borrows.
    const fn zeros(word: u64) -> u64 {
        word.wrapping_sub(LOW) & !word
    }
    let quotes = zeros(word ^ (LOW * b'"' as u64));
    let backslashes = zeros(word ^ (LOW * b'\\' as u64));
    let controls = word.wrapping_sub(LOW * 0x20) & !word;
    (quotes | backslashes | controls) & HIGH
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_ends_at_its_quote_wherever_that_is() {
        for length in 0..40 {
            let text = format!("{}\"tail\\\u{1}", "ü".repeat(length));
            assert_eq!(plain_text_length(text.as_bytes()), Some(2 * length));
        }
    }

    #[test]
    fn escapes_control_characters_and_missing_quotes_are_left_to_the_general_reader() {
        for end in ["\\n\"", "\u{1f}\"", "\n", "", "\0"] {
            for length in 0..20 {
                let text = format!("{}{end}", "x".repeat(length));
                assert_eq!(plain_text_length(text.as_bytes()), None, "{text:?}");
            }
        }
    }

    fn decimal(text: &str) -> Option<f64> {
        let arena = Arena::default();
        let mut scanner = Scanner::new(text, &arena);
        let number = scanner.decimal()?.to_f64();
        assert!(scanner.is_at_end() || number.is_none() || !text.is_ascii(), "{text}");
        number
    }

    #[test]
    fn what_json_does_not_call_a_number_is_not_read_as_one() {
        for text in ["", "-", ".5", "5.", "05", "-01", "1e5", "1.5E-3", "1.2.3", "+1", "1234567890123456789"]
        {
            assert_eq!(decimal(text), None, "{text}");
        }
        assert_eq!(decimal("-0").map(f64::to_bits), Some((-0.0_f64).to_bits()));
        assert_eq!(decimal("0.25"), Some(0.25));
    }

    proptest! {
        #[test]
        fn decimals_are_the_nearest_doubles(text in "-?(0|[1-9][0-9]{0,17})(\\.[0-9]{1,17})?") {
            if let Some(number) = decimal(&text) {
                prop_assert_eq!(number.to_bits(), text.parse::<f64>().unwrap().to_bits(), "{}", text);
            }
        }

        #[test]
        fn eight_bytes_are_searched_as_one_by_one(bytes in any::<[u8; 8]>()) {
            let first = bytes.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20));
            let special = special_bytes(u64::from_le_bytes(bytes));
            prop_assert_eq!((special != 0).then(|| special.trailing_zeros() as usize / 8), first);
        }
    }
}
