//! The kinds of joins, as types: which rows come out, and in what form.

use crate::plan::item::{Item, Maybe, Pair};

/// A kind of join. `L` and `R` are the rows of its sides.
pub trait JoinKind: Send + Sync + 'static {
    /// The rows that come out.
    type Item<L: Item, R: Item>: Item;

    /// What becomes of rows.
    const RULES: Rules;
}

/// What a kind of join does with its rows.
#[allow(clippy::struct_excessive_bools, reason = "each is a question of its own, and a constant of the kind")]
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Whether a match comes out as a pair; if not, the left row alone does, or none.
    pub(super) pairs: bool,
    /// Whether a left row that has matched comes out, once.
    pub(super) matched_left: bool,
    /// Whether a left row that never matched comes out.
    pub(super) unmatched_left: bool,
    /// Whether a right row that never matched comes out.
    pub(super) unmatched_right: bool,
}

impl Rules {
    const INNER: Self =
        Self { pairs: true, matched_left: false, unmatched_left: false, unmatched_right: false };

    /// Appends a match.
    pub(super) fn pair(self, left: &[u8], right: &[u8], out: &mut Vec<u8>) {
        if self.unmatched_right {
            out.push(Maybe::<()>::SOME);
        }
        out.extend_from_slice(left);
        if self.unmatched_left {
            out.push(Maybe::<()>::SOME);
        }
        out.extend_from_slice(right);
    }

    /// Appends a left row without a partner.
    pub(super) fn left(self, left: &[u8], out: &mut Vec<u8>) {
        if self.pairs && self.unmatched_right {
            out.push(Maybe::<()>::SOME);
        }
        out.extend_from_slice(left);
        if self.pairs {
            out.push(Maybe::<()>::NONE);
        }
    }

    /// Appends a right row without a partner.
    pub(super) fn right(self, right: &[u8], out: &mut Vec<u8>) {
        out.push(Maybe::<()>::NONE);
        if self.unmatched_left {
            out.push(Maybe::<()>::SOME);
        }
        out.extend_from_slice(right);
    }
}

/// `join`: the matches.
#[derive(Clone, Copy, Debug)]
pub struct Inner;

impl JoinKind for Inner {
    type Item<L: Item, R: Item> = Pair<L, R>;
    const RULES: Rules = Rules::INNER;
}

/// `left join`: the matches, and left rows without one.
#[derive(Clone, Copy, Debug)]
pub struct LeftOuter;

impl JoinKind for LeftOuter {
    type Item<L: Item, R: Item> = Pair<L, Maybe<R>>;
    const RULES: Rules = Rules { unmatched_left: true, ..Rules::INNER };
}

/// `right join`: the matches, and right rows without one.
#[derive(Clone, Copy, Debug)]
pub struct RightOuter;

impl JoinKind for RightOuter {
    type Item<L: Item, R: Item> = Pair<Maybe<L>, R>;
    const RULES: Rules = Rules { unmatched_right: true, ..Rules::INNER };
}

/// `full join`: the matches, and rows of both sides without one.
#[derive(Clone, Copy, Debug)]
pub struct FullOuter;

impl JoinKind for FullOuter {
    type Item<L: Item, R: Item> = Pair<Maybe<L>, Maybe<R>>;
    const RULES: Rules = Rules { unmatched_left: true, unmatched_right: true, ..Rules::INNER };
}

/// `semi join`: left rows that have a match, each once.
#[derive(Clone, Copy, Debug)]
pub struct LeftSemi;

impl JoinKind for LeftSemi {
    type Item<L: Item, R: Item> = L;
    const RULES: Rules = Rules { pairs: false, matched_left: true, ..Rules::INNER };
}

/// `anti join`: left rows that have none.
#[derive(Clone, Copy, Debug)]
pub struct LeftAnti;

impl JoinKind for LeftAnti {
    type Item<L: Item, R: Item> = L;
    const RULES: Rules = Rules { pairs: false, unmatched_left: true, ..Rules::INNER };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Arena;
    use crate::plan::item::Columns;
    use crate::schema::Schema;
    use crate::source::RateRow;
    use crate::time::Timestamp;

    type Row = Columns<RateRow, { u128::MAX }>;

    fn packed(value: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        Row::pack(RateRow { timestamp: Timestamp::from_secs(1), value }.view(), &mut bytes);
        bytes
    }

    fn unpacked<J: JoinKind>(
        write: impl FnOnce(Rules, &mut Vec<u8>),
        read: impl for<'a> FnOnce(<J::Item<Row, Row> as Item>::View<'a>) -> (Option<u64>, Option<u64>),
    ) -> (Option<u64>, Option<u64>) {
        let (mut bytes, arena) = (Vec::new(), Arena::default());
        write(J::RULES, &mut bytes);
        let mut rest = bytes.as_slice();
        let view = <J::Item<Row, Row> as Item>::unpack(&mut rest, &arena).expect("it was packed");
        assert!(rest.is_empty());
        read(view)
    }

    #[test]
    fn each_kind_reads_back_what_its_rules_have_written() {
        let (one, two) = (packed(1), packed(2));
        let pair = |rules: Rules, out: &mut Vec<u8>| rules.pair(&one, &two, out);
        let left = |rules: Rules, out: &mut Vec<u8>| rules.left(&one, out);
        let right = |rules: Rules, out: &mut Vec<u8>| rules.right(&two, out);
        let both = (Some(1), Some(2));
        assert_eq!(unpacked::<Inner>(pair, |(l, r)| (Some(l.value), Some(r.value))), both);
        assert_eq!(unpacked::<LeftOuter>(pair, |(l, r)| (Some(l.value), r.map(|r| r.value))), both);
        assert_eq!(
            unpacked::<LeftOuter>(left, |(l, r)| (Some(l.value), r.map(|r| r.value))),
            (Some(1), None)
        );
        assert_eq!(unpacked::<RightOuter>(pair, |(l, r)| (l.map(|l| l.value), Some(r.value))), both);
        assert_eq!(
            unpacked::<RightOuter>(right, |(l, r)| (l.map(|l| l.value), Some(r.value))),
            (None, Some(2))
        );
        let full =
            |(l, r): (Option<RateView<'_>>, Option<RateView<'_>>)| (l.map(|l| l.value), r.map(|r| r.value));
        assert_eq!(unpacked::<FullOuter>(pair, full), both);
        assert_eq!(unpacked::<FullOuter>(left, full), (Some(1), None));
        assert_eq!(unpacked::<FullOuter>(right, full), (None, Some(2)));
        assert_eq!(unpacked::<LeftSemi>(left, |l| (Some(l.value), None)), (Some(1), None));
        assert_eq!(unpacked::<LeftAnti>(left, |l| (Some(l.value), None)), (Some(1), None));
    }

    type RateView<'a> = <RateRow as Schema>::View<'a>;
}
