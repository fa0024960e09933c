//! [`List`]: the view of a `Vec` column.

use std::fmt;

use serde::Deserializer;
use serde::de::{SeqAccess, Visitor};

use super::column::{mismatch, past_the_end};
use super::columnar::ColumnWriter;
use super::pack::{pack_length, unpack_length};
use super::{Column, DataType, Decoding, Element, HoldsTimestamps, Kind, Seed, TimestampFormat};
use crate::format::columns::{Bound, Differences, Values};
use crate::format::{Arena, RowError, json};

/// The borrowed form of a `Vec` column: a `Copy` list that gives its elements as views.
///
/// ```
/// use stream_runtime::schema::{Column, List};
///
/// let tags = vec!["new".to_owned(), "sale".to_owned()];
/// let view: List<'_, String> = tags.view();
/// assert_eq!(view.len(), 2);
/// assert_eq!(view.get(1), Some("sale"));
/// assert!(view.iter().any(|tag| tag == "new"));
/// ```
pub struct List<'a, T: Element>(Backing<'a, T>);

/// Rows in memory own their elements; decoded ones were put into the arena as views.
enum Backing<'a, T: Element> {
    Owned(&'a [T]),
    Views(&'a [T::View<'a>]),
}

impl<'a, T: Element> List<'a, T> {
    /// The list of the views that an arena holds.
    pub(crate) fn of_views(views: &'a [T::View<'a>]) -> Self {
        Self(Backing::Views(views))
    }

    /// The number of elements.
    pub fn len(self) -> usize {
        match self.0 {
            Backing::Owned(elements) => elements.len(),
            Backing::Views(elements) => elements.len(),
        }
    }

    /// Whether there are no elements.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The element at `index`, or `None` past the end.
    pub fn get(self, index: usize) -> Option<T::View<'a>> {
        match self.0 {
            Backing::Owned(elements) => elements.get(index).map(T::view),
            Backing::Views(elements) => elements.get(index).copied(),
        }
    }

    /// The elements in order.
    pub fn iter(self) -> ListIter<'a, T> {
        ListIter { list: self, next: 0 }
    }
}

impl<T: Element> Clone for List<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Element> Copy for List<'_, T> {}

impl<T: Element> Clone for Backing<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Element> Copy for Backing<'_, T> {}

impl<T: Element> fmt::Debug for List<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<T: Element> PartialEq for List<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().zip(*other).all(|(left, right)| left == right)
    }
}

impl<'a, T: Element> IntoIterator for List<'a, T> {
    type Item = T::View<'a>;
    type IntoIter = ListIter<'a, T>;

    fn into_iter(self) -> ListIter<'a, T> {
        self.iter()
    }
}

impl<'a, T: Element> IntoIterator for &List<'a, T> {
    type Item = T::View<'a>;
    type IntoIter = ListIter<'a, T>;

    fn into_iter(self) -> ListIter<'a, T> {
        self.iter()
    }
}

/// The elements of a [`List`], in order.
#[derive(Debug)]
pub struct ListIter<'a, T: Element> {
    list: List<'a, T>,
    next: usize,
}

impl<T: Element> Clone for ListIter<'_, T> {
    fn clone(&self) -> Self {
        Self { list: self.list, next: self.next }
    }
}

impl<'a, T: Element> Iterator for ListIter<'a, T> {
    type Item = T::View<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let element = self.list.get(self.next)?;
        self.next += 1;
        Some(element)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.list.len() - self.next;
        (left, Some(left))
    }
}

impl<T: Element> ExactSizeIterator for ListIter<'_, T> {}

/// The elements that a list makes room for before it has unpacked them. More come with the bytes that hold them:
/// a view is often many times as large as its bytes, and a count may be damaged.
const ROOM: usize = 16;

/// Lists out of a batch of columns.
#[derive(Debug)]
pub struct ListValues<'a, T: Element> {
    /// Where the elements of each list begin, then where the last one ends.
    offsets: &'a [usize],
    /// Boxed, for a struct that holds a list of itself.
    elements: Box<Bound<'a, T>>,
}

impl<T: Element> Column for Vec<T> {
    type View<'a> = List<'a, T>;
    type Values<'a> = ListValues<'a, T>;

    fn data_type() -> DataType {
        DataType::new::<Self>(Kind::ListOf(Box::new(T::data_type())))
    }

    #[inline]
    fn view(&self) -> List<'_, T> {
        List(Backing::Owned(self))
    }

    fn from_view(view: List<'_, T>) -> Self {
        view.iter().map(T::from_view).collect()
    }

    fn keep<'a>(view: List<'_, T>, arena: &'a Arena) -> List<'a, T> {
        let views: Vec<T::View<'a>> = view.iter().map(|element| T::keep(element, arena)).collect();
        List(Backing::Views(arena.slice(&views)))
    }

    fn placeholder<'a>() -> Self::View<'a> {
        List(Backing::Owned(&[]))
    }

    fn decode_json<'a, D: Deserializer<'a>>(
        value: D,
        decoding: Decoding<'a>,
    ) -> Result<List<'a, T>, D::Error> {
        value.deserialize_seq(ListVisitor::<T> { decoding, element: std::marker::PhantomData })
    }

    fn decode_text<'a>(text: &'a str, decoding: Decoding<'a>) -> Result<List<'a, T>, RowError> {
        json::decode_json_cell::<Self>(text, decoding)
    }

    fn bind<'a>(
        values: &'a Values<'a>,
        timestamps: TimestampFormat,
        differences: &mut Differences,
    ) -> Option<ListValues<'a, T>> {
        let Values::Lists(offsets, elements) = values else {
            return mismatch(values, "a list", differences);
        };
        let elements = differences
            .within("element", "", |differences| Box::new(Bound::new(elements, timestamps, differences)));
        Some(ListValues { offsets, elements })
    }

    fn value<'a>(values: &ListValues<'a, T>, row: usize, arena: &'a Arena) -> Result<List<'a, T>, RowError> {
        let [begin, end] = *values.offsets.get(row..=row + 1).ok_or_else(past_the_end)? else {
            return Err(past_the_end());
        };
        let mut views = arena.list(end.saturating_sub(begin).min(ROOM));
        for element in begin..end {
            let view = values.elements.value(element, arena);
            views.push(
                view.map_err(|error| RowError::new(format_args!("element {}: {error}", element - begin)))?,
            );
        }
        Ok(List::of_views(views.into_bump_slice()))
    }

    fn encode_json(view: List<'_, T>, timestamps: TimestampFormat, out: &mut Vec<u8>) {
        out.push(b'[');
        for (index, element) in view.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            T::encode_json(element, timestamps, out);
        }
        out.push(b']');
    }

    fn encode_text(view: List<'_, T>, timestamps: TimestampFormat, out: &mut String) {
        json::write_json_cell::<Self>(view, timestamps, out);
    }

    fn pack(view: List<'_, T>, out: &mut Vec<u8>) {
        pack_length(view.len(), out);
        for element in view {
            T::pack(element, out);
        }
    }

    fn unpack<'a>(bytes: &mut &'a [u8], arena: &'a Arena) -> Option<List<'a, T>> {
        let count = unpack_length(bytes)?;
        arena.one_deeper(|| {
            let mut views = arena.list(count.min(ROOM));
            for _ in 0..count {
                views.push(T::unpack(bytes, arena)?);
            }
            Some(List::of_views(views.into_bump_slice()))
        })
    }

    fn write_column<'a, W: ColumnWriter, I>(values: I, writer: &mut W) -> Result<W::Column, W::Error>
    where
        I: Iterator<Item = Option<List<'a, T>>> + Clone,
    {
        writer.list(values)
    }
}

impl<T: Element> Element for Vec<T> {}
impl<T: Element + HoldsTimestamps> HoldsTimestamps for Vec<T> {}

struct ListVisitor<'a, T> {
    decoding: Decoding<'a>,
    element: std::marker::PhantomData<fn() -> T>,
}

impl<'a, T: Element> Visitor<'a> for ListVisitor<'a, T> {
    type Value = List<'a, T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut elements: A) -> Result<List<'a, T>, A::Error> {
        let mut views = self.decoding.arena.list(0);
        while let Some(view) = elements.next_element_seed(Seed::<T>::new(self.decoding))? {
            views.push(view);
        }
        Ok(List::of_views(views.into_bump_slice()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;
    use crate::schema::Schema;
    use crate::time::Window;

    /// A row whose view is many times as large as the bytes that it may be unpacked from.
    #[derive(Schema)]
    struct Sparse {
        windows: Vec<Option<Window>>,
        notes: Vec<String>,
        within: Vec<Self>,
    }

    const VIEW: usize = size_of::<<Sparse as Column>::View<'static>>();

    /// Unpacks a list of rows, and compares what it takes from the arena with the bytes that it has read.
    fn assert_cheap(bytes: &[u8]) -> Result<(), TestCaseError> {
        let arena = Arena::default();
        let mut rest = bytes;
        let _ = Vec::<Sparse>::unpack(&mut rest, &arena);
        let read = bytes.len() - rest.len();
        // A list that grows leaves what it has outgrown behind, and the arena grows by doubling.
        let most = 6 * VIEW * read + 2 * 128 * ROOM * VIEW;
        prop_assert!(arena.allocated() <= most, "{} bytes to read {read}", arena.allocated());
        Ok(())
    }

    #[test]
    fn a_damaged_count_takes_no_more_than_a_little_room() -> Result<(), TestCaseError> {
        let longest = [0xff, 0xff, 0x3f];
        let rest = vec![0xff; 1 << 20];
        assert_cheap(&[longest.as_slice(), &rest].concat())?;
        let nested = [&[0, 0], longest.as_slice()].concat().repeat(200);
        assert_cheap(&[longest.as_slice(), &nested, &rest].concat())
    }

    fn config() -> ProptestConfig {
        ProptestConfig {
            rng_seed: RngSeed::Fixed(20_260_103),
            failure_persistence: None,
            ..ProptestConfig::default()
        }
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn any_bytes_take_memory_in_proportion_to_those_read(
            bytes in prop::collection::vec(prop_oneof![4 => 0_u8..3, 1 => 0_u8..200, 1 => any::<u8>()], 0..1_000),
        ) {
            assert_cheap(&bytes)?;
        }
    }
}
