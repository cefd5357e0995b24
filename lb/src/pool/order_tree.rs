//! Who comes first in the configuration, whatever the order in the pool: a tournament tree.
//!
//! A complete binary tree over positions, in an array; each node holds the least order below it. O(log n) to change,
//! O(log n) to find the first; the first that fits costs O(log n) for each one before it that does not.

/// Filler: later than every order.
const NOBODY: u32 = u32::MAX;

/// Orders by position.
#[derive(Debug, Default)]
pub(super) struct OrderTree {
    /// The children of node `i` are `2i` and `2i + 1`, the root is 1, the second half are the positions.
    nodes: Vec<u32>,
    len: usize,
}

impl OrderTree {
    /// Makes room for `capacity` orders in all.
    pub(super) fn reserve(&mut self, capacity: usize) {
        if capacity <= self.base() {
            return;
        }
        let orders = self.nodes.split_off(self.base());
        let base = capacity.next_power_of_two();
        self.nodes.clear();
        self.nodes.resize(2 * base, NOBODY);
        self.nodes[base..base + orders.len()].copy_from_slice(&orders);
        for node in (1..base).rev() {
            self.nodes[node] = self.nodes[2 * node].min(self.nodes[2 * node + 1]);
        }
    }

    pub(super) fn push(&mut self, order: u32) {
        debug_assert_ne!(order, NOBODY, "an order that means nobody");
        self.reserve(self.len + 1);
        self.len += 1;
        self.replace(self.len - 1, order);
    }

    /// Removes the last position.
    pub(super) fn pop(&mut self) {
        self.len -= 1;
        self.replace(self.len, NOBODY);
    }

    pub(super) fn replace(&mut self, position: usize, order: u32) {
        let mut node = self.base() + position;
        self.nodes[node] = order;
        while node > 1 {
            node /= 2;
            self.nodes[node] = self.nodes[2 * node].min(self.nodes[2 * node + 1]);
        }
    }

    /// The position of the least order. There must be one.
    pub(super) fn first(&self) -> usize {
        debug_assert!(self.len > 0, "nobody is first of nobody");
        let mut node = 1;
        while node < self.base() {
            node = self.lesser_child(node);
        }
        node - self.base()
    }

    /// The position of the least order among those that `fits`; `None` if there is none.
    pub(super) fn first_where(&self, fits: impl Fn(usize) -> bool) -> Option<usize> {
        (self.len > 0).then(|| self.search(1, NOBODY, &fits)).flatten()
    }

    /// As [`OrderTree::first_where`], below `node` and before `bound`.
    fn search(&self, node: usize, bound: u32, fits: &impl Fn(usize) -> bool) -> Option<usize> {
        if self.nodes[node] >= bound {
            return None;
        }
        if node >= self.base() {
            return Some(node - self.base()).filter(|&position| fits(position));
        }
        let lesser = self.lesser_child(node);
        let found = self.search(lesser, bound, fits);
        let bound = found.map_or(bound, |position| self.nodes[self.base() + position]);
        self.search(lesser ^ 1, bound, fits).or(found)
    }

    fn lesser_child(&self, node: usize) -> usize {
        2 * node + usize::from(self.nodes[2 * node + 1] < self.nodes[2 * node])
    }

    fn base(&self) -> usize {
        self.nodes.len() / 2
    }
}
