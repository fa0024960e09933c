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
///
/// A format that only packs JSON differently hands it to the row type, which takes its columns of key, topic and so on from the message as
/// ever:
///
/// ```
/// use stream_runtime::error::BoxError;
/// use stream_runtime::schema::Arena;
/// use stream_runtime::source::Message;
/// use stream_runtime::Schema;
///
/// /// A JSON object behind five bytes of header.
/// fn framed<R: Schema>(message: &Message<'_>) -> Result<R, BoxError> {
///     let value = message.value.and_then(|value| value.get(5..)).ok_or("the value is shorter than its header")?;
///     let (message, arena) = (Message { value: Some(value), ..*message }, Arena::default());
///     Ok(R::from_view(R::decode_message::<{ u128::MAX }>(&message, &arena)?))
/// }
/// ```
pub trait MessageFormat<R>: Send + Sync + 'static {
    /// The row of a message.
    ///
    /// # Errors
    /// What is wrong with the message; it is then malformed ([`OnMalformed`](crate::source::OnMalformed)). An
    /// [`Error`](crate::Error) of this crate says that the message can't help it, for instance because a schema registry doesn't answer:
    /// the query then fails with it, and reads the message again when it is started again.
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
