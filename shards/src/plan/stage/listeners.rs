//! Listeners that were touched, and the routers of all that rules came to or went from.

use std::net::SocketAddr;
use std::sync::Arc;

use ringway_core::ListenerName;
use ringway_core::config::Protocol;
use ringway_core::state::ListenerState;

use super::{Draft, PlanError, ROUTES, Rule, Scope};
use crate::plan::ListenerPlan;
use crate::plan::planner::Listener;
use crate::plan::route::Target;
use crate::plan::step::{ListenerSet, ListenerStep};
use crate::routing::{RouteError, Router};

impl<'a> Draft<'a> {
    pub(super) fn listeners(
        &mut self,
        touched: &[&ListenerName],
        addresses: &dyn Fn(&ListenerName) -> Option<SocketAddr>,
    ) -> Result<(), PlanError> {
        for name in touched {
            let known = self.book.listeners.get(*name);
            let to = self.to.listener(name);
            let same = known.filter(|known| to.is_some_and(|to| is_same(&known.state, to)));
            if let Some(known) = known.filter(|_| same.is_none()) {
                self.listeners.push(ListenerStep { slot: known.slot, set: None });
                self.changes.listeners.push(((*name).clone(), None));
            }
            let Some(to) = to else { continue };
            let router = match same {
                Some(known) => self.edited(known)?.or_else(|| known.set.router.clone()),
                None => self.built(to)?,
            };
            self.set(to, same, router, addresses(name))?;
        }
        self.other_routers(touched)
    }

    /// A listener that is added, or changed.
    fn set(
        &mut self,
        to: &Arc<ListenerState>,
        known: Option<&Listener>,
        router: Option<Arc<Router<Target>>>,
        address: Option<SocketAddr>,
    ) -> Result<(), PlanError> {
        let slot = known.map_or(self.changes.next_listener, |known| known.slot);
        self.changes.next_listener += u32::from(known.is_none());
        let listener = &to.listener;
        let before = known.map(|known| &*known.set.plan);
        let address = address.or(before.map(|before| before.address)).unwrap_or(listener.address);
        let tcp_cluster = match (listener.protocol, &listener.cluster) {
            (Protocol::Tcp, Some(cluster)) => Some(self.cluster_slot(cluster)?),
            _ => None,
        };
        let plan = Arc::new(ListenerPlan::new(listener, address, before));
        let set = ListenerSet { plan, router, tcp_cluster, active: listener.active };
        if set.active && known.is_none_or(|known| !known.set.active) {
            self.to_open.push((slot, listener.name.clone()));
        }
        self.put(Listener { slot, state: Arc::clone(to), set });
        Ok(())
    }

    fn put(&mut self, listener: Listener) {
        let name = listener.set.plan.name.clone();
        self.listeners.push(ListenerStep { slot: listener.slot, set: Some(listener.set.clone()) });
        self.changes.listeners.push((name, Some(listener)));
    }

    /// The listeners that were not touched themselves, as far as rules came to them or went.
    fn other_routers(&mut self, touched: &[&ListenerName]) -> Result<(), PlanError> {
        if self.removed.is_empty() && self.added.is_empty() {
            return Ok(());
        }
        let others = self.book.listeners.iter().filter(|(name, _)| !touched.contains(name));
        let mut others: Vec<_> = others.map(|(_, known)| known).collect();
        others.sort_unstable_by_key(|known| known.slot);
        for known in others {
            if let Some(router) = self.edited(known)? {
                let set = ListenerSet { router: Some(router), ..known.set.clone() };
                self.put(Listener { slot: known.slot, state: Arc::clone(&known.state), set });
            }
        }
        Ok(())
    }

    /// A listener's router after the rules that came and went; `None`: there were none.
    fn edited(&self, known: &Listener) -> Result<Option<Arc<Router<Target>>>, PlanError> {
        let (name, Some(router)) = (&known.set.plan.name, &known.set.router) else { return Ok(None) };
        let removed: Vec<_> = self.removed.iter().filter(|scope| scope.is_for(name)).collect();
        let added: Vec<_> = self.added.iter().filter(|rule| rule.scope.is_for(name)).collect();
        if removed.is_empty() && added.is_empty() {
            return Ok(None);
        }
        let removed = removed.into_iter().map(|scope| scope.matching);
        let added = added.into_iter().map(|rule| (rule.scope.matching, rule.order, rule.target));
        let router = router.edit(removed, added).map_err(failed(name))?;
        Ok(Some(Arc::new(router)))
    }

    /// The router of a listener that is new.
    fn built(&self, to: &ListenerState) -> Result<Option<Arc<Router<Target>>>, PlanError> {
        if to.listener.protocol == Protocol::Tcp {
            return Ok(None);
        }
        let name = &to.listener.name;
        let rules = self.rules()?;
        let rules = rules.iter().filter(|rule| rule.scope.is_for(name));
        let rules = rules.map(|rule| (rule.scope.matching, rule.order, rule.target));
        let router = Router::new().edit([], rules).map_err(failed(name))?;
        Ok(Some(Arc::new(router)))
    }

    /// All rules that will be there.
    fn rules(&self) -> Result<Vec<Rule<'a>>, PlanError> {
        let mut rules = Vec::new();
        for cluster in self.to.clusters() {
            let id = &cluster.settings.id;
            let slot = self.cluster_slot(id)?;
            let known = self.book.clusters.get(id);
            for (ordinal, frontend) in cluster.frontends.ordered() {
                let known = known.and_then(|known| known.route_slots.get(&ordinal));
                let route = self.new_routes.get(&ordinal).or(known);
                let target = route.map_or(Target::cluster(slot), |route| Target::route(*route));
                let scope = Scope { listeners: &frontend.listeners, matching: &frontend.matching };
                rules.push(Rule { scope, order: ordinal, target });
            }
        }
        for (ordinal, route) in self.to.routes().ordered() {
            let slot = self.new_routes.get(&ordinal).or(self.book.route_slots.get(&ordinal));
            let scope = Scope { listeners: &route.listeners, matching: &route.matching };
            let order = ordinal | ROUTES;
            rules.extend(slot.map(|slot| Rule { scope, order, target: Target::route(*slot) }));
        }
        Ok(rules)
    }
}

/// Whether it is the same listener, with other settings.
fn is_same(known: &ListenerState, to: &ListenerState) -> bool {
    let (known, to) = (&known.listener, &to.listener);
    (known.address, known.protocol) == (to.address, to.protocol)
}

fn failed(name: &ListenerName) -> impl FnOnce(RouteError) -> PlanError {
    let listener = name.clone();
    move |error| PlanError::Routes { listener, error }
}
