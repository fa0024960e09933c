//! Compressed text: what JSON and CSV files are written through, and read back when they are merged.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

/// How JSON and CSV files are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TextCompression {
    /// Not at all.
    #[default]
    None,
    /// gzip at level 6: the files end in `.gz`.
    #[cfg(feature = "compression")]
    Gzip,
    /// Zstandard at level 3: the files end in `.zst`. Spark reads them only where Hadoop's native library is
    /// installed; Parquet files that are compressed so it always reads.
    #[cfg(feature = "compression")]
    Zstd,
}

impl TextCompression {
    /// What the name of a file with this ending ends in.
    pub(super) fn extension(self, plain: &str) -> String {
        match self {
            Self::None => plain.to_owned(),
            #[cfg(feature = "compression")]
            Self::Gzip => format!("{plain}.gz"),
            #[cfg(feature = "compression")]
            Self::Zstd => format!("{plain}.zst"),
        }
    }

    #[cfg_attr(
        not(feature = "compression"),
        expect(clippy::unnecessary_wraps, reason = "an encoder of Zstandard can fail to begin")
    )]
    pub(super) fn begin(self, file: File) -> io::Result<TextBody> {
        Ok(TextBody(match self {
            Self::None => Encoder::Plain(file),
            #[cfg(feature = "compression")]
            Self::Gzip => Encoder::Gzip(flate2::write::GzEncoder::new(file, flate2::Compression::default())),
            #[cfg(feature = "compression")]
            Self::Zstd => Encoder::Zstd(zstd::Encoder::new(file, zstd::DEFAULT_COMPRESSION_LEVEL)?),
        }))
    }

    /// Opens a file that was written so.
    pub(super) fn open(self, path: &Path) -> io::Result<Box<dyn BufRead>> {
        let file = File::open(path)?;
        Ok(match self {
            Self::None => Box::new(BufReader::new(file)),
            #[cfg(feature = "compression")]
            Self::Gzip => Box::new(BufReader::new(flate2::read::MultiGzDecoder::new(file))),
            #[cfg(feature = "compression")]
            Self::Zstd => Box::new(BufReader::new(zstd::Decoder::new(file)?)),
        })
    }
}

/// A text file being written.
#[derive(Debug)]
pub struct TextBody(Encoder);

enum Encoder {
    Plain(File),
    #[cfg(feature = "compression")]
    Gzip(flate2::write::GzEncoder<File>),
    #[cfg(feature = "compression")]
    Zstd(zstd::Encoder<'static, File>),
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Encoder")
    }
}

impl TextBody {
    pub(super) fn end(self) -> io::Result<File> {
        match self.0 {
            Encoder::Plain(file) => Ok(file),
            #[cfg(feature = "compression")]
            Encoder::Gzip(encoder) => encoder.finish(),
            #[cfg(feature = "compression")]
            Encoder::Zstd(encoder) => encoder.finish(),
        }
    }
}

impl Write for TextBody {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Encoder::Plain(file) => file.write(bytes),
            #[cfg(feature = "compression")]
            Encoder::Gzip(encoder) => encoder.write(bytes),
            #[cfg(feature = "compression")]
            Encoder::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Encoder::Plain(file) => file.flush(),
            #[cfg(feature = "compression")]
            Encoder::Gzip(encoder) => encoder.flush(),
            #[cfg(feature = "compression")]
            Encoder::Zstd(encoder) => encoder.flush(),
        }
    }
}
