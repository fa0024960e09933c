//! [`RowFormat`]: rows that become something else than JSON.

use crate::error::BoxError;
use crate::sink::MessageWriter;

/// Makes messages of rows in a format of a service's own, such as Protocol Buffers. Closures do.
///
/// ```
/// use stream_runtime::error::BoxError;
/// use stream_runtime::prelude::*;
/// use stream_runtime::sink::{MessageWriter, RowFormat};
///
/// #[derive(Schema)]
/// struct Reading {
///     sensor: String,
///     celsius: f64,
/// }
///
/// /// `kitchen=21.5`
/// fn encode(row: &Reading, message: &mut MessageWriter) -> Result<(), BoxError> {
///     message.write_key(|out| out.extend_from_slice(row.sensor.as_bytes()));
///     message.write_value(|out| out.extend_from_slice(format!("{}={}", row.sensor, row.celsius).as_bytes()));
///     Ok(())
/// }
///
/// let sink = KafkaSink::new("localhost:9092").topic("readings").format(encode);
/// # fn is_format(_: impl RowFormat<Reading>) {}
/// # is_format(encode);
/// # drop(sink);
/// ```
pub trait RowFormat<R>: Send + Sync + 'static {
    /// Writes the parts of a row's message.
    ///
    /// # Errors
    /// What is wrong with the row; the batch then fails.
    fn encode(&self, row: &R, message: &mut MessageWriter) -> Result<(), BoxError>;
}

impl<R, F> RowFormat<R> for F
where
    F: Fn(&R, &mut MessageWriter) -> Result<(), BoxError> + Send + Sync + 'static,
{
    fn encode(&self, row: &R, message: &mut MessageWriter) -> Result<(), BoxError> {
        self(row, message)
    }
}
