//! [`Framing`]: where one record ends and the next begins.
//!
//! For CSV it agrees with the decoder (`csv-core`): a quote opens a quoted cell only where the cell begins, and a
//! line end within quotes is data.

/// Finds the ends of records in bytes that arrive piece by piece.
#[derive(Clone, Copy, Debug)]
pub(super) enum Framing {
    /// Each line is a record.
    Lines,
    /// CSV records.
    Csv(CsvFraming),
}

/// Where in a CSV record the bytes seen so far end.
#[derive(Clone, Copy, Debug)]
pub(super) struct CsvFraming {
    delimiter: u8,
    quote: u8,
    state: State,
    /// The byte before the next one.
    previous: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Not within quotes.
    Plain,
    Quoted,
    /// After a quote within quotes: it closed the cell, unless another quote follows.
    MayBeClosed,
}

impl Framing {
    /// CSV records; the first byte to come begins one.
    pub(super) fn csv(delimiter: u8, quote: u8) -> Self {
        Self::Csv(CsvFraming { delimiter, quote, state: State::Plain, previous: b'\n' })
    }

    /// The end (past the line end) of the first record that ends in `bytes[from..]`. Without one, the next call goes
    /// on from `bytes.len()`.
    pub(super) fn first_end(&mut self, bytes: &[u8], from: usize) -> Option<usize> {
        match self {
            Self::Lines => memchr::memchr(b'\n', &bytes[from..]).map(|at| from + at + 1),
            Self::Csv(csv) => csv.first_end(bytes, from),
        }
    }

    /// The end of the last record that ends in `bytes[from..]`. The next call goes on from `bytes.len()` either way.
    pub(super) fn last_end(&mut self, bytes: &[u8], from: usize) -> Option<usize> {
        match self {
            Self::Lines => memchr::memrchr(b'\n', &bytes[from..]).map(|at| from + at + 1),
            Self::Csv(csv) => csv.last_end(bytes, from),
        }
    }
}

impl CsvFraming {
    fn last_end(&mut self, bytes: &[u8], from: usize) -> Option<usize> {
        let mut last = None;
        let mut next = from;
        loop {
            if self.state == State::Plain && self.previous == b'\n' {
                // Between records: up to the next quote, every line end is the end of one.
                let quote = memchr::memchr(self.quote, &bytes[next..]).map_or(bytes.len(), |at| next + at);
                if let Some(at) = memchr::memrchr(b'\n', &bytes[next..quote]) {
                    next += at + 1;
                    last = Some(next);
                }
            }
            match self.first_end(bytes, next) {
                Some(end) => {
                    last = Some(end);
                    next = end;
                }
                None => return last,
            }
        }
    }

    fn first_end(&mut self, bytes: &[u8], from: usize) -> Option<usize> {
        let mut next = from;
        while next < bytes.len() {
            match self.state {
                State::Plain => {
                    let Some(at) = memchr::memchr2(self.quote, b'\n', &bytes[next..]) else { break };
                    if at > 0 {
                        self.previous = bytes[next + at - 1];
                    }
                    next += at + 1;
                    let found = bytes[next - 1];
                    let at_cell_start =
                        matches!(self.previous, b'\n' | b'\r') || self.previous == self.delimiter;
                    self.previous = found;
                    if found == b'\n' {
                        return Some(next);
                    }
                    if at_cell_start {
                        self.state = State::Quoted;
                    }
                }
                State::Quoted => {
                    let Some(at) = memchr::memchr(self.quote, &bytes[next..]) else { break };
                    next += at + 1;
                    self.state = State::MayBeClosed;
                }
                State::MayBeClosed => {
                    if bytes[next] == self.quote {
                        self.state = State::Quoted;
                        next += 1;
                    } else {
                        self.state = State::Plain;
                        self.previous = self.quote;
                    }
                }
            }
        }
        if let (State::Plain, Some(&last)) = (self.state, bytes.get(next..).and_then(<[u8]>::last)) {
            self.previous = last;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::format::csv::{CsvFormat, RecordReader, skip_line_ends};

    /// Where records end, as `csv-core` sees it.
    fn oracle(bytes: &[u8]) -> Vec<usize> {
        let mut reader = csv_core::ReaderBuilder::new().terminator(csv_core::Terminator::Any(b'\n')).build();
        let (mut ends, mut at) = (Vec::new(), 0);
        let mut cells = [0; 256];
        let mut cell_ends = [0; 256];
        while at < bytes.len() {
            let (result, read, _, _) = reader.read_record(&bytes[at..], &mut cells, &mut cell_ends);
            at += read;
            if matches!(result, csv_core::ReadRecordResult::Record) {
                ends.push(at);
            }
        }
        ends
    }

    /// The records as the query's decoder reads them.
    fn decode(bytes: &[u8]) -> Vec<Vec<String>> {
        let mut reader = RecordReader::new(CsvFormat::default());
        let mut records = Vec::new();
        let mut rest = skip_line_ends(bytes);
        while let Some(length) = reader.read(rest) {
            records.push(reader.cells().unwrap().into_iter().map(str::to_owned).collect());
            rest = skip_line_ends(&rest[length..]);
        }
        records
    }

    proptest! {
        #[test]
        fn a_cut_where_a_record_ends_changes_nothing_for_the_decoder(text in "([ab,\"]|\n|\r){0,40}") {
            let bytes = text.as_bytes();
            let whole = decode(bytes);
            let mut framing = Framing::csv(b',', b'"');
            let mut from = 0;
            while let Some(end) = framing.first_end(bytes, from) {
                prop_assert_eq!([decode(&bytes[..end]), decode(&bytes[end..])].concat(), &whole[..]);
                from = end;
            }
        }

        #[test]
        fn csv_records_end_where_the_decoder_ends_them_however_the_bytes_arrive(
            text in "([ab,\"]|\n){0,60}",
            cuts in prop::collection::vec(0_usize..60, 0..4),
        ) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).chain([0, bytes.len()]).collect();
            cuts.sort_unstable();

            let mut all = Framing::csv(b',', b'"');
            let mut ends = Vec::new();
            let mut last = Framing::csv(b',', b'"');
            let mut last_ends = Vec::new();
            for piece in cuts.windows(2) {
                let seen = &bytes[..piece[1]];
                let mut from = piece[0];
                while let Some(end) = all.first_end(seen, from) {
                    ends.push(end);
                    from = end;
                }
                last_ends.extend(last.last_end(seen, piece[0]));
            }
            // A decoder skips empty lines with the record that follows them; the framing ends a record at each.
            let decoded = oracle(bytes);
            let wanted: Vec<_> = decoded.iter().copied().filter(|&end| bytes[..end].ends_with(b"\n")).collect();
            let unblank = |ends: &[usize]| -> Vec<usize> {
                let blank = |end: usize| end == 1 || bytes[..end].ends_with(b"\n\n");
                ends.iter().copied().filter(|&end| wanted.contains(&end) || !blank(end)).collect()
            };
            prop_assert_eq!(unblank(&ends), wanted);
            prop_assert!(last_ends.iter().all(|end| ends.contains(end)));
            prop_assert_eq!(last_ends.last(), ends.last());
        }
    }

    #[test]
    fn a_quote_within_a_plain_cell_is_data() {
        let mut framing = Framing::csv(b',', b'"');
        assert_eq!(framing.last_end(b"5\" disk,1\n\"a\nb\",2\nc", 0), Some(18));
    }
}
