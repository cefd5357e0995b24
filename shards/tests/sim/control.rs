//! Changes of the configuration as the coordinator carries them out: compiled, prepared by all shards, committed.

use std::cell::RefCell;
use std::convert::Infallible;
use std::path::Path;
use std::sync::{Arc, mpsc};

use ringway_core::state::ConfigState;
use ringway_core::{Change, Config};
use ringway_engine::Engine;
use ringway_engine::sim::SimSocket;
use ringway_health::board::Member;
use ringway_shards::{Command, Files, Plan, Planner, Staged};

use crate::site::Site;

/// The configuration, and what shards know of it.
pub(crate) struct Control(RefCell<Book>);

struct Book {
    state: ConfigState,
    planner: Planner,
}

/// A change on its way.
pub(crate) struct Next {
    state: ConfigState,
    pub(crate) staged: Staged,
}

impl Control {
    pub(crate) fn new(config: &Config) -> Control {
        let control =
            Control(RefCell::new(Book { state: ConfigState::new(), planner: Planner::new([0; 32]) }));
        let next = control.compile(ConfigState::from_config(config));
        control.settle(next);
        control
    }

    /// For a shard that starts.
    pub(crate) fn plan(&self) -> Arc<Plan> {
        self.0.borrow().planner.plan()
    }

    /// Of what was settled last.
    pub(crate) fn hash(&self) -> u64 {
        self.0.borrow().state.hash()
    }

    pub(crate) fn state(&self) -> ConfigState {
        self.0.borrow().state.clone()
    }

    pub(crate) fn member(&self, cluster: &str, backend: &str) -> Member {
        let (cluster, backend) = (cluster.parse().expect("a name"), backend.parse().expect("a name"));
        self.0.borrow().planner.member(&cluster, &backend).expect("it is there")
    }

    pub(crate) fn load(&self, member: Member) -> (u64, u64) {
        self.0.borrow().planner.load(member)
    }

    /// What these changes, each written as JSON, come to.
    pub(crate) fn stage(&self, changes: &[&str]) -> Next {
        let mut state = self.state();
        for text in changes {
            let change: Change = serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let mutation = state.resolve(&change).unwrap_or_else(|error| panic!("{text}: {error}"));
            state.apply(&mutation).unwrap_or_else(|error| panic!("{text}: {error}"));
        }
        self.compile(state)
    }

    /// What it takes to get to `state`.
    pub(crate) fn compile(&self, state: ConfigState) -> Next {
        let book = self.0.borrow();
        let touched = ConfigState::touched(&book.state, &state);
        // What a file says is its name.
        let read = |path: &Path| Ok::<_, Infallible>(path.display().to_string().into_bytes());
        let files = Files::gather_touched(&book.state, &state, &touched, read).expect("nothing can fail");
        let staged = book.planner.stage(&touched, &state, &|_| None, &files);
        Next { staged: staged.expect("a sound plan"), state }
    }

    pub(crate) fn settle(&self, next: Next) {
        let mut book = self.0.borrow_mut();
        book.planner.commit(next.staged);
        book.state = next.state;
    }
}

impl Site {
    /// Has the shard prepare; what it says.
    pub(crate) async fn prepare(&self, next: &Next) -> Result<(), String> {
        let opens = next.staged.listeners_to_open().into_iter();
        let sockets = opens.map(|(slot, name)| {
            let state = next.state.listener(&name).expect("it is there");
            (slot, self.net().listen(state.listener.address))
        });
        self.prepare_with(next, sockets.collect()).await
    }

    pub(crate) async fn prepare_with(
        &self,
        next: &Next,
        sockets: Vec<(u32, SimSocket)>,
    ) -> Result<(), String> {
        let (reply, answer) = mpsc::channel();
        let reply = Box::new(move |said| _ = reply.send(said));
        self.tell(Command::Prepare { step: Arc::clone(next.staged.step()), sockets, reply });
        self.answered(&answer).await
    }

    /// Has the shard commit; the hash that it says.
    pub(crate) async fn commit(&self) -> u64 {
        let (reply, answer) = mpsc::channel();
        self.tell(Command::Commit { reply: Box::new(move |hash| _ = reply.send(hash)) });
        self.answered(&answer).await
    }

    async fn answered<T>(&self, answer: &mpsc::Receiver<T>) -> T {
        loop {
            if let Ok(said) = answer.try_recv() {
                return said;
            }
            self.engine().yield_now().await;
        }
    }

    /// Carries these changes, each written as JSON, out on this shard, as the only one.
    pub(crate) async fn change(&self, changes: &[&str]) {
        let next = self.control().stage(changes);
        self.carry_out(next, &[]).await;
    }

    /// Carries a change out on this shard and these others.
    pub(crate) async fn carry_out(&self, next: Next, others: &[Site]) {
        let shards = || std::iter::once(self).chain(others);
        for shard in shards() {
            shard.prepare(&next).await.expect("it follows what was committed last");
        }
        let hash = next.state.hash();
        for shard in shards() {
            assert_eq!(shard.commit().await, hash, "it serves by something else");
        }
        self.control().settle(next);
    }
}
