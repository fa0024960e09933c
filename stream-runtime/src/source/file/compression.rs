//! Files of lines or records that are compressed as a whole, which their name tells: `.gz` and `.zst`.
//!
//! They can only be read from their beginning to their end, so one is never cut into parts; offsets are those of the content.

#[cfg(not(feature = "compression"))]
use std::convert::Infallible;
use std::io::{self, BufReader, Read};
use std::path::Path;

use super::range::Fill;

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    Gzip,
    Zstd,
}

impl Compression {
    /// What the file's name says.
    pub(super) fn of(path: &str) -> Option<Self> {
        let extension = Path::new(path).extension()?;
        if extension.eq_ignore_ascii_case("gz") {
            Some(Self::Gzip)
        } else if extension.eq_ignore_ascii_case("zst") {
            Some(Self::Zstd)
        } else {
            None
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// What the decompressor has to say, for a message.
    pub(super) fn problem(self, error: &io::Error) -> String {
        let name = self.name();
        match error.kind() {
            io::ErrorKind::UnexpectedEof => format!("its {name} data ends in the middle"),
            _ => format!("its {name} data is damaged ({error})"),
        }
    }

    /// Reads the content.
    ///
    /// # Errors
    /// Why it can't be read at all.
    #[cfg(feature = "compression")]
    pub(super) fn reader(self, file: BufReader<impl Read + 'static>) -> Result<impl Fill, String> {
        let content: Box<dyn Read> = match self {
            // A file may consist of several gzip streams, one after the other.
            Self::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(file)),
            Self::Zstd => Box::new(
                zstd::stream::read::Decoder::with_buffer(file).map_err(|error| self.problem(&error))?,
            ),
        };
        Ok(Content { content, position: 0 })
    }

    /// Says what is missing.
    ///
    /// # Errors
    /// Always.
    #[cfg(not(feature = "compression"))]
    pub(super) fn reader(self, _file: BufReader<impl Read + 'static>) -> Result<impl Fill, String> {
        let name = self.name();
        Err::<Infallible, _>(format!(
            "it is compressed with {name}; build with the feature `compression` of `stream-runtime`"
        ))
    }
}

/// What a decompressor gives.
#[cfg(feature = "compression")]
struct Content {
    content: Box<dyn Read>,
    position: u64,
}

#[cfg(feature = "compression")]
impl Fill for Content {
    fn position(&self) -> u64 {
        self.position
    }

    /// Nobody knows.
    fn remaining(&self) -> u64 {
        u64::MAX
    }

    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.content.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => {
                    self.position += *read.as_ref().unwrap_or(&0) as u64;
                    return read;
                }
            }
        }
    }
}

#[cfg(not(feature = "compression"))]
impl Fill for Infallible {
    fn position(&self) -> u64 {
        match *self {}
    }

    fn remaining(&self) -> u64 {
        match *self {}
    }

    fn fill(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
        match *self {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_tells_how_a_file_is_compressed() {
        assert_eq!(Compression::of("/data/a.json.gz"), Some(Compression::Gzip));
        assert_eq!(Compression::of("/data/a.ZST"), Some(Compression::Zstd));
        assert_eq!(Compression::of("/data.gz/a.json"), None);
        assert_eq!(Compression::of("/data/gz"), None);
    }
}
