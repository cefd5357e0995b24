//! The board against a naive model that recomputes everything by scanning, under any sequence of what can happen to it.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use ringway_core::BackendId;

use super::*;

/// Backends of each cluster at first: an ordinary one, one that is watched closely, one alone, none. One slot is free.
const BACKENDS: [u16; 4] = [5, 4, 1, 0];
const SLOTS: u32 = 5;
const SHARDS: u16 = 3;

/// A backend, by its slot and how many of its cluster are before it; too many: one that was removed, or that never was.
type Pick = (u32, usize);

#[derive(Debug, Clone)]
enum Step {
    Probed(Pick, bool),
    Stated(Pick, bool),
    Down(Pick),
    Up(Pick),
    Outlier(Pick, FailureKind, u32),
    Counts(Pick, u64, u64),
    FailOpen(u32, u16, bool),
    /// Of a backend that was removed, while there is one.
    Drained(Pick, u16),
    ShardGone(u16),
    Tick {
        seconds: u64,
    },
    Batch(Vec<Change>),
}

#[derive(Debug, Clone)]
enum Change {
    Set { slot: u32, has_check: bool, outlier: usize },
    RemoveCluster { slot: u32, shards: Vec<u16> },
    Add { slot: u32, admin: AdminState },
    Update(Pick, AdminState),
    Remove { pick: Pick, shards: Vec<u16> },
}

fn pick() -> impl Strategy<Value = Pick> {
    (0..SLOTS, 0..7usize)
}

fn change() -> impl Strategy<Value = Change> {
    let admin = || {
        prop::sample::select(vec![AdminState::Ready, AdminState::Ready, AdminState::Drain, AdminState::Maint])
    };
    let shards = || prop::sample::subsequence((0..SHARDS).collect::<Vec<_>>(), 0..=usize::from(SHARDS));
    prop_oneof![
        2 => (0..SLOTS, any::<bool>(), 0..3usize)
            .prop_map(|(slot, has_check, outlier)| Change::Set { slot, has_check, outlier }),
        1 => (0..SLOTS, shards()).prop_map(|(slot, shards)| Change::RemoveCluster { slot, shards }),
        4 => (0..SLOTS, admin()).prop_map(|(slot, admin)| Change::Add { slot, admin }),
        3 => (pick(), admin()).prop_map(|(pick, admin)| Change::Update(pick, admin)),
        4 => (pick(), shards()).prop_map(|(pick, shards)| Change::Remove { pick, shards }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let verdict = || (pick(), any::<bool>());
    let kind = prop::sample::select(vec![
        FailureKind::ServerErrors,
        FailureKind::GatewayErrors,
        FailureKind::ConnectFailures,
    ]);
    prop_oneof![
        6 => verdict().prop_map(|(pick, healthy)| Step::Probed(pick, healthy)),
        2 => verdict().prop_map(|(pick, healthy)| Step::Stated(pick, healthy)),
        4 => pick().prop_map(Step::Down),
        4 => pick().prop_map(Step::Up),
        6 => (pick(), kind, 1..9u32).prop_map(|(pick, kind, run)| Step::Outlier(pick, kind, run)),
        4 => (pick(), 0..300u64, 0..300u64).prop_map(|(pick, requests, part)| {
            Step::Counts(pick, requests, part.min(requests))
        }),
        2 => (0..SLOTS, 0..SHARDS, any::<bool>())
            .prop_map(|(slot, shard, entered)| Step::FailOpen(slot, shard, entered)),
        4 => (pick(), 0..SHARDS).prop_map(|(pick, shard)| Step::Drained(pick, shard)),
        1 => (0..SHARDS).prop_map(Step::ShardGone),
        6 => (0..40u64).prop_map(|seconds| Step::Tick { seconds }),
        8 => prop::collection::vec(change(), 1..5).prop_map(Step::Batch),
    ]
}

/// An ordinary one, one that watches closely, none.
fn outlier_detection(which: usize) -> Option<OutlierDetection> {
    let close = OutlierDetection {
        connect_failures: 0,
        success_rate_backends: 2,
        success_rate_requests: 10,
        success_rate_deviations: 50,
        interval: Duration::from_secs(7),
        ejected_max: 40,
        ..OutlierDetection::default()
    };
    [Some(OutlierDetection::default()), Some(close), None][which]
}

/// A backend as the model knows it.
#[derive(Debug, Clone)]
struct Known {
    id: BackendId,
    unhealthy: bool,
    down: bool,
    ejected_until: Option<Time>,
    admin: AdminState,
    requests: u64,
    failures: u64,
    drained: BTreeSet<u16>,
}

impl Known {
    fn is_available(&self) -> bool {
        !self.unhealthy && !self.down && self.ejected_until.is_none() && self.admin != AdminState::Maint
    }
}

/// A cluster as the model knows it.
#[derive(Debug, Clone)]
struct Model {
    settings: config::Cluster,
    backends: BTreeMap<u32, Known>,
    interval_end: Option<Time>,
    fail_open: [bool; SHARDS as usize],
    refused: u64,
    ejections: u64,
    told_down: bool,
}

impl Model {
    /// How many may be out.
    fn share(&self) -> usize {
        let percent = self.settings.outlier_detection.map_or(0, |settings| settings.ejected_max);
        self.backends.len() * usize::from(percent) / 100
    }

    fn count(&self, is: impl Fn(&Known) -> bool) -> usize {
        self.backends.values().filter(|known| is(known)).count()
    }

    fn ejected(&self) -> usize {
        self.count(|known| known.ejected_until.is_some())
    }

    fn is_all_down(&self) -> bool {
        !self.backends.is_empty() && self.count(Known::is_available) == 0
    }

    /// What holds for the cluster as a whole after anything that happened to it.
    fn settle(&mut self) {
        while self.ejected() > self.share() {
            let out = self.backends.iter_mut().filter_map(|(serial, known)| {
                known.ejected_until.map(|until| (until, *serial, &mut known.ejected_until))
            });
            let first = out.min_by_key(|(until, serial, _)| (*until, *serial)).unwrap();
            *first.2 = None;
        }
        if !self.backends.is_empty() {
            self.told_down = self.is_all_down();
        }
    }
}

/// What has been told, as somebody knows it who only listens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Told {
    unwell: Vec<Member>,
    unreachable: Vec<Member>,
    /// By event: unhealthy, down, ejected.
    against: [Vec<Member>; 3],
    all_down: Vec<u32>,
    fail_open: Vec<u32>,
}

/// Puts `item` in or takes it out; that must be a change.
fn flip<T: PartialEq + Ord + Copy + std::fmt::Debug>(set: &mut Vec<T>, item: T, is_in: bool) {
    assert_eq!(set.contains(&item), !is_in, "{item:?} was told twice");
    set.retain(|other| *other != item);
    if is_in {
        set.push(item);
        set.sort_unstable();
    }
}

struct World {
    board: Board,
    now: Time,
    clusters: BTreeMap<u32, Model>,
    /// Removed backends, and who has yet to say that it has nothing of them.
    leaving: BTreeMap<Member, (BackendId, BTreeSet<u16>)>,
    /// All that were removed.
    gone: Vec<Member>,
    serial: u32,
    names: u32,
    told: Told,
}

impl World {
    fn new() -> World {
        let mut world = World {
            board: Board::new(),
            now: at(0),
            clusters: BTreeMap::new(),
            leaving: BTreeMap::new(),
            gone: Vec::new(),
            serial: 0,
            names: 0,
            told: Told::default(),
        };
        for (slot, backends) in (0..).zip(BACKENDS) {
            let outlier = [0, 1, 2, 0][slot as usize];
            let mut changes = vec![Change::Set { slot, has_check: true, outlier }];
            changes.extend((0..backends).map(|_| Change::Add { slot, admin: AdminState::Ready }));
            world.step(&Step::Batch(changes));
        }
        world
    }

    fn member(&self, (slot, place): Pick) -> Member {
        let backends = self.clusters.get(&slot).map(|cluster| &cluster.backends);
        let serial = backends.and_then(|backends| backends.keys().nth(place));
        match serial {
            Some(serial) => Member { cluster: slot, backend: *serial },
            None => self.gone.get(place).copied().unwrap_or(Member { cluster: slot, backend: u32::MAX }),
        }
    }

    fn known(&mut self, member: Member) -> Option<&mut Known> {
        self.clusters.get_mut(&member.cluster)?.backends.get_mut(&member.backend)
    }

    fn verdict(&mut self, member: Member, healthy: bool) {
        if let Some(known) = self.known(member) {
            known.down &= !(known.unhealthy && healthy);
            known.unhealthy = !healthy;
        }
    }

    fn outlier(&mut self, member: Member, kind: FailureKind, run: u32) {
        let (now, times) = (self.now, self.board.backend(member).map_or(0, |backend| backend.ejections));
        let Some(cluster) = self.clusters.get_mut(&member.cluster) else { return };
        let Some(settings) = cluster.settings.outlier_detection else { return };
        let threshold =
            [settings.server_errors, settings.gateway_errors, settings.connect_failures][kind as usize];
        let has_room = cluster.ejected() < cluster.share();
        let known = cluster.backends.get_mut(&member.backend);
        let Some(known) = known.filter(|known| known.ejected_until.is_none()) else { return };
        if threshold == 0 || run < threshold {
            return;
        }
        if has_room {
            let time = (settings.ejection_time * (times + 1)).min(settings.ejection_time_max);
            known.ejected_until = Some(now + time);
            cluster.ejections += 1;
        } else {
            cluster.refused += 1;
        }
    }

    /// Time goes on, from one thing that is due to the next: whose success rate is an outlier the board tells, and the model
    /// checks that it may be.
    fn tick(&mut self, until: Time) {
        while self.board.next_tick() <= until {
            self.now = self.board.next_tick();
            let mut out = Vec::new();
            self.board.tick(self.now, &mut out);
            for (&slot, cluster) in &mut self.clusters {
                for known in cluster.backends.values_mut() {
                    known.ejected_until = known.ejected_until.filter(|until| *until > self.now);
                }
                if cluster.interval_end == Some(self.now) {
                    Self::interval_over(&self.board, slot, cluster, self.now);
                }
                cluster.settle();
            }
            self.hear(&out);
            self.compare();
        }
        self.now = until;
    }

    fn interval_over(board: &Board, slot: u32, cluster: &mut Model, now: Time) {
        let is_judged = |known: &&Known| known.ejected_until.is_none() && known.requests >= 10;
        let rate = |known: &Known| 1.0 - known.failures as f64 / known.requests as f64;
        let rates: Vec<f64> = cluster.backends.values().filter(is_judged).map(rate).collect();
        let mean = rates.iter().sum::<f64>() / rates.len() as f64;
        for (&backend, known) in &mut cluster.backends {
            let member = Member { cluster: slot, backend };
            let is_in = known.ejected_until.is_none();
            if let Some((until, _)) = board.backend(member).unwrap().ejected.filter(|_| is_in) {
                assert!(rates.len() >= 2 && rate(known) < mean);
                known.ejected_until = Some(until);
                cluster.ejections += 1;
            }
            (known.requests, known.failures) = (0, 0);
        }
        let refused = board.gauges(slot).unwrap().ejections_refused_total;
        assert!(refused >= cluster.refused);
        cluster.refused = refused;
        cluster.interval_end = cluster.settings.outlier_detection.map(|settings| now + settings.interval);
    }

    fn hear(&mut self, out: &[Output]) {
        for output in out {
            match output {
                Output::Decide(Decision::Health { member, healthy }) => {
                    flip(&mut self.told.unwell, *member, !healthy);
                }
                Output::Decide(Decision::Reach { member, up }) => {
                    flip(&mut self.told.unreachable, *member, !up);
                }
                Output::FailOpen { cluster, entered } => {
                    let named = self.clusters.iter().find(|(_, known)| known.settings.id == *cluster);
                    flip(&mut self.told.fail_open, *named.unwrap().0, *entered);
                }
                Output::Event(event) if event.kind == EventKind::RemovedBackendHasNoConnections => {
                    let named = self.leaving.iter().find(|(_, (id, _))| Some(id) == event.backend.as_ref());
                    let (member, (_, awaited)) =
                        named.expect("it was removed, and nothing was told of it yet");
                    assert!(awaited.is_empty(), "{awaited:?} may have connections to it");
                    let member = *member;
                    self.leaving.remove(&member);
                }
                Output::Event(event) => self.hear_event(event),
            }
        }
    }

    fn hear_event(&mut self, event: &Event) {
        let named =
            self.clusters.iter().find(|(_, known)| Some(&known.settings.id) == event.cluster.as_ref());
        let (&slot, cluster) = named.expect("of removed clusters nothing is told");
        let flipped = match event.kind {
            EventKind::NoAvailableBackends => Some(true),
            EventKind::ClusterRecovered => Some(false),
            _ => None,
        };
        if let Some(is_down) = flipped {
            return flip(&mut self.told.all_down, slot, is_down);
        }
        let named = cluster.backends.iter().find(|(_, known)| Some(&known.id) == event.backend.as_ref());
        let member = Member { cluster: slot, backend: *named.expect("nor of removed backends").0 };
        let [unhealthy, down, ejected] = &mut self.told.against;
        match event.kind {
            EventKind::HealthCheckUnhealthy => flip(unhealthy, member, true),
            EventKind::HealthCheckHealthy => flip(unhealthy, member, false),
            EventKind::BackendDown => flip(down, member, true),
            EventKind::BackendUp => flip(down, member, false),
            EventKind::BackendEjected => flip(ejected, member, true),
            EventKind::BackendReturned => flip(ejected, member, false),
            other => panic!("{other} is not the board's to tell"),
        }
    }

    /// What was told, and what the board answers when asked, is what the model finds by looking at everything.
    fn compare(&self) {
        let mut expected = Told::default();
        for (&slot, cluster) in &self.clusters {
            for (&backend, known) in &cluster.backends {
                let member = Member { cluster: slot, backend };
                let put = |set: &mut Vec<Member>, is_in: bool| is_in.then(|| set.push(member));
                put(&mut expected.unwell, known.unhealthy || known.ejected_until.is_some());
                put(&mut expected.unreachable, known.down);
                put(&mut expected.against[0], known.unhealthy);
                put(&mut expected.against[1], known.down);
                put(&mut expected.against[2], known.ejected_until.is_some());
                let state = self.board.backend(member).unwrap();
                assert_eq!(state.ejected.map(|(until, _)| until), known.ejected_until, "{member:?}");
                let against = (state.unhealthy.is_some(), state.unreachable.is_some());
                assert_eq!(against, (known.unhealthy, known.down), "{member:?}");
                let states = (state.admin, state.is_available);
                assert_eq!(states, (known.admin, known.is_available()), "{member:?}");
            }
            cluster.told_down.then(|| expected.all_down.push(slot));
            cluster.fail_open.contains(&true).then(|| expected.fail_open.push(slot));
            self.compare_gauges(slot, cluster);
        }
        assert_eq!(self.told, expected);
        let all_down = self.clusters.values().filter(|cluster| cluster.is_all_down()).count();
        assert_eq!(self.board.clusters_down() as usize, all_down);
        assert_eq!(self.board.unhealthy(), expected.against[0]);
        let mut heard = [Vec::new(), Vec::new()];
        for decision in self.board.decisions() {
            match decision {
                Decision::Health { member, healthy: false } => heard[0].push(member),
                Decision::Reach { member, up: false } => heard[1].push(member),
                at_first => panic!("{at_first:?} is so at first"),
            }
        }
        assert_eq!(heard, [expected.unwell, expected.unreachable]);
        let over = self.leaving.values().find(|(_, awaited)| awaited.is_empty());
        assert_eq!(over, None, "it has no connections, and nobody was told");
        for gone in &self.gone {
            assert_eq!(self.board.backend(*gone), None);
        }
    }

    fn compare_gauges(&self, slot: u32, cluster: &Model) {
        let count = |is: &dyn Fn(&Known) -> bool| cluster.count(is) as u32;
        let gauges = self.board.gauges(slot).unwrap();
        let by_scanning = Gauges {
            configured: cluster.backends.len() as u32,
            healthy: count(&|known| !known.unhealthy),
            ejected: cluster.ejected() as u32,
            unreachable: count(&|known| known.down),
            draining: count(&|known| known.admin == AdminState::Drain),
            in_maintenance: count(&|known| known.admin == AdminState::Maint),
            available: count(&Known::is_available),
            is_all_down: cluster.is_all_down(),
            fail_open_shards: cluster.fail_open.iter().filter(|is| **is).count() as u32,
            ejections_total: cluster.ejections,
            ejections_refused_total: cluster.refused,
            // How often something has flipped is looked at below, and in what was told.
            ..gauges
        };
        assert_eq!(gauges, by_scanning, "cluster {slot}");
        assert_eq!(gauges.all_down_total - gauges.recovered_total, u64::from(cluster.told_down));
        assert!(cluster.ejected() <= cluster.share());
    }

    /// A backend has left the model's cluster.
    fn left(&mut self, member: Member, known: Known, shards: &[u16]) {
        let awaited = shards.iter().copied().filter(|shard| !known.drained.contains(shard)).collect();
        self.leaving.insert(member, (known.id, awaited));
        self.gone.push(member);
        let Told { unwell, unreachable, against: [unhealthy, down, ejected], .. } = &mut self.told;
        for set in [unwell, unreachable, unhealthy, down, ejected] {
            set.retain(|other| *other != member);
        }
    }

    fn change(&mut self, change: &Change, out: &mut Vec<Output>) {
        match *change {
            Change::Set { slot, has_check, outlier } => self.set(slot, has_check, outlier, out),
            Change::RemoveCluster { slot, ref shards } => {
                if let Some(cluster) = self.clusters.remove(&slot) {
                    self.told.all_down.retain(|other| *other != slot);
                    self.told.fail_open.retain(|other| *other != slot);
                    for (backend, known) in cluster.backends {
                        self.left(Member { cluster: slot, backend }, known, shards);
                    }
                }
                self.board.remove_cluster(slot, shards, out);
            }
            Change::Add { slot, admin } => {
                let member = Member { cluster: slot, backend: self.serial };
                let backend = self.backend(member, admin);
                if let Some(cluster) = self.clusters.get_mut(&slot) {
                    let known = Known {
                        id: backend.id.clone(),
                        unhealthy: false,
                        down: false,
                        ejected_until: None,
                        admin,
                        requests: 0,
                        failures: 0,
                        drained: BTreeSet::new(),
                    };
                    cluster.backends.insert(member.backend, known);
                    self.serial += 1;
                }
                self.board.add_backend(member, &backend);
            }
            Change::Update(pick, admin) => {
                let member = self.member(pick);
                if let Some(known) = self.known(member) {
                    known.admin = admin;
                }
                self.board.update_backend(member, &self.backend(member, admin), out);
            }
            Change::Remove { pick, ref shards } => {
                let member = self.member(pick);
                let cluster = self.clusters.get_mut(&member.cluster);
                if let Some(known) = cluster.and_then(|cluster| cluster.backends.remove(&member.backend)) {
                    self.left(member, known, shards);
                }
                self.board.remove_backend(member, shards, out);
            }
        }
    }

    fn backend(&self, member: Member, state: AdminState) -> config::Backend {
        let address = ([127, 0, 0, 1], 1 + (member.backend % 60_000) as u16).into();
        config::Backend { state, ..config::Backend::new(address) }
    }

    fn set(&mut self, slot: u32, has_check: bool, outlier: usize, out: &mut Vec<Output>) {
        self.names += 1;
        let mut settings = match self.clusters.get(&slot) {
            Some(known) => known.settings.clone(),
            None => cluster(&format!("c{}", self.names), 0),
        };
        settings.health_check = has_check.then(HealthCheck::default);
        settings.outlier_detection = outlier_detection(outlier);
        self.board.set_cluster(slot, &settings, self.now, out);
        let new = Model {
            settings: config::Cluster { outlier_detection: None, ..settings.clone() },
            backends: BTreeMap::new(),
            interval_end: None,
            fail_open: Default::default(),
            refused: 0,
            ejections: 0,
            told_down: false,
        };
        let cluster = self.clusters.entry(slot).or_insert(new);
        let before = std::mem::replace(&mut cluster.settings, settings);
        let loses_check = before.health_check.is_some() && !has_check;
        let (before, after) = (before.outlier_detection, cluster.settings.outlier_detection);
        if before.map(|settings| settings.interval) != after.map(|settings| settings.interval) {
            cluster.interval_end = after.map(|settings| self.now + settings.interval);
        }
        for known in cluster.backends.values_mut() {
            known.unhealthy &= !loses_check;
            if before.is_some() != after.is_some() {
                (known.requests, known.failures) = (0, 0);
            }
        }
    }

    fn step(&mut self, step: &Step) {
        let mut out = Vec::new();
        let reason = || "why".to_owned();
        let signal = match *step {
            Step::Tick { seconds } => return self.tick(self.now + Duration::from_secs(seconds)),
            Step::Batch(ref changes) => {
                for change in changes {
                    self.change(change, &mut out);
                    // Decisions and verdicts are of now, whatever the rest of the batch brings.
                    self.hear(&std::mem::take(&mut out));
                }
                None
            }
            Step::Probed(pick, healthy) => {
                let member = self.member(pick);
                let cluster = self.clusters.get(&member.cluster);
                if cluster.is_some_and(|cluster| cluster.settings.health_check.is_some()) {
                    self.verdict(member, healthy);
                }
                Some(Signal::Probed { member, healthy, reason: reason() })
            }
            Step::Stated(pick, healthy) => {
                let member = self.member(pick);
                self.verdict(member, healthy);
                Some(Signal::Stated { member, healthy, reason: reason() })
            }
            Step::Down(pick) => {
                let member = self.member(pick);
                self.known(member).into_iter().for_each(|known| known.down = true);
                Some(Signal::Down { member, reason: reason() })
            }
            Step::Up(pick) => {
                let member = self.member(pick);
                self.known(member).into_iter().for_each(|known| known.down = false);
                Some(Signal::Up { member })
            }
            Step::Outlier(pick, kind, run) => {
                let member = self.member(pick);
                self.outlier(member, kind, run);
                Some(Signal::Outlier { member, kind, run })
            }
            Step::Counts(pick, requests, failures) => {
                let member = self.member(pick);
                if let Some(known) = self.known(member) {
                    known.requests += requests;
                    known.failures += failures;
                }
                Some(Signal::Counts { member, requests, failures })
            }
            Step::FailOpen(slot, shard, entered) => {
                if let Some(cluster) = self.clusters.get_mut(&slot) {
                    cluster.fail_open[usize::from(shard)] = entered;
                }
                Some(Signal::FailOpen { cluster: slot, shard, entered })
            }
            Step::Drained(pick, shard) => {
                let leaving = self.leaving.keys().nth(pick.1).copied();
                let member = leaving.unwrap_or_else(|| self.member(pick));
                if let Some(known) = self.known(member) {
                    known.drained.insert(shard);
                }
                if let Some((_, awaited)) = self.leaving.get_mut(&member) {
                    awaited.remove(&shard);
                }
                Some(Signal::Drained { member, shard })
            }
            Step::ShardGone(shard) => {
                self.clusters.values_mut().for_each(|cluster| cluster.fail_open[usize::from(shard)] = false);
                self.leaving.values_mut().for_each(|(_, awaited)| _ = awaited.remove(&shard));
                Some(Signal::ShardGone { shard })
            }
        };
        match signal {
            Some(signal) => self.board.signal(signal, self.now, &mut out),
            None => self.board.tick(self.now, &mut out),
        }
        self.clusters.values_mut().for_each(Model::settle);
        self.hear(&out);
        self.compare();
    }
}

proptest! {
    #[test]
    fn whatever_happens_the_board_agrees_with_the_model(steps in prop::collection::vec(step(), 1..120)) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
        }
    }
}
