//! Which addresses are probed, for which services, and what was found.

use ahash::{AHashMap, AHashSet};
use ringway_core::{Address, ClusterId, Time};
use ringway_lb::LoadBalancer;

use crate::owner::address_hash;
use crate::probe::Reason;
use crate::schedule::Schedule;
use crate::settings::CheckSettings;
use crate::verdict::{Health, Verdict};

/// Every address once.
#[derive(Debug, Default)]
pub(super) struct Targets {
    /// Numbers are not used again, so that a probe under way never answers for another address.
    next_id: u32,
    ids: AHashMap<Address, u32>,
    targets: AHashMap<u32, Target>,
}

#[derive(Debug)]
pub(super) struct Target {
    pub(super) address: Address,
    /// Whether its last probe timed out.
    pub(super) is_slow: bool,
    /// The services that it is in.
    verdicts: AHashMap<ClusterId, Verdict>,
}

impl Targets {
    pub(super) fn get(&self, id: u32) -> Option<&Target> {
        self.targets.get(&id)
    }

    /// Probes these from now on. What was found of those that stay is kept.
    pub(super) fn set(
        &mut self,
        members: Vec<(ClusterId, Address)>,
        schedule: &mut Schedule,
        settings: &CheckSettings,
        now: Time,
    ) {
        let mut wanted: AHashMap<Address, AHashSet<ClusterId>> = AHashMap::new();
        for (service, address) in members {
            wanted.entry(address).or_default().insert(service);
        }
        let gone: Vec<Address> =
            self.ids.keys().filter(|address| !wanted.contains_key(*address)).cloned().collect();
        for id in gone.iter().filter_map(|address| self.ids.remove(address)) {
            self.targets.remove(&id);
            schedule.remove(id);
        }
        for (address, services) in wanted {
            let id = *self.ids.entry(address.clone()).or_insert_with(|| {
                self.next_id += 1;
                schedule.add(self.next_id, address_hash(&address), settings, now);
                self.next_id
            });
            let new = || Target { address, is_slow: false, verdicts: AHashMap::new() };
            let target = self.targets.entry(id).or_insert_with(new);
            target.verdicts.retain(|service, _| services.contains(service));
            for service in services {
                target.verdicts.entry(service).or_default();
            }
        }
    }

    /// A probe of `id` has ended; whether a verdict is changing.
    pub(super) fn ended(
        &mut self,
        id: u32,
        result: &Result<(), Reason>,
        balancer: &LoadBalancer,
        settings: &CheckSettings,
        now: Time,
    ) -> bool {
        let Some(target) = self.targets.get_mut(&id) else { return false };
        target.is_slow = matches!(result, Err(Reason::TimedOut(_)));
        let reason = match result {
            Ok(()) => "it takes connections".to_owned(),
            Err(reason) => reason.to_string(),
        };
        for (service, verdict) in &mut target.verdicts {
            balancer.judge_health(service.as_str(), &target.address, &reason, |is_healthy| {
                let stated = if is_healthy { Health::Healthy } else { Health::Unhealthy };
                // To state what it is already would forget what speaks against it.
                if verdict.health() != stated {
                    verdict.state(stated, now);
                }
                match result {
                    Ok(()) => verdict.probe_succeeded(settings, now),
                    Err(_) => verdict.probe_failed(settings, now),
                };
                verdict.health() == Health::Healthy
            });
        }
        target.verdicts.values().any(Verdict::is_changing)
    }
}
