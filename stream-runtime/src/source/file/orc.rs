//! ORC files: the stripes that begin in a piece of the file, and of them the columns that the query names.

use std::io::{self, BufReader, Read, Seek, SeekFrom};
#[cfg(feature = "object-store")]
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use orc_rust::ArrowReaderBuilder;
use orc_rust::projection::ProjectionMask;
use orc_rust::reader::ChunkReader;
use orc_rust::reader::metadata::FileMetadata;
use orc_rust::schema::TimestampPrecision;
use orc_rust::statistics::TypeStatistics;
use orc_rust::stripe::StripeMetadata;

use super::columnar::{BATCH, Problem, column_names, guarded, push_all};
use super::split::Piece;
use crate::format::partition::PartitionValues;
use crate::schema::Schema;
use crate::source::Rows;
use crate::storage::{FileReader, OpenFile};

/// How much of an object is fetched at least.
#[cfg(feature = "object-store")]
const READ_AHEAD: u64 = 1 << 20;

pub(super) fn read<R: Schema>(
    piece: &Piece,
    file: &OpenFile,
    partition: &PartitionValues,
    rows: &mut dyn Rows<R>,
) -> Result<(), Problem> {
    let (path, range) = (&*piece.file.path, piece.range.clone());
    let names = column_names::<R>(rows.wanted().columns, partition);
    let (reader, row) = guarded(|| {
        let builder = ArrowReaderBuilder::try_new(Bounded::new(file, piece.file.size)?)?;
        let metadata = builder.file_metadata();
        let precision = precision(metadata);
        let mask = ProjectionMask::named_roots(metadata.root_data_type(), &names);
        let before = metadata.stripe_metadatas().iter().filter(|stripe| stripe.offset() < range.start);
        let row = before.map(StripeMetadata::number_of_rows).fold(1_u64, u64::saturating_add);
        let in_memory = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
        let reader = builder
            .with_projection(mask)
            .with_batch_size(BATCH)
            .with_timestamp_precision(precision)
            .with_file_byte_range(in_memory(range.start)..in_memory(range.end))
            .build();
        Ok((reader, row))
    })?;
    push_all(reader, path, partition, row, rows)
}

/// Nanoseconds in 64 bits end in 2262, and as microseconds the reader refuses what has more digits. Where the file's statistics say that
/// all of its timestamps are far from that end, they are read as nanoseconds.
fn precision(metadata: &FileMetadata) -> TimestampPrecision {
    /// Without the last days, for the time zone that the writer may have had.
    const END_MILLIS: i64 = i64::MAX / 1_000_000 - 200_000_000;
    let times =
        metadata.column_file_statistics().iter().filter_map(|column| match column.type_statistics() {
            Some(TypeStatistics::Timestamp { min, max, min_utc, max_utc }) => {
                Some([min, max, min_utc, max_utc])
            }
            _ => None,
        });
    let mut times = times.flatten().peekable();
    let are_known = times.peek().is_some();
    if are_known && times.all(|&millis| (-END_MILLIS..END_MILLIS).contains(&millis)) {
        TimestampPrecision::Nanosecond
    } else {
        TimestampPrecision::Microsecond
    }
}

/// A file of which nothing past its end is asked for: lengths in a damaged one may be anything.
struct Bounded {
    file: OpenFile,
    size: u64,
    /// What was fetched last of an object, and where it begins: streams of a stripe lie one after the other.
    #[cfg(feature = "object-store")]
    here: Mutex<(u64, Bytes)>,
}

impl Bounded {
    fn new(file: &OpenFile, size: u64) -> io::Result<Self> {
        Ok(Self {
            file: file.try_clone()?,
            size,
            #[cfg(feature = "object-store")]
            here: Mutex::default(),
        })
    }
}

impl ChunkReader for Bounded {
    type T = BufReader<FileReader>;

    fn len(&self) -> u64 {
        self.size
    }

    fn get_read(&self, offset: u64) -> io::Result<Self::T> {
        let mut file = self.file.reader(self.size)?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(BufReader::new(file))
    }

    fn get_bytes(&self, offset: u64, length: u64) -> io::Result<Bytes> {
        let Some(end) = offset.checked_add(length).filter(|end| *end <= self.size) else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        #[cfg(feature = "object-store")]
        if let OpenFile::Object(object) = &self.file {
            let mut here = self.here.lock().unwrap_or_else(PoisonError::into_inner);
            let (begin, bytes) = &*here;
            if offset < *begin || end - *begin > bytes.len() as u64 {
                let ahead = offset.saturating_add(READ_AHEAD).clamp(end, self.size);
                *here = (offset, object.range(offset..ahead)?);
            }
            let from = usize::try_from(offset - here.0).map_err(io::Error::other)?;
            let length = usize::try_from(length).map_err(io::Error::other)?;
            return Ok(here.1.slice(from..from + length));
        }
        let mut bytes = vec![0; usize::try_from(end - offset).map_err(io::Error::other)?];
        let mut file = self.file.reader(self.size)?;
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }
}
