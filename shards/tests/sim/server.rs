//! A backend of a scenario that answers by itself, and remembers what it was asked.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::Duration;

use ringway_engine::{Engine, Listener, Stream};

use crate::http::{Fail, Head, Wire};
use crate::site::Site;
use crate::talk::{SimStream, before};

/// How often it looks whether it is to end.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// More than segments take.
const MOMENT: Duration = Duration::from_micros(10);

/// What it does, and what it has seen.
#[derive(Default)]
pub(crate) struct Server {
    /// Of its answers; 0: it closes the connection instead.
    pub(crate) status: Cell<u16>,
    /// From a request to its answer.
    pub(crate) delay: Cell<Duration>,
    /// The heads of its requests, as they came.
    pub(crate) heads: RefCell<Vec<Head>>,
    /// Connections that it has got.
    pub(crate) accepts: Cell<usize>,
    pub(crate) requests: Gauge,
    streams: RefCell<Vec<Weak<SimStream>>>,
    /// The most connections that were open at once.
    pub(crate) connections_most: Cell<usize>,
    is_closing: Cell<bool>,
}

/// How many there are, and the most there were.
#[derive(Default)]
pub(crate) struct Gauge {
    now: Cell<usize>,
    pub(crate) most: Cell<usize>,
}

impl Gauge {
    fn up(&self) {
        self.now.set(self.now.get() + 1);
        self.most.set(self.most.get().max(self.now.get()));
    }

    fn down(&self) {
        self.now.set(self.now.get() - 1);
    }
}

/// It runs until this is dropped.
pub(crate) struct Running(Rc<Server>);

impl std::ops::Deref for Running {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.0
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.is_closing.set(true);
    }
}

impl Running {
    /// Takes note of the requests that came since it was asked last: how many.
    pub(crate) fn take(&self) -> usize {
        self.heads.take().len()
    }

    /// Closes its socket and its connections.
    pub(crate) async fn close(self, site: &Site) {
        drop(self);
        site.sleep(2 * LOOK_EVERY).await;
    }
}

/// Starts the backend with this number, which answers 200 at once.
pub(crate) fn start(site: &Site, origin: usize) -> Running {
    let server = Rc::new(Server { status: Cell::new(200), ..Server::default() });
    let listener = site.listen(origin);
    let (own, here) = (Rc::clone(&server), site.clone());
    site.engine().spawn(async move {
        let engine = here.engine();
        while !own.is_closing.get() {
            let accepted = before(engine, engine.now() + LOOK_EVERY, listener.accept()).await;
            let Some(accepted) = accepted else { continue };
            let (stream, _) = accepted.expect("a listening socket").expect("it was not stopped");
            own.accepts.set(own.accepts.get() + 1);
            let wire = Wire::new(stream);
            engine.spawn(opened(Rc::clone(&own), here.clone(), Rc::downgrade(&wire.stream)));
            let (own, here) = (Rc::clone(&own), here.clone());
            engine.spawn(async move { serve(&own, &here, wire).await });
        }
        drop(listener.into_socket().await);
    });
    Running(server)
}

/// Counts the connections that are open, when the end of the one before is here, too: it may be on its way.
async fn opened(server: Rc<Server>, site: Site, stream: Weak<SimStream>) {
    site.sleep(MOMENT).await;
    let mut streams = server.streams.borrow_mut();
    streams.push(stream);
    // What is pending on a connection without a request is its end.
    streams.retain(|stream| stream.upgrade().is_some_and(|stream| !stream.has_pending()));
    server.connections_most.set(server.connections_most.get().max(streams.len()));
}

async fn serve(server: &Server, site: &Site, mut wire: Wire) {
    loop {
        while wire.is_empty() {
            wire.deadline = site.now() + LOOK_EVERY;
            match wire.more().await {
                Ok(()) => {}
                Err(Fail::Late) if !server.is_closing.get() => {}
                Err(_) => return,
            }
        }
        wire.deadline = site.now() + Duration::from_secs(10);
        let Ok(head) = wire.head().await else { return };
        server.requests.up();
        server.heads.borrow_mut().push(head);
        if server.delay.get() > Duration::ZERO {
            site.sleep(server.delay.get()).await;
        }
        let status = server.status.get();
        server.requests.down();
        let answer = format!("HTTP/1.1 {status} Fine\r\nContent-Length: 2\r\n\r\nOK");
        if status == 0 || !site.send(&wire, answer.as_bytes()).await {
            return;
        }
    }
}

/// An answer.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: Head,
}

/// Asks on a connection of its own, with these fields besides the host's, and takes the whole answer.
pub(crate) async fn ask(site: &Site, fields: &str) -> Reply {
    ask_as(site, "", fields).await
}

/// As [`ask`], on a connection that begins with `greeting`.
pub(crate) async fn ask_as(site: &Site, greeting: &str, fields: &str) -> Reply {
    ask_for(site, greeting, "/", fields).await
}

/// As [`ask_as`], for `target`.
pub(crate) async fn ask_for(site: &Site, greeting: &str, target: &str, fields: &str) -> Reply {
    let mut client = site.client().await;
    let request = format!("{greeting}GET {target} HTTP/1.1\r\nHost: sim.example\r\n{fields}\r\n");
    assert!(site.send(&client, request.as_bytes()).await);
    let head = crate::site::head(&mut client).await;
    let len = head.number("content-length").expect("all of these have a length");
    client.skip(len).await.expect("the answer is whole");
    let status = head.start.get(9..12).and_then(|status| status.parse().ok());
    Reply { status: status.unwrap_or_else(|| panic!("no status: {head:?}")), head }
}
