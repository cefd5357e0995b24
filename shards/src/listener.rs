//! A listener as one shard has it: what its connections go by, where their requests lead to, and its socket while it accepts.
//!
//! Its connections hold it. Settings are taken anew for each request; where a request leads to is looked up in one step with
//! what is found there. One that was removed serves the requests that are under way, and its connections end with them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use ringway_engine::{Engine, Listener as _};

use crate::plan::{ListenerPlan, ListenerSet, Target};
use crate::routing::{Asked, Cache, Router};

/// What the requests of a connection go by. One request keeps to one of these.
pub(crate) type Terms = Rc<Arc<ListenerPlan>>;

/// A listener.
pub(crate) struct Listener<E: Engine> {
    /// Its number in the process.
    pub(crate) slot: u32,
    terms: RefCell<Terms>,
    routes: RefCell<Routes>,
    tcp_cluster: Cell<Option<u32>>,
    socket: RefCell<Option<Rc<E::Listener>>>,
    /// The number of the last configuration that had it, once there is one that does not.
    until: Cell<Option<u64>>,
}

#[derive(Default)]
struct Routes {
    router: Option<Arc<Router<Target>>>,
    cache: Option<Cache>,
}

impl<E: Engine> Listener<E> {
    /// One that does not accept yet.
    pub(crate) fn new(slot: u32, set: &ListenerSet) -> Rc<Listener<E>> {
        let listener = Listener {
            slot,
            terms: RefCell::new(Rc::new(Arc::clone(&set.plan))),
            routes: RefCell::default(),
            tcp_cluster: Cell::new(None),
            socket: RefCell::new(None),
            until: Cell::new(None),
        };
        listener.set(set);
        Rc::new(listener)
    }

    /// Goes by this from now on; whether it accepts is left as it is.
    pub(crate) fn set(&self, set: &ListenerSet) {
        let mut terms = self.terms.borrow_mut();
        if !Arc::ptr_eq(&terms, &set.plan) {
            *terms = Rc::new(Arc::clone(&set.plan));
        }
        self.tcp_cluster.set(set.tcp_cluster);
        let mut routes = self.routes.borrow_mut();
        // A router that was edited goes on with what was learnt of patterns.
        let fresh = set.router.as_ref().map(|router| router.cache());
        routes.cache = routes.cache.take().or(fresh);
        routes.router.clone_from(&set.router);
    }

    /// What a request that begins now goes by.
    pub(crate) fn terms(&self) -> Terms {
        Rc::clone(&self.terms.borrow())
    }

    /// What its rules say of a request; `None`: none fits.
    pub(crate) fn lookup(&self, asked: &Asked<'_>) -> Option<Target> {
        let Routes { router, cache } = &mut *self.routes.borrow_mut();
        router.as_ref()?.lookup(asked, cache.as_mut()?)
    }

    /// The slot of the cluster that serves the connections of a TCP listener.
    pub(crate) fn tcp_cluster(&self) -> Option<u32> {
        self.tcp_cluster.get()
    }

    pub(crate) fn is_accepting(&self) -> bool {
        self.socket.borrow().is_some()
    }

    /// Accepts on this from now on.
    pub(crate) fn open(&self, socket: Rc<E::Listener>) {
        *self.socket.borrow_mut() = Some(socket);
    }

    /// Accepts no more; what was accepted is still served. The socket is closed when that has been handed out.
    pub(crate) fn close(&self) {
        if let Some(socket) = self.socket.take() {
            socket.stop();
        }
    }

    /// It is in the configuration no longer; `number` is that of the last one that had it.
    pub(crate) fn retire(&self, number: u64) {
        self.until.set(Some(number));
        self.close();
    }

    /// Whether its connections end with their request.
    pub(crate) fn is_retired(&self) -> bool {
        self.until.get().is_some()
    }

    /// Whether what came with this configuration may be what its rules lead to: numbers are used again.
    pub(crate) fn knows(&self, since: u64) -> bool {
        self.until.get().is_none_or(|until| since <= until)
    }
}
