//! Changing a router: which buckets are touched, and what they become.

use std::borrow::{Borrow, Cow};
use std::sync::Arc;

use ringway_core::config::Match;

use super::bucket::Bucket;
use super::build::Rebuild;
use super::hosts::{self, HostKey};
use super::{BUCKETS, RouteError, Router, map};

/// Where the rules for any host are, behind all buckets.
const ANY: usize = BUCKETS;

pub(super) fn edit<'a, M: Borrow<Match>, T: Copy>(
    router: &Router<T>,
    removed: impl IntoIterator<Item = &'a Match>,
    added: impl IntoIterator<Item = (M, u64, T)>,
) -> Result<Router<T>, RouteError> {
    let (removed, added): (Vec<_>, Vec<_>) = (removed.into_iter().collect(), added.into_iter().collect());
    // All at once, so that each rule is read once, and in the order in which it stands in memory.
    let mut touched: Box<[Option<Box<Rebuild<'_, T>>>]> = (0..=ANY).map(|_| None).collect();
    for &matching in &removed {
        let (place, host) = router.place(matching)?;
        opened(&mut touched, router, place)?.remove(host, matching)?;
    }
    for rebuild in touched.iter_mut().flatten() {
        rebuild.take_out()?;
    }
    for (matching, order, target) in &added {
        let matching = matching.borrow();
        let (place, host) = router.place(matching)?;
        opened(&mut touched, router, place)?.add(host, matching, *order, *target)?;
    }
    let mut edited = router.share();
    for (place, rebuild) in touched.into_iter().enumerate() {
        if let Some(rebuild) = rebuild {
            edited.put(place, rebuild.finish(&router.hasher, &router.book)?);
        }
    }
    Ok(edited)
}

/// The work on a bucket, begun when it is first touched.
fn opened<'w, 'a, T: Copy>(
    touched: &'w mut [Option<Box<Rebuild<'a, T>>>],
    router: &'a Router<T>,
    place: usize,
) -> Result<&'w mut Rebuild<'a, T>, RouteError> {
    let work = &mut touched[place];
    match work {
        Some(rebuild) => Ok(rebuild),
        None => Ok(work.insert(Box::new(Rebuild::of(router.bucket(place))?))),
    }
}

impl<T: Copy> Router<T> {
    /// What a match's host is stored under, and in which bucket.
    fn place<'m>(&self, matching: &'m Match) -> Result<(usize, HostKey<'m>), RouteError> {
        let host = hosts::key(&matching.hostname).ok_or_else(|| RouteError::host(matching))?;
        let hash = |(scope, name): &(u32, Cow<'_, [u8]>)| map::hash(&self.hasher, *scope, name);
        Ok((host.as_ref().map_or(ANY, |key| Self::number(hash(key))), host))
    }

    fn bucket(&self, place: usize) -> Option<&Bucket<T>> {
        if place == ANY { self.any.as_deref() } else { self.buckets[place].as_deref() }
    }

    fn share(&self) -> Router<T> {
        Router {
            hasher: self.hasher.clone(),
            names: self.names,
            wildcards: self.wildcards.clone(),
            buckets: self.buckets.clone(),
            any: self.any.clone(),
            book: Arc::clone(&self.book),
        }
    }

    /// Puts a bucket in the place of another.
    fn put(&mut self, place: usize, bucket: Option<Bucket<T>>) {
        let shelf = if place == ANY { &mut self.any } else { &mut self.buckets[place] };
        let old = std::mem::replace(shelf, bucket.map(Arc::new));
        if let Some(old) = old {
            self.names -= old.hosts.len();
            wildcards(&old).for_each(|suffix| self.wildcards.remove(suffix));
        }
        if let Some(new) = shelf {
            self.names += new.hosts.len();
            wildcards(new).for_each(|suffix| self.wildcards.insert(suffix));
        }
    }
}

/// What stands behind the `*.` of a bucket's wildcards.
fn wildcards<T: Copy>(bucket: &Bucket<T>) -> impl Iterator<Item = &[u8]> {
    bucket.hosts.iter().filter(|&(scope, ..)| scope == hosts::WILDCARD).map(|(_, suffix, _)| suffix)
}
