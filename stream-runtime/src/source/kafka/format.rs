//! [`MessageFormat`]: messages that aren't JSON.

use crate::error::BoxError;
use crate::source::Message;

/// Makes rows of messages in a format of a service's own, such as Protocol Buffers. Closures do.
///
/// ```
/// use stream_runtime::error::BoxError;
/// use stream_runtime::prelude::*;
/// use stream_runtime::source::{Message, MessageFormat};
///
/// #[derive(Schema)]
/// struct Reading {
///     sensor: String,
///     celsius: f64,
/// }
///
/// /// `kitchen=21.5`
/// fn decode(message: &Message<'_>) -> Result<Reading, BoxError> {
///     let text = std::str::from_utf8(message.value.ok_or("there is no value")?)?;
///     let (sensor, celsius) = text.split_once('=').ok_or("there is no `=`")?;
///     Ok(Reading { sensor: sensor.to_owned(), celsius: celsius.parse()? })
/// }
///
/// let source = KafkaSource::new("localhost:9092").subscribe(["readings"]).format(decode);
/// # fn is_format(_: impl MessageFormat<Reading>) {}
/// # is_format(decode);
/// # drop(source);
/// ```
pub trait MessageFormat<R>: Send + Sync + 'static {
    /// The row of a message.
    ///
    /// # Errors
    /// What is wrong with the message; it is then malformed ([`OnMalformed`](crate::source::OnMalformed)).
    fn decode(&self, message: &Message<'_>) -> Result<R, BoxError>;
}

impl<R, F> MessageFormat<R> for F
where
    F: Fn(&Message<'_>) -> Result<R, BoxError> + Send + Sync + 'static,
{
    fn decode(&self, message: &Message<'_>) -> Result<R, BoxError> {
        self(message)
    }
}
