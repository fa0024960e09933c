//! [`Touched`]: which entries a batch has touched, at a bit an entry.

/// Numbers of entries, each once, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Touched {
    numbers: Vec<u32>,
    /// A bit for each number: whether it is among them.
    bits: Vec<u64>,
}

impl Touched {
    /// Adds a number, unless it is among them; whether it wasn't.
    #[inline]
    pub(super) fn add(&mut self, number: u32) -> bool {
        let (word, bit) = (number as usize / 64, 1 << (number % 64));
        if word >= self.bits.len() {
            self.bits.resize(word + 1, 0);
        }
        let is_new = self.bits[word] & bit == 0;
        if is_new {
            self.bits[word] |= bit;
            self.numbers.push(number);
        }
        is_new
    }

    /// The numbers, in the order in which they came.
    pub(super) fn numbers(&self) -> &[u32] {
        &self.numbers
    }

    /// Forgets them.
    pub(super) fn clear(&mut self) {
        for number in self.numbers.drain(..) {
            self.bits[number as usize / 64] = 0;
        }
    }

    pub(super) fn allocated_bytes(&self) -> usize {
        self.numbers.capacity() * size_of::<u32>() + self.bits.capacity() * size_of::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_in_once_until_all_are_forgotten() {
        let mut touched = Touched::default();
        let added = [64, 3, 64, 1_000, 3, 0].map(|number| touched.add(number));
        assert_eq!(added, [true, true, false, true, false, true]);
        assert_eq!(touched.numbers(), [64, 3, 1_000, 0]);
        touched.clear();
        assert!(touched.numbers().is_empty() && touched.bits.iter().all(|&bits| bits == 0));
        touched.add(3);
        assert_eq!(touched.numbers(), [3]);
    }
}
