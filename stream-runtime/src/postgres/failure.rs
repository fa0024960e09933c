//! [`Failure`]: what a server's answer means for the next attempt.

use std::error::Error as _;
use std::io::ErrorKind;

use tokio_postgres::Error;
use tokio_postgres::error::{DbError, SqlState};

/// Why a batch wasn't written, or a table not read.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something that passes: a connection that broke, a server that starts, a deadlock. Whether a transaction that was
    /// being committed is in the database isn't known.
    Passing(String),
    /// Something that another attempt would run into, too.
    Refused(String),
}

impl Failure {
    /// What happened.
    pub(crate) fn message(&self) -> &str {
        match self {
            Self::Passing(message) | Self::Refused(message) => message,
        }
    }

    /// Says what was being done.
    pub(crate) fn while_(self, doing: &str) -> Self {
        match self {
            Self::Passing(message) => Self::Passing(format!("{doing}: {message}")),
            Self::Refused(message) => Self::Refused(format!("{doing}: {message}")),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let message = describe(&error);
        let passes = match error.as_db_error() {
            Some(answer) => passes(answer),
            // No answer: the connection is gone, or was never there.
            None => error.is_closed() || error.source().is_some_and(is_about_the_wire),
        };
        if passes { Self::Passing(message) } else { Self::Refused(message) }
    }
}

/// Whether it is the network that has failed, rather than what was said over it: a certificate that isn't trusted and an
/// answer that can't be understood come as errors of input and output, too.
fn is_about_the_wire(error: &(dyn std::error::Error + 'static)) -> bool {
    error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|error| !matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::InvalidInput))
}

fn passes(answer: &DbError) -> bool {
    let code = answer.code();
    // Class 08 is about connections.
    code.code().starts_with("08")
        || [
            SqlState::ADMIN_SHUTDOWN,
            SqlState::CRASH_SHUTDOWN,
            SqlState::CANNOT_CONNECT_NOW,
            SqlState::TOO_MANY_CONNECTIONS,
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::T_R_DEADLOCK_DETECTED,
            SqlState::LOCK_NOT_AVAILABLE,
            SqlState::QUERY_CANCELED,
            SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
            // A server that has become the standby of another one.
            SqlState::READ_ONLY_SQL_TRANSACTION,
        ]
        .contains(code)
}

/// The whole of an error, in one line.
fn describe(error: &Error) -> String {
    if let Some(answer) = error.as_db_error() {
        let mut text = format!("{} (SQLSTATE {})", answer.message(), answer.code().code());
        for more in [answer.detail(), answer.hint(), answer.where_()].into_iter().flatten() {
            text.push_str("; ");
            text.push_str(&more.replace('\n', ", "));
        }
        return text;
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}

/// What is said once there is no further attempt.
pub(crate) fn given_up(failures: u32, message: &str) -> String {
    match failures {
        1 => message.to_owned(),
        attempts => format!("gave up after {attempts} attempts; at last: {message}"),
    }
}
