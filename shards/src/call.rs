//! What every step of one exchange needs: the client, how long it may take, and what it is called.

use std::cell::{Cell, OnceCell};
use std::io;
use std::time::Duration;

use ringway_core::Time;
use ringway_core::config::Timeouts;
use ringway_engine::{Deadline, Engine, Out, Stream};

use crate::client::Client;
use crate::http1::answer::request_id;
use crate::listener::Terms;

/// One exchange's surroundings.
pub(crate) struct Call<'a, E: Engine> {
    pub(crate) client: &'a Client<E>,
    /// What it goes by, whatever its listener goes by meanwhile.
    pub(crate) terms: Terms,
    /// The latest moment for its end, whatever else goes on.
    until: Time,
    /// What we call it, once somebody asked.
    id: Cell<Option<[u8; 32]>>,
    /// What the client calls it, where that holds.
    name: OnceCell<Box<[u8]>>,
    /// The request is there as a whole, and nothing behind it yet.
    is_whole: Cell<bool>,
    /// What came behind it meanwhile.
    ahead: Cell<Option<E::Chunk>>,
    /// The client went away before it was served.
    deserted: Cell<bool>,
}

impl<'a, E: Engine> Call<'a, E> {
    /// Begins now.
    pub(crate) fn new(client: &'a Client<E>) -> Call<'a, E> {
        let terms = client.listener.terms();
        let until = client.shard.engine.now() + terms.timeouts.total;
        Call {
            client,
            terms,
            until,
            id: Cell::new(None),
            name: OnceCell::new(),
            is_whole: Cell::new(false),
            ahead: Cell::new(None),
            deserted: Cell::new(false),
        }
    }

    pub(crate) fn timeouts(&self) -> &Timeouts {
        &self.terms.timeouts
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

    /// The request was read to its end, and nothing was received behind it: from now on the end of the client's connection
    /// shows that nobody waits for the answer.
    pub(crate) fn has_all(&self) {
        self.is_whole.set(true);
    }

    /// Whether the client went away while its request waits. Looks, and does not wait.
    pub(crate) async fn is_deserted(&self) -> bool {
        let stream = &self.client.stream;
        if self.is_whole.get() && stream.has_pending() {
            match stream.recv().await {
                Ok(Some(chunk)) => {
                    self.ahead.set(Some(chunk));
                    self.is_whole.set(false);
                }
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
                Ok(None) | Err(_) => self.deserted.set(true),
            }
        }
        self.deserted.get()
    }

    /// Whether [`Call::is_deserted`] found that.
    pub(crate) fn was_deserted(&self) -> bool {
        self.deserted.get()
    }

    /// What [`Call::is_deserted`] found instead.
    pub(crate) fn take_ahead(&self) -> Option<E::Chunk> {
        self.ahead.take()
    }

    /// Starts sending to the client, with the deadline that a client has for taking it.
    pub(crate) fn post(&self, out: Out<E::Chunk>) {
        self.client.stream.set_deadline(Deadline::Send, self.by(self.timeouts().send));
        self.client.stream.post(out);
    }
}
