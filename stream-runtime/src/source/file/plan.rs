//! How a batch's files are cut into splits: small files together, large ones in parts.

use std::sync::Arc;

use super::format::Encoding;
use super::line_count::LineCount;
use super::log::SeenFile;
use super::split::{FileSplit, Piece, Reading};
use crate::schema::Schema;
use crate::source::Split;

/// Smaller splits cost more than they balance.
const MIN_SPLIT: u64 = 4 << 20;
/// Splits for each worker, so that a slow one doesn't hold up the batch.
const SPLITS_PER_WORKER: u64 = 4;

/// Cuts the files into splits, in order.
pub(super) fn plan<'a, R: Schema>(
    files: impl Iterator<Item = &'a SeenFile> + Clone,
    reading: &Arc<Reading>,
    parallelism: usize,
) -> Vec<Box<dyn Split<R>>> {
    let total = files.clone().fold(0_u64, |total, file| total.saturating_add(file.size));
    let share = match parallelism {
        0 | 1 => u64::MAX,
        workers => (total / (workers as u64).saturating_mul(SPLITS_PER_WORKER)).max(MIN_SPLIT),
    };
    cut_all(files, reading, share)
}

/// Cuts the files into splits of about `share` bytes.
fn cut_all<'a, R: Schema>(
    files: impl Iterator<Item = &'a SeenFile>,
    reading: &Arc<Reading>,
    share: u64,
) -> Vec<Box<dyn Split<R>>> {
    let mut splits: Vec<Box<dyn Split<R>>> = Vec::new();
    let mut pieces = Vec::new();
    let mut weight = 0_u64;
    for piece in files.flat_map(|file| cut(file, reading, share)) {
        weight = weight.saturating_add(piece.range.end - piece.range.start);
        pieces.push(piece);
        if weight >= share {
            splits.push(Box::new(FileSplit::new(Arc::clone(reading), std::mem::take(&mut pieces))));
            weight = 0;
        }
    }
    if !pieces.is_empty() {
        splits.push(Box::new(FileSplit::new(Arc::clone(reading), pieces)));
    }
    splits
}

/// Cuts a file in parts of at most `share` bytes, if its rows can be found from the middle of it.
fn cut(file: &SeenFile, reading: &Arc<Reading>, share: u64) -> Vec<Piece> {
    let parts = if reading.encoding.can_be_cut(&file.path) { file.size.div_ceil(share).max(1) } else { 1 };
    if parts == 1 {
        return vec![Piece { file: file.clone(), range: 0..file.size, part: None }];
    }
    let step = file.size.div_ceil(parts);
    let cuts: Vec<_> = (0..=parts).map(|part| part.saturating_mul(step).min(file.size)).collect();
    let lines = matches!(reading.encoding, Encoding::Json)
        .then(|| Arc::new(LineCount::new(Arc::clone(reading), file.clone(), cuts.clone())));
    let ranges = cuts.windows(2).enumerate();
    ranges
        .map(|(part, cut)| Piece {
            file: file.clone(),
            range: cut[0]..cut[1],
            part: lines.as_ref().map(|lines| (Arc::clone(lines), part)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;
    use crate::format::csv::CsvFormat;
    use crate::source::file::listing;
    use crate::source::file::partition::Partitions;
    use crate::source::file::records::Limits;
    use crate::source::{Chunk, Line, Position, Rows};
    use crate::storage::Storage;

    /// A line or record: its bytes without the line end, its line's number and offset, and whether it was too long.
    type Item = (Vec<u8>, Option<u64>, u64, bool);

    #[derive(Default)]
    struct Items {
        lines: Vec<Item>,
        csv: Vec<Vec<u8>>,
        largest: usize,
    }

    impl Rows<Line> for Items {
        fn push(&mut self, chunk: Chunk<'_, Line>) -> crate::Result<()> {
            match chunk {
                Chunk::Json { bytes, at } => {
                    self.largest = self.largest.max(bytes.len());
                    let mut place = at;
                    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
                        self.lines.push((content(line).to_vec(), place.line_number(), place.offset, false));
                        place = Position {
                            line: place.line + 1,
                            offset: place.offset + line.len() as u64,
                            ..place
                        };
                    }
                }
                Chunk::Malformed { bytes, at, .. } => {
                    self.lines.push((bytes.to_vec(), at.line_number(), at.offset, true));
                }
                Chunk::Csv { bytes, .. } => {
                    self.largest = self.largest.max(bytes.len());
                    self.csv.push(bytes.to_vec());
                }
                _ => unreachable!("files of lines and records have nothing else"),
            }
            Ok(())
        }
    }

    fn content(line: &[u8]) -> &[u8] {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        line.strip_suffix(b"\r").unwrap_or(line)
    }

    /// Reads a file in splits of about `share` bytes.
    fn read(bytes: &[u8], encoding: Encoding, share: u64, limits: Limits) -> Items {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, bytes).unwrap();
        let file = listing::stat(&Storage::Disk, Arc::from(path.to_str().unwrap())).unwrap().unwrap();
        let reading = Arc::new(Reading {
            source: "test".to_owned(),
            storage: Storage::Disk,
            encoding,
            limits,
            partitions: Partitions::default(),
        });
        let mut items = Items::default();
        for mut split in cut_all(std::iter::once(&file), &reading, share) {
            split.read(&mut items).unwrap();
        }
        items
    }

    proptest! {
        #[test]
        fn each_line_is_read_once_with_its_number_however_the_file_is_cut(
            text in prop::collection::vec(prop_oneof![4 => "[a-c]{0,3}", 1 => "x{4,40}"], 0..30),
            last_line_end in any::<bool>(),
            crlf in any::<bool>(),
            share in 1_u64..200,
            chunk in 1_usize..40,
            record in 1_usize..20,
        ) {
            let end = if crlf { "\r\n" } else { "\n" };
            let mut text = text.join(end);
            if last_line_end {
                text.push_str(end);
            }
            let bytes = text.as_bytes();
            let mut wanted: Vec<Item> = Vec::new();
            let mut offset = 0;
            for (index, line) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
                let text = content(line);
                let too_long = text.len() > record;
                let shown = if too_long { &text[..record] } else { text };
                wanted.push((shown.to_vec(), Some(index as u64 + 1), offset, too_long));
                offset += line.len() as u64;
            }
            let items = read(bytes, Encoding::Json, share, Limits { chunk, record });
            prop_assert_eq!(items.lines, wanted);
            prop_assert!(items.largest <= chunk.max(record + 2));
        }

        #[test]
        fn csv_chunks_end_where_records_end_whatever_is_in_quotes(
            records in prop::collection::vec("[ab]{0,3}(,\"[ab,\n]{0,8}(\"\"[ab\n]{0,3})?\"){0,2}", 0..12),
            chunk in 1_usize..40,
        ) {
            let format = CsvFormat { header: false, ..CsvFormat::default() };
            let text: String = records.iter().flat_map(|record| [record, "\n"]).collect();
            let items = read(text.as_bytes(), Encoding::Csv(format), 1, Limits { chunk, record: 1 << 20 });
            prop_assert_eq!(items.csv.concat(), text.as_bytes());
            let mut ends = Vec::new();
            let mut end = 0;
            for record in &records {
                end += record.len() + 1;
                ends.push(end);
            }
            let mut end = 0;
            for chunk in items.csv {
                end += chunk.len();
                prop_assert!(ends.contains(&end));
            }
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_line() {
        for chunk in [1, 2, 3, 4, 100] {
            let limits = Limits { chunk, record: 100 };
            let items = read(b"\xef\xbb\xbfa\nb", Encoding::Json, u64::MAX, limits);
            assert_eq!(items.lines, [(b"a".to_vec(), Some(1), 3, false), (b"b".to_vec(), Some(2), 5, false)]);
            let csv = Encoding::Csv(CsvFormat { header: false, ..CsvFormat::default() });
            assert_eq!(read(b"\xef\xbb\xbf\"a\nb\"\n", csv, 1, limits).csv.concat(), b"\"a\nb\"\n");
        }
    }

    #[test]
    fn a_csv_record_that_is_too_long_is_cut_out_with_its_quoted_lines() {
        let csv = Encoding::Csv(CsvFormat { header: false, ..CsvFormat::default() });
        let text = b"a\n\"bbb\nbbb\nbbb\",x\nc\n";
        for chunk in [1, 5, 100] {
            let items = read(text, csv, 1, Limits { chunk, record: 6 });
            assert_eq!(items.csv.concat(), b"a\nc\n");
            assert_eq!(items.lines, [(b"\"bbb\nb".to_vec(), Some(2), 2, true)]);
        }
    }
}
