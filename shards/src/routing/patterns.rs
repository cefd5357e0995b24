//! The patterns of a router: compiled once, matched by each shard with scratch space of its own.
//!
//! A pattern lives as long as some rule of some router that an edit led to has it. While it does, it has a slot of its own,
//! under which each shard keeps its scratch space: so an edit costs a shard nothing for the patterns that stay, and those that
//! come take the slots of those that went.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use ahash::AHashMap;
use ringway_core::Pattern;

use super::RouteError;

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Program {
    text: Arc<str>,
    pattern: Pattern,
    /// Tells it apart from all that ever had its slot, in whatever book.
    id: u64,
    slot: u32,
    book: Arc<Book>,
}

/// What a shard's look-ups write to: made by [`Router::cache`](super::Router::cache).
///
/// It serves a router and all that edits make of it, and is never larger than what most patterns lived at once. A clone of
/// a pattern shares the automaton and has scratch space of its own. That one is used by one thread, so its lock-free way is
/// always open.
#[derive(Debug)]
pub struct Cache {
    /// By slot: a clone of the pattern that was last used there, with its id.
    pub(super) slots: Vec<Option<(u64, Pattern)>>,
}

impl Cache {
    pub(super) fn with_slots(slots: usize) -> Cache {
        Cache { slots: std::iter::repeat_with(|| None).take(slots).collect() }
    }
}

impl Program {
    /// The pattern as it was given.
    pub(super) fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// Whether it matches all of `text`.
    #[inline]
    pub(super) fn matches(&self, text: &[u8], cache: &mut Cache) -> bool {
        match cache.slots.get(self.slot as usize) {
            Some(Some((id, pattern))) if *id == self.id => pattern.matches(text),
            _ => self.enter(cache).matches(text),
        }
    }

    #[cold]
    fn enter<'c>(&self, cache: &'c mut Cache) -> &'c Pattern {
        let slot = self.slot as usize;
        if cache.slots.len() <= slot {
            cache.slots.resize_with(slot + 1, || None);
        }
        &cache.slots[slot].insert((self.id, self.pattern.clone())).1
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let mut pages = self.book.pages();
        // Another of the same text may have come between its end and this.
        if pages.by_text.get(&self.text).is_some_and(|listed| std::ptr::eq(listed.as_ptr(), self)) {
            pages.by_text.remove(&self.text);
        }
        pages.free.push(self.slot);
    }
}

/// The patterns of a router, and of all that edits made of it, that are in use.
#[derive(Debug, Default)]
pub(super) struct Book(Mutex<Pages>);

#[derive(Debug, Default)]
struct Pages {
    by_text: AHashMap<Arc<str>, Weak<Program>>,
    free: Vec<u32>,
    /// How many slots there are.
    slots: u32,
}

impl Book {
    /// How many patterns lived at once at most.
    pub(super) fn slots(&self) -> usize {
        self.pages().slots as usize
    }

    #[cfg(test)]
    pub(super) fn living(&self) -> usize {
        self.pages().by_text.len()
    }

    /// The one program of a text.
    pub(super) fn program(self: &Arc<Book>, text: &Arc<str>) -> Result<Arc<Program>, RouteError> {
        static IDS: AtomicU64 = AtomicU64::new(0);
        if let Some(program) = self.pages().living(text) {
            return Ok(program);
        }
        // Not under the lock: a shard may drop the last router that has some pattern, and is not to wait that long.
        let pattern = Pattern::compile(text).map_err(|error| RouteError::pattern(text, error))?;
        let mut pages = self.pages();
        if let Some(program) = pages.living(text) {
            return Ok(program);
        }
        let slot = pages.slot()?;
        let id = IDS.fetch_add(1, Ordering::Relaxed);
        let program = Arc::new(Program { text: Arc::clone(text), pattern, id, slot, book: Arc::clone(self) });
        pages.by_text.insert(Arc::clone(text), Arc::downgrade(&program));
        Ok(program)
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pages {
    fn living(&self, text: &Arc<str>) -> Option<Arc<Program>> {
        self.by_text.get(text)?.upgrade()
    }

    fn slot(&mut self) -> Result<u32, RouteError> {
        if let Some(slot) = self.free.pop() {
            return Ok(slot);
        }
        let slot = self.slots;
        self.slots = slot.checked_add(1).ok_or(RouteError::TooMany)?;
        Ok(slot)
    }
}
