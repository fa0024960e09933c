//! [`RowArena`]: the keys and rows of a side of a join, as bytes.
//!
//! A record is written once and never moved within its chunk. Records that expire in the same span of time share
//! chunks, and a chunk is freed when the last of its records is released: no record has an allocation of its own, and
//! none outlives its neighbours by much.

/// A chunk takes no record beyond this many bytes; one that is larger by itself has a chunk of its own. What a place
/// can name: see [`Place`].
const CHUNK: usize = 1 << 16;

/// A small chunk grows by at least this.
const MIN_GROWTH: usize = 64;

/// A chunk that no span has any more.
const NO_SPAN: i64 = i64::MIN;

/// Where a record begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) chunk: u32,
    pub(super) offset: u16,
}

/// What the arena holds of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) ordinal: u64,
    pub(super) key: &'a [u8],
    pub(super) row: &'a [u8],
}

#[derive(Debug)]
struct Chunk {
    bytes: Vec<u8>,
    /// Records that have not been released.
    live: u32,
    span: i64,
}

/// Records in chunks.
#[derive(Debug, Default)]
pub(super) struct RowArena {
    chunks: Vec<Chunk>,
    free: Vec<u32>,
    /// The chunk that took the last record of each lane. A chunk may have gone to another span since.
    open: Vec<u32>,
    /// Capacity of all chunks.
    room: usize,
}

impl RowArena {
    /// Writes a record beside others of its span. `lane` is a small number that is mostly the same for the records of
    /// a span, and another one for those of other spans.
    pub(super) fn append(&mut self, lane: usize, span: i64, record: Record<'_>) -> Place {
        let Record { ordinal, key, row } = record;
        let (key_length, row_length) = (key.len() as u64, row.len() as u64);
        let need = varint_bytes(key_length)
            + varint_bytes(row_length)
            + varint_bytes(ordinal)
            + key.len()
            + row.len();
        let number = self.chunk_for(lane, span, need);
        let chunk = &mut self.chunks[number as usize];
        let offset = u16::try_from(chunk.bytes.len()).expect("a chunk that takes a record ends before 2^16");
        chunk.live += 1;
        let bytes = &mut chunk.bytes;
        if bytes.capacity() - bytes.len() < need {
            let before = bytes.capacity();
            let growth = (bytes.len() / 2).max(MIN_GROWTH).min(CHUNK - bytes.len());
            bytes.reserve_exact(growth.max(need));
            self.room += bytes.capacity() - before;
        }
        push_varint(key_length, bytes);
        push_varint(row_length, bytes);
        push_varint(ordinal, bytes);
        bytes.extend_from_slice(key);
        bytes.extend_from_slice(row);
        Place { chunk: number, offset }
    }

    /// The chunk of the span that takes a record of `need` bytes.
    #[inline]
    fn chunk_for(&mut self, lane: usize, span: i64, need: usize) -> u32 {
        if let Some(&number) = self.open.get(lane)
            && let Some(chunk) = self.chunks.get(number as usize)
            && chunk.span == span
            && chunk.bytes.len() + need <= CHUNK
        {
            return number;
        }
        self.open_chunk(lane, span)
    }

    #[cold]
    fn open_chunk(&mut self, lane: usize, span: i64) -> u32 {
        let chunk = Chunk { bytes: Vec::new(), live: 0, span };
        let number = match self.free.pop() {
            Some(number) => {
                self.chunks[number as usize] = chunk;
                number
            }
            None => {
                self.chunks.push(chunk);
                u32::try_from(self.chunks.len() - 1).expect("fewer than 2^32 chunks: memory ends first")
            }
        };
        if self.open.len() <= lane {
            self.open.resize(lane + 1, u32::MAX);
        }
        self.open[lane] = number;
        number
    }

    /// The record at a place.
    #[inline]
    pub(super) fn record(&self, place: Place) -> Record<'_> {
        let mut rest = &self.chunks[place.chunk as usize].bytes[usize::from(place.offset)..];
        let key_length = take_varint(&mut rest) as usize;
        let row_length = take_varint(&mut rest) as usize;
        let ordinal = take_varint(&mut rest);
        let (key, rest) = rest.split_at(key_length);
        Record { ordinal, key, row: &rest[..row_length] }
    }

    /// Gives up the record at a place; with the last one of its chunk goes the chunk.
    pub(super) fn release(&mut self, place: Place) {
        let chunk = &mut self.chunks[place.chunk as usize];
        chunk.live -= 1;
        if chunk.live == 0 {
            chunk.span = NO_SPAN;
            self.room -= std::mem::take(&mut chunk.bytes).capacity();
            self.free.push(place.chunk);
        }
    }

    pub(super) fn allocated_bytes(&self) -> usize {
        self.room
            + self.chunks.capacity() * size_of::<Chunk>()
            + (self.free.capacity() + self.open.capacity()) * size_of::<u32>()
    }
}

fn varint_bytes(value: u64) -> usize {
    (u64::BITS - (value | 1).leading_zeros()).div_ceil(7) as usize
}

/// Appends a number, seven bits a byte, the lowest first.
#[inline]
fn push_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Takes a number that `push_varint` has written.
#[inline]
fn take_varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    let mut shift = 0;
    while let Some(&byte) = bytes.split_off_first() {
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
        shift += 7;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record<'a>(ordinal: u64, key: &'a [u8], row: &'a [u8]) -> Record<'a> {
        Record { ordinal, key, row }
    }

    #[test]
    fn records_come_back_at_every_width_of_number_and_length() {
        let mut arena = RowArena::default();
        let bytes = vec![7; 200_000];
        let lengths = [0, 1, 127, 128, 16_383, 16_384, CHUNK - 10, CHUNK, 200_000];
        let ordinals = [0, 127, 128, 1 << 35, u64::MAX];
        let mut written = Vec::new();
        for (lane, &length) in lengths.iter().cycle().take(90).enumerate() {
            let ordinal = ordinals[lane % ordinals.len()];
            let record = record(ordinal, &bytes[..length % 300], &bytes[..length]);
            let before: usize = arena.chunks.iter().map(|chunk| chunk.bytes.len()).sum();
            written.push((arena.append(lane % 3, 1, record), record));
            let after: usize = arena.chunks.iter().map(|chunk| chunk.bytes.len()).sum();
            let numbers = [record.key.len() as u64, record.row.len() as u64, ordinal];
            let need =
                numbers.into_iter().map(varint_bytes).sum::<usize>() + record.key.len() + record.row.len();
            assert_eq!(after - before, need, "the bytes of numbers are foreseen");
        }
        for (place, record) in written {
            assert_eq!(arena.record(place), record);
        }
    }

    #[test]
    fn a_chunk_goes_with_its_last_record_and_is_used_again() {
        let mut arena = RowArena::default();
        let first = arena.append(0, 1, record(0, b"a", b"1"));
        let second = arena.append(0, 1, record(1, b"a", b"2"));
        assert_eq!(first.chunk, second.chunk);
        arena.release(first);
        assert_eq!(arena.record(second), record(1, b"a", b"2"));
        arena.release(second);
        assert_eq!(arena.room, 0);
        // Span 1 is still the last one of lane 0.
        let third = arena.append(1, 2, record(0, b"b", b"3"));
        let fourth = arena.append(0, 1, record(0, b"c", b"4"));
        assert_eq!((third.chunk, fourth.chunk), (first.chunk, 1), "one chunk is of one span");
    }

    #[test]
    fn a_full_chunk_has_little_room_beyond_its_records() {
        let mut arena = RowArena::default();
        let mut written = 0;
        for ordinal in 0..10_000 {
            arena.append(0, 1, record(ordinal, b"key", &[0; 40]));
            written += 43 + 2 + varint_bytes(ordinal);
        }
        assert!(arena.room <= written + CHUNK, "{} for {written}", arena.room);
    }
}
