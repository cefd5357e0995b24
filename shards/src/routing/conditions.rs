//! What a rule asks of a request beyond host and path: method, fields, query parameters.

use std::num::NonZeroU32;
use std::sync::Arc;

use ringway_core::config::{Match, Predicate, Test};

use super::patterns::{Book, Cache, Program};
use super::{Asked, RouteError};

/// A rule whose host and path have been found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule<T> {
    pub(super) target: T,
    /// `None`: it fits every request.
    pub(super) conditions: Option<ConditionsId>,
    /// What follows belongs to another path.
    pub(super) is_last: bool,
}

/// Which of a bucket's conditions are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ConditionsId(NonZeroU32);

impl ConditionsId {
    pub(super) fn new(index: usize) -> Result<ConditionsId, RouteError> {
        let number = u32::try_from(index + 1).ok().and_then(NonZeroU32::new);
        number.map(ConditionsId).ok_or(RouteError::TooMany)
    }

    #[inline(always)]
    pub(super) fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// The conditions of a rule in the one form that all equal ones have.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Canonical {
    methods: Vec<Arc<str>>,
    headers: Vec<Predicate>,
    query: Vec<Predicate>,
}

impl Canonical {
    pub(super) fn new(matching: &Match) -> Canonical {
        let mut headers = matching.headers.clone();
        for predicate in headers.iter_mut().filter(|it| it.name.bytes().any(|b| b.is_ascii_uppercase())) {
            predicate.name = predicate.name.to_ascii_lowercase().into();
        }
        Canonical {
            methods: sorted(matching.methods.clone()),
            headers: sorted(headers),
            query: sorted(matching.query.clone()),
        }
    }

    /// Smaller: it comes before others with the same host and path.
    pub(super) fn rank(&self) -> Rank {
        let predicates = self.headers.len() + self.query.len();
        Rank(u32::MAX - predicates.min(u32::MAX as usize) as u32, self.methods.is_empty())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rank() == Rank::LAST
    }

    pub(super) fn compile(&self, book: &Arc<Book>) -> Result<Conditions, RouteError> {
        let checks = |predicates: &[Predicate]| {
            predicates.iter().map(|predicate| Check::new(predicate, book)).collect::<Result<_, _>>()
        };
        let (headers, query) = (checks(&self.headers)?, checks(&self.query)?);
        Ok(Conditions { methods: self.methods.as_slice().into(), headers, query })
    }
}

/// How rules of one path follow each other: more predicates first, then those with methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank(u32, bool);

impl Rank {
    /// That of a rule without conditions.
    pub(super) const LAST: Rank = Rank(u32::MAX, true);
}

fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort_unstable();
    list.dedup();
    list
}

/// What a rule asks of a request; all of it must hold.
#[derive(Debug)]
pub(super) struct Conditions {
    /// One of them, or empty: any.
    methods: Box<[Arc<str>]>,
    headers: Box<[Check]>,
    query: Box<[Check]>,
}

impl Conditions {
    pub(super) fn hold(&self, asked: &Asked<'_>, query: &[u8], cache: &mut Cache) -> bool {
        let is_method = |method: &Arc<str>| method.as_bytes() == asked.method;
        (self.methods.is_empty() || self.methods.iter().any(is_method))
            && self.headers.iter().all(|check| {
                let name = check.name.as_bytes();
                let fields = asked.headers.iter();
                let named = fields.filter(|field| field.name.as_bytes().eq_ignore_ascii_case(name));
                check.test.holds(named.map(|field| field.value), cache)
            })
            && self
                .query
                .iter()
                .all(|check| check.test.holds(parameters(query, check.name.as_bytes()), cache))
    }

    /// What they were compiled from.
    pub(super) fn canonical(&self) -> Canonical {
        let predicates = |checks: &[Check]| checks.iter().map(Check::predicate).collect();
        Canonical {
            methods: self.methods.to_vec(),
            headers: predicates(&self.headers),
            query: predicates(&self.query),
        }
    }
}

/// The values of the parameters of that name.
fn parameters<'q>(query: &'q [u8], name: &[u8]) -> impl Iterator<Item = &'q [u8]> {
    query.split(|&byte| byte == b'&').filter_map(move |piece| match memchr::memchr(b'=', piece) {
        Some(equals) => (&piece[..equals] == name).then_some(&piece[equals + 1..]),
        None => (piece == name).then_some(&[]),
    })
}

/// A compiled [`Predicate`].
#[derive(Debug)]
struct Check {
    name: Arc<str>,
    test: Compiled,
}

/// A compiled [`Test`].
#[derive(Debug)]
enum Compiled {
    Present,
    Absent,
    Equals(Arc<str>),
    Prefix(Arc<str>),
    Pattern(Arc<Program>),
}

impl Check {
    fn new(predicate: &Predicate, book: &Arc<Book>) -> Result<Check, RouteError> {
        let test = match &predicate.test {
            Test::Present => Compiled::Present,
            Test::Absent => Compiled::Absent,
            Test::Equals(value) => Compiled::Equals(Arc::clone(value)),
            Test::Prefix(value) => Compiled::Prefix(Arc::clone(value)),
            Test::Regex(pattern) => Compiled::Pattern(book.program(pattern)?),
        };
        Ok(Check { name: Arc::clone(&predicate.name), test })
    }

    fn predicate(&self) -> Predicate {
        let test = match &self.test {
            Compiled::Present => Test::Present,
            Compiled::Absent => Test::Absent,
            Compiled::Equals(value) => Test::Equals(Arc::clone(value)),
            Compiled::Prefix(value) => Test::Prefix(Arc::clone(value)),
            Compiled::Pattern(program) => Test::Regex(Arc::clone(program.text())),
        };
        Predicate { name: Arc::clone(&self.name), test }
    }
}

impl Compiled {
    #[inline]
    fn holds<'v>(&self, mut values: impl Iterator<Item = &'v [u8]>, cache: &mut Cache) -> bool {
        match self {
            Compiled::Present => values.next().is_some(),
            Compiled::Absent => values.next().is_none(),
            Compiled::Equals(wanted) => values.any(|value| value == wanted.as_bytes()),
            Compiled::Prefix(start) => values.any(|value| value.starts_with(start.as_bytes())),
            Compiled::Pattern(program) => values.any(|value| program.matches(value, cache)),
        }
    }
}
