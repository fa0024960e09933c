//! [`Blocks`]: a vector that grows by a block at a time.
//!
//! State that grows is never copied as a whole, and has no more room than it needs, but for part of a block.

use std::ops::{Index, IndexMut};

const BLOCK_BITS: u32 = 10;
/// Elements in a block.
const BLOCK: usize = 1 << BLOCK_BITS;

/// Elements by number.
#[derive(Debug)]
pub(super) struct Blocks<T> {
    blocks: Vec<Vec<T>>,
}

impl<T> Default for Blocks<T> {
    fn default() -> Self {
        Self { blocks: Vec::new() }
    }
}

impl<T> Blocks<T> {
    /// Appends an element; its number, which is below `u32::MAX`.
    pub(super) fn push(&mut self, element: T) -> u32 {
        if self.blocks.last().is_none_or(|block| block.len() == BLOCK) {
            // The first block grows as it needs to: most states that are small stay small.
            let capacity = if self.blocks.is_empty() { 0 } else { BLOCK };
            self.blocks.push(Vec::with_capacity(capacity));
        }
        let before = (self.blocks.len() - 1) * BLOCK;
        let block = self.blocks.last_mut().expect("one was pushed if there was none");
        block.push(element);
        let number = u32::try_from(before + block.len() - 1).ok().filter(|&number| number != u32::MAX);
        number.expect("fewer than 2^32 - 1 elements: memory ends first")
    }

    #[inline]
    pub(super) fn get(&self, number: u32) -> Option<&T> {
        self.blocks.get(number as usize >> BLOCK_BITS)?.get(number as usize % BLOCK)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        self.blocks.get_mut(number as usize >> BLOCK_BITS)?.get_mut(number as usize % BLOCK)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.blocks.iter().flatten()
    }

    pub(super) fn allocated_bytes(&self) -> usize {
        let elements: usize = match self.blocks.as_slice() {
            [] => 0,
            [first, others @ ..] => first.capacity() + others.len() * BLOCK,
        };
        elements * size_of::<T>() + self.blocks.capacity() * size_of::<Vec<T>>()
    }
}

impl<T> Index<u32> for Blocks<T> {
    type Output = T;
    #[inline]
    fn index(&self, number: u32) -> &T {
        &self.blocks[number as usize >> BLOCK_BITS][number as usize % BLOCK]
    }
}

impl<T> IndexMut<u32> for Blocks<T> {
    #[inline]
    fn index_mut(&mut self, number: u32) -> &mut T {
        &mut self.blocks[number as usize >> BLOCK_BITS][number as usize % BLOCK]
    }
}
