//! Weights in a row with running totals in logarithmic time: a Fenwick tree.
//!
//! Lays the weights end to end on a line and answers which of them covers a given point, so that a point drawn
//! uniformly names a backend in proportion to its weight. O(log n) for everything. The total of 2³² weights of 32 bits
//! fits 64 bits, hence nothing overflows.
//!
//! Source: P. M. Fenwick, "A New Data Structure for Cumulative Frequency Tables", 1994.

/// Weights by position, summed.
#[derive(Debug, Default)]
pub(crate) struct WeightTree {
    /// `sums[i]` covers the positions from `i + 1 − lowbit(i + 1)` to `i`.
    sums: Vec<u64>,
    total: u64,
}

fn lowbit(i: usize) -> usize {
    i & i.wrapping_neg()
}

impl WeightTree {
    /// The sum of all weights: the length of the line.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// Makes room for `capacity` weights in all.
    pub(crate) fn reserve(&mut self, capacity: usize) {
        self.sums.reserve(capacity.saturating_sub(self.sums.len()));
    }

    pub(crate) fn push(&mut self, weight: u32) {
        let node = self.sums.len() + 1;
        let mut sum = u64::from(weight);
        let mut child = node - 1;
        while child > node - lowbit(node) {
            sum += self.sums[child - 1];
            child -= lowbit(child);
        }
        self.sums.push(sum);
        self.total += u64::from(weight);
    }

    /// Removes the last position, whose weight is `weight`.
    pub(crate) fn pop(&mut self, weight: u32) {
        self.sums.pop();
        self.total -= u64::from(weight);
    }

    /// Changes the weight at `position` from `old` to `new`.
    pub(crate) fn replace(&mut self, position: usize, old: u32, new: u32) {
        let mut node = position + 1;
        while node <= self.sums.len() {
            self.sums[node - 1] = self.sums[node - 1] - u64::from(old) + u64::from(new);
            node += lowbit(node);
        }
        self.total = self.total - u64::from(old) + u64::from(new);
    }

    /// Where `position` begins on the line: the sum of the weights before it.
    pub(crate) fn start_of(&self, position: usize) -> u64 {
        let mut node = position;
        let mut sum = 0;
        while node > 0 {
            sum += self.sums[node - 1];
            node -= lowbit(node);
        }
        sum
    }

    /// The position that covers `point`, which must be below [`WeightTree::total`].
    pub(crate) fn position_of(&self, mut point: u64) -> usize {
        debug_assert!(point < self.total, "point {point} is beyond the line's end {}", self.total);
        let len = self.sums.len();
        let mut step = 1usize << len.ilog2();
        let mut before = 0;
        while step > 0 {
            let node = before + step;
            if node <= len && self.sums[node - 1] <= point {
                point -= self.sums[node - 1];
                before = node;
            }
            step >>= 1;
        }
        before
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_plain_sums_under_any_changes(
            steps in prop::collection::vec((0u8..4, any::<prop::sample::Index>(), 1u32..1_000), 1..200)
        ) {
            let mut tree = WeightTree::default();
            let mut plain: Vec<u32> = Vec::new();
            for (kind, at, weight) in steps {
                match kind {
                    0 | 1 => {
                        tree.push(weight);
                        plain.push(weight);
                    }
                    2 if !plain.is_empty() => tree.pop(plain.pop().unwrap()),
                    3 if !plain.is_empty() => {
                        let position = at.index(plain.len());
                        tree.replace(position, plain[position], weight);
                        plain[position] = weight;
                    }
                    _ => {}
                }
                let mut sum = 0;
                for (position, &weight) in plain.iter().enumerate() {
                    prop_assert_eq!(tree.start_of(position), sum);
                    prop_assert_eq!(tree.position_of(sum), position);
                    sum += u64::from(weight);
                    prop_assert_eq!(tree.position_of(sum - 1), position);
                }
                prop_assert_eq!(tree.total(), sum);
            }
        }
    }
}
