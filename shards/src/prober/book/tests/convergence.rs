//! Whatever is changed, stated and shared, and whoever dies: once all is quiet each backend is held for what its check finds.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const BACKENDS: u32 = 6;
/// Two backends each are behind one server.
const PORTS: u16 = 3;
const PATHS: [&str; 2] = ["/", "/other"];
const SHARDS: u16 = 2;

#[derive(Debug, Clone)]
enum Op {
    /// A backend is checked in this way from now on, or not at all; the changes are made in this order or the other.
    Check {
        backend: u32,
        path: Option<usize>,
        backwards: bool,
    },
    /// Somebody states a verdict.
    State(u32, bool),
    /// A server is well from now on, or is not.
    Server(u16, bool),
    /// These live from now on; those that did not before are new.
    Share(Vec<u16>),
    Begin,
    End,
}

fn op() -> impl Strategy<Value = Op> {
    let path = prop::option::weighted(0.7, 0..PATHS.len());
    let shards = prop::sample::subsequence((0..SHARDS).collect::<Vec<_>>(), 1..=usize::from(SHARDS));
    prop_oneof![
        3 => (0..BACKENDS, path, any::<bool>())
            .prop_map(|(backend, path, backwards)| Op::Check { backend, path, backwards }),
        1 => (0..BACKENDS, any::<bool>()).prop_map(|(backend, is_well)| Op::State(backend, is_well)),
        1 => (0..PORTS, any::<bool>()).prop_map(|(port, is_well)| Op::Server(port, is_well)),
        1 => shards.prop_map(Op::Share),
        6 => Just(Op::Begin),
        6 => Just(Op::End),
    ]
}

const fn port_of(backend: u32) -> u16 {
    backend as u16 % PORTS
}

struct World {
    books: BTreeMap<u16, Book>,
    /// Whom each probe under way belongs to.
    under_way: Vec<(u16, Due)>,
    now: Time,
    rng: SmallRng,
    /// How each backend is checked.
    paths: [Option<usize>; BACKENDS as usize],
    servers: [bool; PORTS as usize],
    /// What the coordinator holds of each backend.
    held: [bool; BACKENDS as usize],
}

/// Each port and path has a slot.
const fn slot_of(port: u16, path: usize) -> u32 {
    port as u32 * PATHS.len() as u32 + path as u32
}

impl World {
    fn new() -> World {
        let mut world = World {
            books: BTreeMap::new(),
            under_way: Vec::new(),
            now: Time::ZERO,
            rng: SmallRng::seed_from_u64(1),
            paths: [Some(0); BACKENDS as usize],
            servers: [true; PORTS as usize],
            held: [true; BACKENDS as usize],
        };
        world.step(&Op::Share((0..SHARDS).collect()));
        world
    }

    fn check_in(&self, slot: u32) -> Option<Arc<Check>> {
        let (port, path) = ((slot / PATHS.len() as u32) as u16, slot as usize % PATHS.len());
        let members: Vec<u32> = (0..BACKENDS)
            .filter(|backend| port_of(*backend) == port && self.paths[*backend as usize] == Some(path))
            .collect();
        (!members.is_empty()).then(|| check(1 + port, PATHS[path], &members))
    }

    fn hear(&mut self, signals: Vec<Signal>) {
        for signal in signals {
            let Signal::Probed { member, healthy, .. } = signal else { panic!("{signal:?}") };
            let backend = member.backend as usize;
            assert!(self.paths[backend].is_some(), "{backend} is not checked");
            self.held[backend] = healthy;
        }
    }

    fn step(&mut self, op: &Op) {
        let mut told = Vec::new();
        match *op {
            Op::Check { backend, path, backwards } => {
                let before = std::mem::replace(&mut self.paths[backend as usize], path);
                let mut slots: Vec<u32> = [before, path]
                    .into_iter()
                    .flatten()
                    .map(|path| slot_of(port_of(backend), path))
                    .collect();
                if backwards {
                    slots.reverse();
                }
                for slot in slots {
                    let check = self.check_in(slot);
                    for book in self.books.values_mut() {
                        book.set(slot, check.clone(), self.now, |signal| told.push(signal));
                    }
                }
            }
            Op::State(backend, is_well) => {
                self.held[backend as usize] = is_well;
                self.books.values_mut().for_each(|book| book.state(member(backend), is_well));
            }
            Op::Server(port, is_well) => self.servers[usize::from(port)] = is_well,
            Op::Share(ref shards) => self.share(shards),
            Op::Begin => {
                self.now += Duration::from_secs(20);
                for (shard, book) in &mut self.books {
                    let due = std::iter::from_fn(|| book.pop_due(self.now, &mut self.rng));
                    self.under_way.extend(due.map(|due| (*shard, due)));
                }
            }
            Op::End => {
                for (shard, due) in std::mem::take(&mut self.under_way) {
                    let Address::Ip(address) = &due.check.address else { panic!("{due:?}") };
                    let is_well = self.servers[usize::from(address.port() - 1)];
                    let failure = (!is_well).then_some(&Reason::Cut);
                    let book = self.books.get_mut(&shard);
                    book.unwrap().done(&due, failure, self.now, |_| false, |signal| told.push(signal));
                }
            }
        }
        self.hear(told);
        self.compare();
    }

    fn share(&mut self, shards: &[u16]) {
        let lives = |shard: &u16| shards.contains(shard);
        self.books.retain(|shard, _| lives(shard));
        self.under_way.retain(|(shard, _)| lives(shard));
        for shard in shards {
            if self.books.contains_key(shard) {
                continue;
            }
            let mut book = Book::new(*shard);
            for slot in 0..slot_of(PORTS, 0) {
                book.set(slot, self.check_in(slot), self.now, |signal| panic!("{signal:?}"));
            }
            self.books.insert(*shard, book);
        }
        let unhealthy = (0..BACKENDS).filter(|backend| !self.held[*backend as usize]).map(member).collect();
        let live = Live { shards: shards.to_vec(), unhealthy };
        self.books.values_mut().for_each(|book| book.share(&live, self.now));
    }

    /// Each check is one shard's, and each book is consistent with itself.
    fn compare(&self) {
        let slots = 0..slot_of(PORTS, 0);
        let checks: BTreeMap<u32, Arc<Check>> =
            slots.filter_map(|slot| Some((slot, self.check_in(slot)?))).collect();
        let owned: usize = self.books.values().map(Book::owned).sum();
        assert_eq!(owned, checks.len());
        for book in self.books.values() {
            let mut of_member = BTreeSet::new();
            for (slot, entry) in (0..).zip(&book.entries) {
                let Some(entry) = entry else {
                    assert!(!checks.contains_key(&slot));
                    continue;
                };
                assert_eq!(entry.check.members, checks[&slot].members);
                if entry.own.is_some() {
                    of_member.extend(entry.check.members.iter().map(|member| (*member, slot)));
                }
            }
            let found: BTreeSet<_> = book.of_member.iter().map(|(member, slot)| (*member, *slot)).collect();
            assert_eq!(found, of_member);
        }
    }
}

proptest! {
    #[test]
    fn once_all_is_quiet_each_backend_is_held_for_what_its_check_finds(ops in prop::collection::vec(op(), 0..60)) {
        let mut world = World::new();
        for op in &ops {
            world.step(op);
        }
        // Results of before may speak against the verdict; then it takes as many as a flip does.
        for _ in 0..1 + RISE.max(FALL) {
            world.step(&Op::Begin);
            world.step(&Op::End);
        }
        for backend in 0..BACKENDS {
            if world.paths[backend as usize].is_some() {
                let is_well = world.servers[usize::from(port_of(backend))];
                assert_eq!(world.held[backend as usize], is_well, "backend {backend}");
            }
        }
    }
}
