//! The board against a naive model that recomputes everything by scanning, under any sequence of what can happen to it.

use proptest::prelude::*;

use super::*;

/// Backends of each cluster: an ordinary one, one that is watched closely, one alone, none.
const BACKENDS: [u16; 4] = [5, 4, 1, 0];
const SHARDS: u16 = 3;

#[derive(Debug, Clone)]
enum Step {
    Probed(Member, bool),
    Stated(Member, bool),
    Down(Member),
    Up(Member),
    Outlier(Member, FailureKind, u32),
    Counts(Member, u64, u64),
    FailOpen(u32, u16, bool),
    ShardGone(u16),
    Tick { seconds: u64 },
    Admin(Member, AdminState),
    RemoveCheck(u32),
    AddCheck(u32),
}

fn step() -> impl Strategy<Value = Step> {
    // One too many of each, so that signals about nobody are among them.
    let member = || (0..5u32, 0..6u32).prop_map(|(cluster, backend)| Member { cluster, backend });
    let verdict = || (member(), any::<bool>());
    let kind = prop::sample::select(vec![
        FailureKind::ServerErrors,
        FailureKind::GatewayErrors,
        FailureKind::ConnectFailures,
    ]);
    let admin = prop::sample::select(vec![AdminState::Ready, AdminState::Drain, AdminState::Maint]);
    prop_oneof![
        6 => verdict().prop_map(|(member, healthy)| Step::Probed(member, healthy)),
        2 => verdict().prop_map(|(member, healthy)| Step::Stated(member, healthy)),
        4 => member().prop_map(Step::Down),
        4 => member().prop_map(Step::Up),
        6 => (member(), kind, 1..9u32).prop_map(|(member, kind, run)| Step::Outlier(member, kind, run)),
        4 => (member(), 0..300u64, 0..300u64).prop_map(|(member, requests, part)| {
            Step::Counts(member, requests, part.min(requests))
        }),
        2 => (0..5u32, 0..SHARDS, any::<bool>())
            .prop_map(|(cluster, shard, entered)| Step::FailOpen(cluster, shard, entered)),
        1 => (0..SHARDS).prop_map(Step::ShardGone),
        6 => (0..40u64).prop_map(|seconds| Step::Tick { seconds }),
        3 => (member(), admin).prop_map(|(member, admin)| Step::Admin(member, admin)),
        1 => (0..5u32).prop_map(Step::RemoveCheck),
        1 => (0..5u32).prop_map(Step::AddCheck),
    ]
}

fn configuration() -> Vec<config::Cluster> {
    let mut clusters: Vec<_> =
        (0..).zip(BACKENDS).map(|(n, backends)| cluster(&format!("c{n}"), backends)).collect();
    let close = OutlierDetection {
        connect_failures: 0,
        success_rate_backends: 2,
        success_rate_requests: 10,
        success_rate_deviations: 50,
        interval: Duration::from_secs(7),
        ..OutlierDetection::default()
    };
    clusters[1].outlier_detection = Some(close);
    clusters[2].outlier_detection = None;
    clusters
}

/// A backend as the model knows it.
#[derive(Debug, Clone, Default)]
struct Known {
    unhealthy: bool,
    down: bool,
    ejected_until: Option<Time>,
    admin: AdminState,
    requests: u64,
    failures: u64,
}

impl Known {
    fn is_available(&self) -> bool {
        !self.unhealthy && !self.down && self.ejected_until.is_none() && self.admin != AdminState::Maint
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
    clusters: Vec<config::Cluster>,
    backends: Vec<Vec<Known>>,
    checks: Vec<bool>,
    fail_open: Vec<[bool; SHARDS as usize]>,
    refused: Vec<u64>,
    ejections: Vec<u64>,
    told: Told,
}

impl World {
    fn new() -> World {
        let clusters = configuration();
        let mut out = Vec::new();
        let board = Board::new(&clusters, at(0), &mut out);
        assert_eq!(out, []);
        World {
            board,
            now: at(0),
            backends: BACKENDS.map(|backends| vec![Known::default(); backends.into()]).into(),
            checks: vec![true; BACKENDS.len()],
            fail_open: vec![Default::default(); BACKENDS.len()],
            refused: vec![0; BACKENDS.len()],
            ejections: vec![0; BACKENDS.len()],
            told: Told::default(),
            clusters,
        }
    }

    fn known(&mut self, member: Member) -> Option<&mut Known> {
        self.backends.get_mut(member.cluster as usize)?.get_mut(member.backend as usize)
    }

    fn has_check(&self, cluster: u32) -> bool {
        self.checks.get(cluster as usize).copied().unwrap_or(false)
    }

    fn verdict(&mut self, member: Member, healthy: bool) {
        if let Some(known) = self.known(member) {
            known.down &= !(known.unhealthy && healthy);
            known.unhealthy = !healthy;
        }
    }

    fn share(&self, cluster: u32) -> usize {
        let settings = self.clusters[cluster as usize].outlier_detection.unwrap();
        self.backends[cluster as usize].len() * usize::from(settings.ejected_max) / 100
    }

    fn ejected(&self, cluster: u32) -> usize {
        self.backends[cluster as usize].iter().filter(|known| known.ejected_until.is_some()).count()
    }

    fn outlier(&mut self, member: Member, kind: FailureKind, run: u32) {
        let Some(Some(settings)) =
            self.clusters.get(member.cluster as usize).map(|cluster| cluster.outlier_detection)
        else {
            return;
        };
        let threshold =
            [settings.server_errors, settings.gateway_errors, settings.connect_failures][kind as usize];
        let room = self.ejected(member.cluster) < self.share(member.cluster);
        let now = self.now;
        let times = self.board.backend(member).map_or(0, |backend| backend.ejections);
        let Some(known) = self.known(member).filter(|known| known.ejected_until.is_none()) else { return };
        if threshold == 0 || run < threshold {
            return;
        }
        if room {
            let time = (settings.ejection_time * (times + 1)).min(settings.ejection_time_max);
            known.ejected_until = Some(now + time);
            self.ejections[member.cluster as usize] += 1;
        } else {
            self.refused[member.cluster as usize] += 1;
        }
    }

    /// Time goes on, from one thing that is due to the next: whose success rate is an outlier the board tells, and the model
    /// checks that it may be.
    fn tick(&mut self, until: Time) {
        while self.board.next_tick() <= until {
            self.now = self.board.next_tick();
            let mut out = Vec::new();
            self.board.tick(self.now, &mut out);
            for (cluster, backends) in self.backends.iter_mut().enumerate() {
                let mean_of =
                    backends.iter().filter(|known| known.ejected_until.is_none() && known.requests >= 10);
                let rates: Vec<f64> =
                    mean_of.map(|known| 1.0 - known.failures as f64 / known.requests as f64).collect();
                let mean = rates.iter().sum::<f64>() / rates.len() as f64;
                for (backend, known) in backends.iter_mut().enumerate() {
                    known.ejected_until = known.ejected_until.filter(|until| *until > self.now);
                    let member = Member { cluster: cluster as u32, backend: backend as u32 };
                    let is_new = known.ejected_until.is_none();
                    if let Some((until, _)) = self.board.backend(member).unwrap().ejected.filter(|_| is_new) {
                        assert!(
                            rates.len() >= 2 && 1.0 - known.failures as f64 / (known.requests as f64) < mean
                        );
                        known.ejected_until = Some(until);
                        self.ejections[cluster] += 1;
                    }
                }
            }
            for (cluster, refused) in (0..).zip(&mut self.refused) {
                let now_refused = self.board.gauges(cluster).unwrap().ejections_refused_total;
                assert!(now_refused >= *refused);
                *refused = now_refused;
            }
            // Intervals have begun anew where the board says nothing of it: the model follows the settings.
            for (cluster, backends) in self.clusters.iter().zip(&mut self.backends) {
                let interval =
                    cluster.outlier_detection.map_or(1, |settings| settings.interval.as_nanos() as u64);
                if self.now.as_nanos().is_multiple_of(interval) {
                    backends.iter_mut().for_each(|known| (known.requests, known.failures) = (0, 0));
                }
            }
            self.hear(&out);
            self.compare();
        }
        self.now = until;
    }

    fn hear(&mut self, out: &[Output]) {
        for output in out {
            match output {
                Output::Decide(Decision::Health { member, healthy }) => {
                    flip(&mut self.told.unwell, *member, !healthy);
                }
                Output::Decide(Decision::Reach { member, up }) => {
                    flip(&mut self.told.unreachable, *member, !up)
                }
                Output::FailOpen { cluster, entered } => {
                    let cluster = self.clusters.iter().position(|known| known.id == *cluster).unwrap();
                    flip(&mut self.told.fail_open, cluster as u32, *entered);
                }
                Output::Event(event) => self.hear_event(event),
            }
        }
    }

    fn hear_event(&mut self, event: &Event) {
        let index = self.clusters.iter().position(|known| known.id == event.cluster).unwrap();
        let (id, address) = event.backend.as_ref().unwrap();
        let backends = &self.clusters[index].backends;
        let backend = backends.iter().position(|known| known.id == *id && known.address == *address).unwrap();
        let member = Member { cluster: index as u32, backend: backend as u32 };
        let [unhealthy, down, ejected] = &mut self.told.against;
        match event.kind {
            EventKind::HealthCheckUnhealthy => flip(unhealthy, member, true),
            EventKind::HealthCheckHealthy => flip(unhealthy, member, false),
            EventKind::BackendDown => flip(down, member, true),
            EventKind::BackendUp => flip(down, member, false),
            EventKind::BackendEjected => flip(ejected, member, true),
            EventKind::BackendReturned => flip(ejected, member, false),
            EventKind::NoAvailableBackends => flip(&mut self.told.all_down, member.cluster, true),
            EventKind::ClusterRecovered => flip(&mut self.told.all_down, member.cluster, false),
            EventKind::RemovedBackendHasNoConnections => panic!("the board removes nobody"),
        }
    }

    /// What was told, and what the board answers when asked, is what the model finds by looking at everything.
    fn compare(&self) {
        let mut expected = Told::default();
        for ((cluster, backends), fail_open) in (0u32..).zip(&self.backends).zip(&self.fail_open) {
            for (backend, known) in (0u32..).zip(backends) {
                let member = Member { cluster, backend };
                let put = |set: &mut Vec<Member>, is_in: bool| is_in.then(|| set.push(member));
                put(&mut expected.unwell, known.unhealthy || known.ejected_until.is_some());
                put(&mut expected.unreachable, known.down);
                put(&mut expected.against[0], known.unhealthy);
                put(&mut expected.against[1], known.down);
                put(&mut expected.against[2], known.ejected_until.is_some());
                let state = self.board.backend(member).unwrap();
                assert_eq!(state.ejected.map(|(until, _)| until), known.ejected_until, "{member:?}");
                assert_eq!(
                    (state.unhealthy.is_some(), state.unreachable.is_some()),
                    (known.unhealthy, known.down)
                );
                assert_eq!(
                    (state.admin, state.is_available),
                    (known.admin, known.is_available()),
                    "{member:?}"
                );
            }
            let count =
                |is: &dyn Fn(&Known) -> bool| backends.iter().filter(|known| is(known)).count() as u32;
            let available = count(&Known::is_available);
            let is_all_down = !backends.is_empty() && available == 0;
            is_all_down.then(|| expected.all_down.push(cluster));
            let fail_open_shards = fail_open.iter().filter(|is| **is).count() as u32;
            (fail_open_shards > 0).then(|| expected.fail_open.push(cluster));
            let gauges = self.board.gauges(cluster).unwrap();
            let by_scanning = Gauges {
                configured: backends.len() as u32,
                healthy: count(&|known| !known.unhealthy),
                ejected: self.ejected(cluster) as u32,
                unreachable: count(&|known| known.down),
                draining: count(&|known| known.admin == AdminState::Drain),
                in_maintenance: count(&|known| known.admin == AdminState::Maint),
                available,
                is_all_down,
                fail_open_shards,
                ejections_total: self.ejections[cluster as usize],
                ejections_refused_total: self.refused[cluster as usize],
                // How often something has flipped is looked at below, and in what was told.
                ..gauges
            };
            assert_eq!(gauges, by_scanning, "cluster {cluster}");
            assert_eq!(gauges.all_down_total - gauges.recovered_total, u64::from(is_all_down));
            if self.clusters[cluster as usize].outlier_detection.is_some() {
                assert!(self.ejected(cluster) <= self.share(cluster));
            }
        }
        assert_eq!(self.told, expected);
    }

    fn step(&mut self, step: &Step) {
        let mut out = Vec::new();
        let reason = || "why".to_owned();
        let signal = match *step {
            Step::Tick { seconds } => return self.tick(self.now + Duration::from_secs(seconds)),
            Step::Admin(member, admin) => {
                self.board.set_admin(member, admin, &mut out);
                if let Some(known) = self.known(member) {
                    known.admin = admin;
                }
                None
            }
            Step::RemoveCheck(cluster) => {
                self.board.remove_check(cluster, &mut out);
                if let Some(backends) = self.backends.get_mut(cluster as usize) {
                    backends.iter_mut().for_each(|known| known.unhealthy = false);
                    self.checks[cluster as usize] = false;
                }
                None
            }
            Step::AddCheck(cluster) => {
                self.board.add_check(cluster);
                if let Some(has_check) = self.checks.get_mut(cluster as usize) {
                    *has_check = true;
                }
                None
            }
            Step::Probed(member, healthy) => {
                if self.has_check(member.cluster) {
                    self.verdict(member, healthy);
                }
                Some(Signal::Probed { member, healthy, reason: reason() })
            }
            Step::Stated(member, healthy) => {
                self.verdict(member, healthy);
                Some(Signal::Stated { member, healthy, reason: reason() })
            }
            Step::Down(member) => {
                self.known(member).into_iter().for_each(|known| known.down = true);
                Some(Signal::Down { member, reason: reason() })
            }
            Step::Up(member) => {
                self.known(member).into_iter().for_each(|known| known.down = false);
                Some(Signal::Up { member })
            }
            Step::Outlier(member, kind, run) => {
                self.outlier(member, kind, run);
                Some(Signal::Outlier { member, kind, run })
            }
            Step::Counts(member, requests, failures) => {
                if let Some(known) = self.known(member) {
                    known.requests += requests;
                    known.failures += failures;
                }
                Some(Signal::Counts { member, requests, failures })
            }
            Step::FailOpen(cluster, shard, entered) => {
                if let Some(shards) = self.fail_open.get_mut(cluster as usize) {
                    shards[usize::from(shard)] = entered;
                }
                Some(Signal::FailOpen { cluster, shard, entered })
            }
            Step::ShardGone(shard) => {
                self.fail_open.iter_mut().for_each(|shards| shards[usize::from(shard)] = false);
                Some(Signal::ShardGone { shard })
            }
        };
        if let Some(signal) = signal {
            self.board.signal(signal, self.now, &mut out);
        }
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
