//! What every step of one exchange needs: the client, how long it may take, and what it is called.

use std::cell::{Cell, OnceCell};
use std::time::Duration;

use ringway_core::Time;
use ringway_engine::{Deadline, Engine, Out, Stream};

use crate::client::Client;
use crate::http1::answer::request_id;

/// One exchange's surroundings.
pub(crate) struct Call<'a, E: Engine> {
    pub(crate) client: &'a Client<E>,
    /// The latest moment for its end, whatever else goes on.
    until: Time,
    /// What we call it, once somebody asked.
    id: Cell<Option<[u8; 32]>>,
    /// What the client calls it, where that holds.
    name: OnceCell<Box<[u8]>>,
}

impl<'a, E: Engine> Call<'a, E> {
    /// Begins now.
    pub(crate) fn new(client: &'a Client<E>) -> Call<'a, E> {
        let until = client.shard.engine.now() + client.timeouts().total;
        Call { client, until, id: Cell::new(None), name: OnceCell::new() }
    }

    /// The moment by which a step that begins now and may take this long must be done.
    pub(crate) fn by(&self, timeout: Duration) -> Time {
        (self.client.shard.engine.now() + timeout).min(self.until)
    }

    /// How long a step that begins now may take, if it may take this long by itself.
    pub(crate) fn within(&self, timeout: Duration) -> Duration {
        self.by(timeout).since(self.client.shard.engine.now())
    }

    /// Whether the time for all of it has passed.
    pub(crate) fn is_over(&self) -> bool {
        self.client.shard.engine.now() >= self.until
    }

    /// Notes that the request keeps the name its client gave it.
    pub(crate) fn set_name(&self, name: &[u8]) {
        let _ = self.name.set(name.into());
    }

    /// What the request is called in answers: the same as for the backend.
    pub(crate) fn name(&self) -> &[u8] {
        self.name.get_or_init(|| self.id().into())
    }

    /// What we call the request.
    pub(crate) fn id(&self) -> [u8; 32] {
        self.id.get().unwrap_or_else(|| {
            let id = request_id(&mut *self.client.shard.rng.borrow_mut());
            self.id.set(Some(id));
            id
        })
    }

    /// Starts sending to the client, with the deadline that a client has for taking it.
    pub(crate) fn post(&self, out: Out<E::Chunk>) {
        self.client.stream.set_deadline(Deadline::Send, self.by(self.client.timeouts().send));
        self.client.stream.post(out);
    }
}
