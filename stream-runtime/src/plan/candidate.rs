//! [`Candidate`]: the value behind `with`, on its way to being the query's processor.
//!
//! Each rule about it is the bound of a method. Where one doesn't hold, that method isn't there, and rustc shows the
//! bound's own words at the user's; what comes after has no type then, and nothing more is said.

use std::marker::PhantomData;

use crate::process::KeyedProcessor;

use super::Types;
use super::input::Rows;
use super::nested::Nested;
use super::read::Read;

/// What is to process rows of type `R`.
#[derive(Debug)]
pub struct Candidate<P, R> {
    processor: P,
    rows: Types<R>,
}

impl<R, const COLUMNS: u128, const LATE: bool, S> Rows<Read<R, COLUMNS, LATE>, S> {
    /// Takes what is to process the rows.
    pub fn processor<P>(&self, processor: P) -> Candidate<P, R> {
        Candidate { processor, rows: PhantomData }
    }
}

impl<Q, R, const COLUMNS: u128, S> Rows<Nested<Q, R, COLUMNS>, S> {
    /// Takes what is to process the rows.
    pub fn processor<P>(&self, processor: P) -> Candidate<P, R> {
        Candidate { processor, rows: PhantomData }
    }
}

impl<P, R> Candidate<P, R>
where
    Self: IsProcessor<P>,
{
    /// It is a processor.
    pub fn checked(self) -> Self {
        self
    }
}

impl<P, R> Candidate<P, R>
where
    P: KeyedProcessor,
    Self: Takes<P, R, P::Row>,
{
    /// It takes the query's rows.
    pub fn takes_rows(self) -> Self {
        self
    }
}

impl<P: KeyedProcessor, R> Candidate<P, R> {
    /// The query's result is `O`.
    pub fn result<O>(self) -> Fit<P, O> {
        Fit { processor: self.processor, output: PhantomData }
    }
}

/// A processor of the query's rows, if it emits rows of type `O`.
#[derive(Debug)]
pub struct Fit<P, O> {
    processor: P,
    output: Types<O>,
}

impl<P, O> Fit<P, O>
where
    P: KeyedProcessor,
    Self: Emits<P, O, P::Output>,
{
    /// It emits the query's result.
    pub fn emits(self) -> P {
        self.processor
    }
}

/// A candidate that is a processor.
#[diagnostic::on_unimplemented(
    message = "`{P}` is no processor",
    label = "doesn't implement `KeyedProcessor`",
    note = "`process by … with …` takes a value whose type implements `stream_runtime::process::KeyedProcessor`"
)]
pub trait IsProcessor<P> {}

/// A candidate whose rows are those of the query.
#[diagnostic::on_unimplemented(
    message = "processor `{P}` takes rows of type `{Is}`, and those of the query are `{R}`",
    label = "its `Row` is `{Is}`",
    note = "`process by` gives the processor the query's rows: its `type Row` has to be `{R}`"
)]
pub trait Takes<P, R, Is> {}

impl<P, R> Takes<P, R, R> for Candidate<P, R> {}

/// A processor whose output is the query's.
#[diagnostic::on_unimplemented(
    message = "processor `{P}` emits rows of type `{Is}`, and the query's result is `{O}`",
    label = "not what `{P}` emits",
    note = "what the processor emits is the query's result: its `type Output` has to be `{O}`, or this `{Is}`"
)]
pub trait Emits<P, O, Is> {}

impl<P, O> Emits<P, O, O> for Fit<P, O> {}

impl<P: KeyedProcessor, R> IsProcessor<P> for Candidate<P, R> {}

/// Nothing is. With a single way to be a processor, rustc would tell what that one lacks, instead of what this is about.
trait Never {}

#[allow(private_bounds)]
impl<P, R> IsProcessor<P> for Candidate<P, R> where Self: Never {}
