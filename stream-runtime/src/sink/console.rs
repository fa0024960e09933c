//! [`ConsoleSink`]: prints each batch as a table, to watch a query while it is being built.
//!
//! A table is never wider than the terminal, and nothing from a row can move the cursor or change colours:
//! control characters are printed escaped.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use crate::error::{Error, Result};
use crate::format::{TextRow, table};
use crate::schema::Schema;
use crate::sink::blocking::blocking;
use crate::sink::{AnyMode, Sink, SinkBatch, SinkContext};

/// Prints each batch as a table. Takes every output mode.
///
/// ```text
/// Batch: 3 · PageStats · append · watermark 2026-01-01T00:10:00.000Z · 2 rows
/// ┌────────┬───────┐
/// │ page   ┆ views │
/// ╞════════╪═══════╡
/// │ /home  ┆    17 │
/// │ /about ┆     4 │
/// └────────┴───────┘
/// ```
///
/// A result with more columns than fit side by side is printed one column a line. A batch without rows is one
/// line. A batch that is replayed after a restart is printed again: a console can't know what it has shown.
///
/// ```
/// use stream_runtime::sink::ConsoleSink;
///
/// let sink = ConsoleSink::new().num_rows(5).truncate(false);
/// ```
pub struct ConsoleSink {
    num_rows: usize,
    truncate: bool,
    width: Option<u16>,
    output: Output,
    query_name: String,
    printed: Option<u64>,
}

enum Output {
    Stdout,
    Writer(Arc<Mutex<dyn Write + Send>>),
}

impl ConsoleSink {
    /// Prints to standard output.
    pub fn new() -> Self {
        Self {
            num_rows: 20,
            truncate: true,
            width: None,
            output: Output::Stdout,
            query_name: String::new(),
            printed: None,
        }
    }

    /// How many rows of a batch are printed (20 unless set); a last line says how many more there are.
    pub fn num_rows(mut self, rows: usize) -> Self {
        self.num_rows = rows;
        self
    }

    /// Whether each row keeps to one line, with `…` where a cell is cut to fit (the default), or takes as many
    /// lines as its longest cell needs. Beside other columns a number is never cut.
    pub fn truncate(mut self, truncate: bool) -> Self {
        self.truncate = truncate;
        self
    }

    /// The widest that a table may be, in columns; the terminal's width unless set, and 120 if there is none.
    pub fn width(mut self, columns: u16) -> Self {
        self.width = Some(columns);
        self
    }

    /// Prints to `writer` instead of standard output.
    pub fn to_writer(mut self, writer: impl Write + Send + 'static) -> Self {
        self.output = Output::Writer(Arc::new(Mutex::new(writer)));
        self
    }

    fn columns(&self) -> u16 {
        self.width
            .or_else(|| match self.output {
                Output::Stdout => table::terminal_width(),
                Output::Writer(_) => None,
            })
            .unwrap_or(table::WIDTH)
    }

    fn render<R: Schema>(&self, batch: &SinkBatch<'_, R>) -> String {
        let mut text = self.title(batch);
        text.push('\n');
        if batch.rows.is_empty() {
            return text;
        }
        let shown: Vec<TextRow> = batch
            .rows
            .iter()
            .take(self.num_rows)
            .map(|row| {
                let mut cells = TextRow::default();
                row.encode_text(&mut cells);
                cells
            })
            .collect();
        let headings: Vec<_> = R::FIELDS.iter().map(table::Heading::from).collect();
        if !shown.is_empty() {
            table::render(&headings, &shown, self.columns(), self.truncate, &mut text);
        }
        table::push_rest(batch.rows.len(), shown.len(), &mut text);
        text.push('\n');
        text
    }

    fn title<R>(&self, batch: &SinkBatch<'_, R>) -> String {
        let mut parts = vec![format!("Batch: {}", batch.id)];
        if !self.query_name.is_empty() {
            let mut name = String::new();
            table::push_printable(&self.query_name, usize::MAX, &mut name);
            parts.push(name);
        }
        parts.push(batch.mode.name().to_owned());
        parts.extend(batch.watermark.map(|watermark| format!("watermark {watermark}")));
        parts.push(match batch.rows.len() {
            0 => "no rows".to_owned(),
            1 => "1 row".to_owned(),
            rows => format!("{rows} rows"),
        });
        parts.join(" · ")
    }
}

impl Default for ConsoleSink {
    fn default() -> Self {
        Self::new()
    }
}

impl Output {
    /// Writes without blocking the calling thread.
    async fn print(&self, text: String) -> io::Result<()> {
        let writer = match self {
            Self::Stdout => None,
            Self::Writer(writer) => Some(Arc::clone(writer)),
        };
        let write = move || match writer {
            None => print(&text, &mut io::stdout().lock()),
            // A writer that panicked once is the service's own; its next answer is as good as any.
            Some(writer) => print(&text, &mut *writer.lock().unwrap_or_else(PoisonError::into_inner)),
        };
        blocking(move || Ok(write())).await.unwrap_or_else(|error| Err(io::Error::other(error)))
    }
}

fn print(text: &str, to: &mut dyn Write) -> io::Result<()> {
    to.write_all(text.as_bytes())?;
    to.flush()
}

#[async_trait]
impl<R: Schema> Sink<R> for ConsoleSink {
    type Modes = AnyMode;

    fn description(&self) -> String {
        "ConsoleSink".to_owned()
    }

    fn writes_to_terminal(&self) -> bool {
        matches!(self.output, Output::Stdout)
    }

    async fn open(&mut self, context: SinkContext) -> Result<()> {
        self.query_name = context.query_name;
        self.printed = None;
        Ok(())
    }

    async fn commit(&mut self, batch: SinkBatch<'_, R>) -> Result<()> {
        if self.printed.is_some_and(|printed| batch.id <= printed) {
            return Ok(());
        }
        let text = self.render(&batch);
        self.output.print(text).await.map_err(|error| {
            Error::sink("ConsoleSink", format_args!("printing batch {} failed: {error}", batch.id))
        })?;
        self.printed = Some(batch.id);
        Ok(())
    }
}

impl fmt::Debug for ConsoleSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsoleSink")
            .field("num_rows", &self.num_rows)
            .field("truncate", &self.truncate)
            .field("width", &self.width)
            .finish_non_exhaustive()
    }
}
