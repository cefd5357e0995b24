//! Items in the order in which they were added.

use std::cmp::Ordering;
use std::sync::Arc;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;

/// Items in the order in which they were added. A clone is cheap.
#[derive(Debug)]
pub struct Items<T>(OrdMap<u64, Arc<T>>);

impl<T> Items<T> {
    /// In their order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<T>> {
        self.0.values()
    }

    /// In their order, with an ordinal that no other item of the state has: items with less were added earlier. It stays with
    /// an item that is updated.
    pub fn ordered(&self) -> impl DoubleEndedIterator<Item = (u64, &Arc<T>)> {
        self.0.iter().map(|(ordinal, item)| (*ordinal, item))
    }

    /// The one with that ordinal.
    #[must_use]
    pub fn get(&self, ordinal: u64) -> Option<&Arc<T>> {
        self.0.get(&ordinal)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether both are the same ones by themselves: nothing was changed from one to the other.
    #[must_use]
    pub fn ptr_eq(&self, other: &Items<T>) -> bool {
        self.0.ptr_eq(&other.0)
    }

    /// What is different in `to`, in the order of the ordinals: what was there, and what is there now. Where `to` was made from
    /// a clone of these, this looks only at what was changed.
    pub fn diff<'a>(
        &'a self,
        to: &'a Items<T>,
    ) -> impl Iterator<Item = (u64, Option<&'a Arc<T>>, Option<&'a Arc<T>>)>
    where
        T: PartialEq,
    {
        self.0.diff(&to.0).map(|item| match item {
            DiffItem::Add(ordinal, new) => (*ordinal, None, Some(new)),
            DiffItem::Update { old: (ordinal, old), new: (_, new) } => (*ordinal, Some(old), Some(new)),
            DiffItem::Remove(ordinal, old) => (*ordinal, Some(old), None),
        })
    }

    pub(super) fn insert(&mut self, ordinal: u64, item: Arc<T>) {
        self.0.insert(ordinal, item);
    }

    pub(super) fn remove(&mut self, ordinal: u64) -> Option<Arc<T>> {
        self.0.remove(&ordinal)
    }
}

/// The same items with the same ordinals.
impl<T: PartialEq> PartialEq for Items<T> {
    fn eq(&self, other: &Items<T>) -> bool {
        self.ptr_eq(other) || self.0 == other.0
    }
}

impl<T: Eq> Eq for Items<T> {}

impl<T: PartialEq> Items<T> {
    /// Whether both have the same items in the same order.
    pub(super) fn same_in_order(&self, other: &Items<T>) -> bool {
        let same = |(one, two): (&Arc<T>, &Arc<T>)| Arc::ptr_eq(one, two) || one == two;
        self.ptr_eq(other) || (self.len() == other.len() && self.iter().zip(other.iter()).all(same))
    }

    /// Whether both have the same items, whatever their order; `order` tells any two of them apart.
    pub(super) fn same_as(&self, other: &Items<T>, order: impl Fn(&T, &T) -> Ordering) -> bool {
        if self.same_in_order(other) {
            return true;
        }
        if self.len() != other.len() {
            return false;
        }
        let sorted = |items: &Items<T>| {
            let mut all: Vec<_> = items.iter().map(Arc::clone).collect();
            all.sort_by(|one, two| order(one, two));
            all
        };
        sorted(self) == sorted(other)
    }
}

impl<T> Clone for Items<T> {
    fn clone(&self) -> Items<T> {
        Items(self.0.clone())
    }
}

impl<T> Default for Items<T> {
    fn default() -> Items<T> {
        Items(OrdMap::new())
    }
}

impl<'a, T> IntoIterator for &'a Items<T> {
    type Item = &'a Arc<T>;
    type IntoIter = Box<dyn Iterator<Item = &'a Arc<T>> + 'a>;

    fn into_iter(self) -> Self::IntoIter {
        Box::new(self.iter())
    }
}
