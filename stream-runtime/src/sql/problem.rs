//! What DataFusion's errors become.

use datafusion::error::DataFusionError;

use crate::error::Error;

/// DataFusion's error in its own words, without the names of its layers.
pub(super) fn problem(error: &DataFusionError) -> Error {
    let text = text(error);
    let message = match error.find_root() {
        DataFusionError::ResourcesExhausted(_) => format!(
            "statements hold all the memory they may: {text}; ask for less, or set `SqlSession::memory_limit`"
        ),
        _ => text,
    };
    Error::Sql { message }
}

fn text(error: &DataFusionError) -> String {
    match error {
        DataFusionError::SQL(error, _) => error.to_string(),
        DataFusionError::Diagnostic(_, error) => text(error),
        DataFusionError::Shared(error) => text(error),
        DataFusionError::Context(context, error) => format!("{context}: {}", text(error)),
        error => error.message().into_owned(),
    }
}
