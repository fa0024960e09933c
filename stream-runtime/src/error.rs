//! [`Error`]: everything that can go wrong while a query runs.
//!
//! Each text says what happened, where, and what to do; a failed batch never harms what is committed.

use std::path::PathBuf;
use std::sync::Arc;

/// The result of the library's fallible calls.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The error of a source, sink or listener that a service wrote itself.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What ended a query, or kept it from starting.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or directory could not be read or written.
    #[error("{action} `{}` failed: {source}", path.display())]
    Io {
        /// What was attempted, as a gerund: `reading`, `renaming`.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// A source failed.
    #[error("source `{source_name}`: {message}")]
    Source {
        /// The source's description.
        source_name: String,
        /// What happened and what to do.
        message: String,
    },
    /// A sink failed.
    #[error("sink `{sink}`: {message}")]
    Sink {
        /// The sink's description.
        sink: String,
        /// What happened and what to do.
        message: String,
    },
    /// A statement of SQL is wrong, isn't allowed, or failed.
    #[cfg(feature = "sql")]
    #[error("sql: {message}")]
    Sql {
        /// What is wrong with it, and what there is.
        message: String,
    },
    /// A row could not be decoded and the input's policy is [`OnMalformed::Fail`](crate::source::OnMalformed::Fail).
    #[error(
        "malformed row in {location}: {reason}; let the input drop or dead-letter such rows with `.on_malformed(…)`, or correct the data and start with a new checkpoint"
    )]
    MalformedRow {
        /// File, line and byte offset, or whatever the source knows.
        location: String,
        /// What is wrong with the row.
        reason: String,
    },
    /// An aggregate has no value that its type can hold.
    #[error("aggregate `{aggregate}`: {reason}")]
    Aggregate {
        /// The aggregate as the query writes it.
        aggregate: &'static str,
        /// What happened.
        reason: String,
    },
    /// A [`KeyedProcessor`](crate::process::KeyedProcessor) has answered with an error.
    #[error("processor `{processor}`, {place}: {source}")]
    Processor {
        /// The processor's type, without the modules that it is in.
        processor: String,
        /// The key that it was called for.
        place: String,
        /// Its error.
        source: BoxError,
    },
    /// The checkpoint can't be used. It has been left untouched.
    #[error("checkpoint `{}`: {message}", path.display())]
    Checkpoint {
        /// The checkpoint's directory.
        path: PathBuf,
        /// What is wrong and what to do.
        message: String,
    },
    /// The checkpoint belongs to a query with other state.
    #[error("checkpoint `{}` was written by another query:\n{difference}\nstart with a new checkpoint, or restore the old clause", path.display())]
    Incompatible {
        /// The checkpoint's directory.
        path: PathBuf,
        /// One line for each operator that differs: the clause then and now.
        difference: String,
    },
    /// An option has no meaning with the others given.
    #[error("invalid option `{option}`: {message}")]
    InvalidOption {
        /// The option's name.
        option: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// The service's own code (an expression of the query, a source, a sink) panicked.
    #[error("the query's code panicked: {message}")]
    Panic {
        /// The panic's message.
        message: String,
    },
    /// A step hook has stopped the query; see [`QueryBuilder::at_step`](crate::engine::QueryBuilder::at_step).
    #[error("crashed on purpose at step {step:?}")]
    Crashed {
        /// Where.
        step: crate::engine::Step,
    },
    /// A batch failed; the checkpoint is as the batch before left it, and a restart runs this batch again.
    #[error("query `{query}`, batch {batch_id}: {source}")]
    Batch {
        /// The query's name.
        query: String,
        /// The batch that failed.
        batch_id: u64,
        /// Why.
        source: Arc<Error>,
    },
    /// What ended a query, told to everyone who waits for it.
    #[error(transparent)]
    Shared(Arc<Error>),
    /// An error of the service's own source, sink or aggregate.
    #[error(transparent)]
    Other(#[from] BoxError),
}

impl Error {
    /// What went wrong in the first place, below [`Error::Batch`] and [`Error::Shared`], for a service that decides
    /// by it.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use stream_runtime::Error;
    ///
    /// let full = Error::sink("FileSink[data/out]", "the disk is full");
    /// let failed = Error::Batch { query: "clicks".into(), batch_id: 7, source: Arc::new(full) };
    /// assert!(matches!(failed.root(), Error::Sink { .. }));
    /// ```
    pub fn root(&self) -> &Self {
        match self {
            Self::Batch { source, .. } | Self::Shared(source) => source.root(),
            _ => self,
        }
    }

    /// An operating-system error with what was attempted and where.
    pub fn io(action: &'static str, path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Self::Io { action, path: path.into(), source }
    }

    /// A source's failure.
    pub fn source(source: impl Into<String>, message: impl std::fmt::Display) -> Self {
        Self::Source { source_name: source.into(), message: message.to_string() }
    }

    /// A sink's failure.
    pub fn sink(sink: impl Into<String>, message: impl std::fmt::Display) -> Self {
        Self::Sink { sink: sink.into(), message: message.to_string() }
    }

    /// A processor's failure.
    pub(crate) fn processor<P>(place: String, source: BoxError) -> Self {
        Self::Processor { processor: short_type_name::<P>(), place, source }
    }

    /// A checkpoint that can't be used.
    pub fn checkpoint(path: impl Into<PathBuf>, message: impl std::fmt::Display) -> Self {
        Self::Checkpoint { path: path.into(), message: message.to_string() }
    }
}

/// A type's name without the modules that it and its parameters are in.
pub(crate) fn short_type_name<T>() -> String {
    let full = std::any::type_name::<T>();
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '{' | '}' | '#');
    let mut short = String::new();
    let mut rest = full;
    while let Some(first) = rest.chars().next() {
        let length = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        let (path, after) = rest.split_at(length.max(first.len_utf8()));
        short.push_str(if length == 0 { path } else { path.rsplit("::").next().unwrap_or(path) });
        rest = after;
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    mod inner {
        pub(super) struct Generic<T, const N: usize>(T);
    }

    #[test]
    fn a_short_type_name_has_no_modules_at_any_depth() {
        assert_eq!(short_type_name::<u8>(), "u8");
        assert_eq!(short_type_name::<inner::Generic<Vec<String>, 3>>(), "Generic<Vec<String>, 3>");
        assert_eq!(
            short_type_name::<(&'static str, Option<inner::Generic<[u8; 2], 1>>)>(),
            "(&str, Option<Generic<[u8; 2], 1>>)"
        );
    }
}
