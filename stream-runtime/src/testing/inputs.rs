//! [`TestInputs`]: the inputs of a query under test.

use crate::schema::Schema;
use crate::source::{MemoryInput, MemorySource};

/// The inputs of a [`TestQuery`](super::TestQuery): a [`MemoryInput`], or a tuple of two to four of them.
pub trait TestInputs {
    /// A [`MemorySource`] for each input.
    type Sources;

    /// Sources that read these inputs, a chunk of each in a batch.
    fn sources(&self) -> Self::Sources;
}

impl<R: Schema> TestInputs for MemoryInput<R> {
    type Sources = MemorySource<R>;

    fn sources(&self) -> MemorySource<R> {
        self.source().max_chunks_per_trigger(1)
    }
}

macro_rules! inputs {
    ($($input:ident)+) => {
        impl<$($input: TestInputs),+> TestInputs for ($($input,)+) {
            type Sources = ($($input::Sources,)+);

            #[allow(non_snake_case, reason = "an input is called like its type")]
            fn sources(&self) -> Self::Sources {
                let ($($input,)+) = self;
                ($($input.sources(),)+)
            }
        }
    };
}

inputs!(A B);
inputs!(A B C);
inputs!(A B C D);
