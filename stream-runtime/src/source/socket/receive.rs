//! The receiving end of a socket: a task that reads lines into a bounded buffer.
//!
//! Invariant: the task stops reading while the buffer holds [`MAX_BUFFERED`] bytes or more, and no line adds more than
//! [`MAX_LINE`], so the sender waits instead of this process growing.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::engine::Clock;
use crate::time::Timestamp;

/// How many bytes of lines wait to be committed before the sender has to wait, too.
pub(super) const MAX_BUFFERED: usize = 16 << 20;
/// The longest line, without its line end.
pub(super) const MAX_LINE: usize = 1 << 20;
/// How much of a longer line is kept.
const PREFIX: usize = 4 << 10;
/// What a line costs besides its bytes, about.
const OVERHEAD: usize = 64;

/// A line as it came, without its line end.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) bytes: Box<[u8]>,
    /// The byte offset since the connection was made.
    pub(super) offset: u64,
    pub(super) at: Timestamp,
    /// Whether `bytes` are only the beginning.
    pub(super) too_long: bool,
}

/// How the stream ended.
#[derive(Clone, Debug)]
pub(super) enum End {
    /// The other side has closed it.
    Closed,
    /// The connection was lost.
    Failed(String),
}

/// The lines that were received and not committed.
#[derive(Debug)]
pub(super) struct Lines {
    /// The number of the first one.
    pub(super) first: u64,
    pub(super) kept: VecDeque<Arc<Received>>,
    bytes: usize,
    pub(super) end: Option<End>,
}

impl Lines {
    /// The number that the next line will have.
    pub(super) fn next(&self) -> u64 {
        self.first + self.kept.len() as u64
    }
}

#[derive(Debug)]
struct Shared {
    lines: Mutex<Lines>,
    /// Wakes the task when there is room again.
    space: Notify,
    /// Wakes the query that waits for lines.
    arrived: Notify,
}

/// A running reception; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Reception {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Drop for Reception {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Reception {
    /// Receives lines, numbered from `first`.
    pub(super) fn start(
        stream: impl AsyncRead + Unpin + Send + 'static,
        first: u64,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let lines = Lines { first, kept: VecDeque::new(), bytes: 0, end: None };
        let shared =
            Arc::new(Shared { lines: Mutex::new(lines), space: Notify::new(), arrived: Notify::new() });
        let receiver = Arc::clone(&shared);
        let task = tokio::spawn(async move { receiver.receive(stream, &*clock).await });
        Self { shared, task }
    }

    pub(super) fn lines(&self) -> MutexGuard<'_, Lines> {
        self.shared.lock()
    }

    /// Ends when lines, or the end of the stream, may have come.
    pub(super) async fn arrival(&self) {
        self.shared.arrived.notified().await;
    }

    /// Forgets the lines before number `end`.
    pub(super) fn forget(&self, end: u64) {
        let mut lines = self.lines();
        while lines.first < end {
            let Some(line) = lines.kept.pop_front() else { break };
            lines.first += 1;
            lines.bytes -= line.bytes.len() + OVERHEAD;
        }
        drop(lines);
        self.shared.space.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Lines> {
        // Each user leaves the queue whole at every step.
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn receive(&self, mut stream: impl AsyncRead + Unpin, clock: &dyn Clock) {
        let mut cutter = Cutter::default();
        let mut buffer = vec![0; 64 << 10];
        loop {
            self.wait_for_space().await;
            match stream.read(&mut buffer).await {
                Ok(0) => {
                    let last = cutter.finish();
                    self.push(last, clock.now(), Some(End::Closed));
                    return;
                }
                Ok(count) => {
                    let lines = cutter.cut(&buffer[..count]);
                    self.push(lines, clock.now(), None);
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.push([], clock.now(), Some(End::Failed(error.to_string())));
                    return;
                }
            }
        }
    }

    async fn wait_for_space(&self) {
        loop {
            let space = self.space.notified();
            if self.lock().bytes < MAX_BUFFERED {
                return;
            }
            space.await;
        }
    }

    fn push(&self, cut: impl IntoIterator<Item = Cut>, at: Timestamp, end: Option<End>) {
        let mut lines = self.lock();
        for Cut { bytes, offset, too_long } in cut {
            lines.bytes += bytes.len() + OVERHEAD;
            lines.kept.push_back(Arc::new(Received { bytes, offset, at, too_long }));
        }
        lines.end = end;
        drop(lines);
        self.arrived.notify_one();
    }
}

/// A line cut from the stream.
#[derive(Debug, PartialEq, Eq)]
struct Cut {
    bytes: Box<[u8]>,
    offset: u64,
    too_long: bool,
}

/// Cuts a stream that arrives piece by piece into lines.
#[derive(Debug, Default)]
struct Cutter {
    /// The beginning of the current line.
    line: Vec<u8>,
    too_long: bool,
    /// The current line's offset, and that of the next byte.
    start: u64,
    next: u64,
}

impl Cutter {
    fn cut(&mut self, piece: &[u8]) -> Vec<Cut> {
        let mut lines = Vec::new();
        for part in piece.split_inclusive(|&byte| byte == b'\n') {
            self.next += part.len() as u64;
            let line = part.strip_suffix(b"\n");
            self.extend(line.unwrap_or(part));
            if line.is_some() {
                lines.push(self.take());
            }
        }
        lines
    }

    /// The last line, if it lacks its line end.
    fn finish(&mut self) -> Option<Cut> {
        (self.next > self.start).then(|| self.take())
    }

    fn extend(&mut self, part: &[u8]) {
        if self.too_long {
            return;
        }
        self.line.extend_from_slice(part);
        // A carriage return before the line end doesn't count.
        if self.line.len() > MAX_LINE + 1 {
            self.line.truncate(PREFIX);
            self.too_long = true;
        }
    }

    fn take(&mut self) -> Cut {
        let mut line = std::mem::take(&mut self.line);
        if !self.too_long && line.last() == Some(&b'\r') {
            line.pop();
        }
        if line.len() > MAX_LINE {
            line.truncate(PREFIX);
            self.too_long = true;
        }
        let cut = Cut { bytes: line.into(), offset: self.start, too_long: self.too_long };
        self.too_long = false;
        self.start = self.next;
        cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str, offset: u64) -> Cut {
        Cut { bytes: text.as_bytes().into(), offset, too_long: false }
    }

    #[test]
    fn lines_are_cut_however_they_arrive() {
        let text = b"a\r\n\nbc\nd";
        for size in 1..=text.len() {
            let mut cutter = Cutter::default();
            let mut lines: Vec<_> = text.chunks(size).flat_map(|piece| cutter.cut(piece)).collect();
            lines.extend(cutter.finish());
            assert_eq!(lines, [line("a", 0), line("", 3), line("bc", 4), line("d", 7)]);
            assert_eq!(cutter.finish(), None);
        }
    }

    #[test]
    fn a_line_past_the_limit_is_kept_by_its_beginning_only() {
        let mut cutter = Cutter::default();
        let piece = vec![b'x'; 64 << 10];
        for _ in 0..200 {
            assert!(cutter.cut(&piece).is_empty());
            assert!(cutter.line.capacity() <= 4 * MAX_LINE);
        }
        let lines = cutter.cut(b"x\nshort\n");
        let length = 200 * (64 << 10) + 1;
        let long = Cut { bytes: vec![b'x'; PREFIX].into(), offset: 0, too_long: true };
        assert_eq!(lines, [long, line("short", length + 1)]);

        let mut exactly = vec![b'x'; MAX_LINE];
        exactly.extend_from_slice(b"\r\n");
        assert!(!cutter.cut(&exactly)[0].too_long);
        exactly.insert(0, b'x');
        assert!(cutter.cut(&exactly)[0].too_long);
    }
}
