//! The head of a request: gathered, understood, routed, and written anew for the backend.

use std::io;

use ringway_engine::{Buffer, Chunk, Deadline, Engine, Mode, Stream};

use crate::affinity::Traits;
use crate::call::Call;
use crate::client::Left;
use crate::http1::answer::Place;
use crate::http1::{
    Body, Forward, HeadProgress, Method, Parsed, Reject, Scratch, Status, Tunnel, Version, request, rewrite,
};
use crate::live::Lead;
use crate::own;
use crate::plan::Action;
use crate::routing;
use crate::upstream::Affinity;

/// What is kept of a request once its head has been understood.
pub(crate) struct Ask<E: Engine> {
    /// What becomes of it.
    pub(crate) lead: Lead<E>,
    /// What it says about which backend it should get.
    pub(crate) affinity: Affinity,
    /// Its client makes more requests than it may.
    pub(crate) is_too_fast: bool,
    pub(crate) version: Version,
    /// The client lets us keep its connection.
    pub(crate) keep_alive: bool,
    /// The client said by itself that it sends nothing more.
    pub(crate) is_last: bool,
    pub(crate) is_head: bool,
    /// Sending it twice has the same effect as sending it once (RFC 9110 §9.2.2).
    pub(crate) idempotent: bool,
    pub(crate) body: Body,
    /// What the client asks to leave HTTP for.
    pub(crate) tunnel: Tunnel,
    head_len: usize,
}

/// A request whose head is complete.
pub(crate) struct Gathered<E: Engine> {
    pub(crate) ask: Ask<E>,
    /// The head as it goes to the backend; of a redirected request, the whole answer; of one that nobody gets, what an answer
    /// of our own goes by.
    pub(crate) head: Buffer,
    /// What was received behind it.
    pub(crate) rest: Option<E::Chunk>,
}

/// Reads the head that begins with `first`. Where there is none to be had the client was answered, and what comes next is
/// the error.
pub(crate) async fn gather<E: Engine>(
    call: &Call<'_, E>,
    mut first: E::Chunk,
) -> Result<Gathered<E>, Left<E::Chunk>> {
    let client = call.client;
    let mut head = client.shard.engine.buffer();
    let mut progress = HeadProgress::default();
    match look(call, &first, &mut progress, &mut head) {
        Ok(Some(ask)) => {
            let rest = rest_after(&mut first, ask.head_len).then_some(first);
            return Ok(Gathered { ask, head, rest });
        }
        Ok(None) => {}
        Err(reject) => return Err(refuse(call, reject).await),
    }
    // It comes in pieces: they are put together in a buffer, and each receive buffer goes home at once.
    let mut received = client.shard.engine.buffer();
    received.vec().extend_from_slice(&first);
    drop(first);
    client.stream.set_deadline(Deadline::Recv, call.by(call.timeouts().head));
    client.stream.set_mode(Mode::Head);
    loop {
        let mut piece = match client.stream.recv().await {
            Ok(Some(piece)) => piece,
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                client.shard.counters.client_timeouts.one();
                own::answer(call, Status::RequestTimeout, own::Wants::unknown()).await;
                return Err(Left::Linger);
            }
            Ok(None) => {
                let truncated =
                    Reject { status: Status::BadRequest, reason: "connection ended within the head" };
                return Err(refuse(call, truncated).await);
            }
            Err(_) => return Err(Left::Close),
        };
        let before = received.len();
        received.vec().extend_from_slice(&piece);
        match look(call, &received, &mut progress, &mut head) {
            Ok(Some(ask)) => {
                let rest = rest_after(&mut piece, ask.head_len - before).then_some(piece);
                return Ok(Gathered { ask, head, rest });
            }
            Ok(None) => {}
            Err(reject) => return Err(refuse(call, reject).await),
        }
    }
}

/// Drops the head from a chunk; whether anything is left.
fn rest_after(chunk: &mut impl Chunk, head_len: usize) -> bool {
    chunk.advance(head_len);
    !chunk.is_empty()
}

/// Understands the head at the start of `received`, routes it and writes what is to be sent because of it; `None`: there
/// is more of it to come. One synchronous step, so that the parsed fields live on the stack and are never kept.
fn look<E: Engine>(
    call: &Call<'_, E>,
    received: &[u8],
    progress: &mut HeadProgress,
    head: &mut Buffer,
) -> Result<Option<Ask<E>>, Reject> {
    let client = call.client;
    let (plan, shard) = (&call.terms, &client.shard);
    let mut scratch = Scratch::new();
    let request = match request::parse(received, &plan.limits, progress, &mut scratch)? {
        Parsed::Partial => return Ok(None),
        Parsed::Complete(request) => request,
    };
    let tunnel = plan.tunnels.admit(&request)?;
    client.requests.set(client.requests.get().saturating_add(1));
    let host = request.authority.map_or(&b""[..], |authority| authority.host);
    let asked = routing::Asked {
        host,
        path: request.path,
        method: request.method.as_bytes(),
        headers: request.headers(),
    };
    let target = client.listener.lookup(&asked);
    let lead = target.map_or(Lead::Nowhere, |target| shard.follow(&client.listener, target));
    // What was sent behind a request for a tunnel is never read as another request, so without the tunnel the connection
    // ends. An upgrade that is not passed on costs the connection only if something was sent behind it.
    let spoke_ahead =
        request.upgrade.is_some() && request.body.is_empty() && received.len() > request.head_len;
    let is_last =
        client.requests.get() >= plan.requests_max || client.is_worn() || client.listener.is_retired();
    let keep_alive = request.keep_alive && tunnel.is_none() && !spoke_ahead && !is_last;
    let is_head = request.method == Method::Head;
    let traits = || Traits { source: client.source().ip(), target: request.path, headers: request.headers() };
    let is_too_fast = plan.rate.as_ref().is_some_and(|rate| rate.refuses(&traits(), shard.engine.now()));
    let mut affinity = Affinity::default();
    match &lead {
        Lead::Cluster { cluster, route } => {
            if cluster.plan().has_affinity {
                affinity = shard.affinity(cluster, &traits());
            }
            let fresh = if plan.forwarding.names_requests() { call.id() } else { [0; 32] };
            if let Some(name) = plan.forwarding.request_id(&request, &fresh).filter(|name| **name != fresh) {
                call.set_name(name);
            }
            let forward = Forward {
                rules: &plan.forwarding,
                client: &client.address(),
                trusted: client.is_trusted(),
                request_id: &fresh,
            };
            let rules = route.as_ref().and_then(|route| route.plan.request_rules.as_ref());
            rewrite::request(&request, &tunnel, forward, rules, head.vec());
        }
        Lead::Own(route) => {
            if let Action::Redirect(_, redirect) = &route.plan.action {
                let keep_alive = keep_alive && request.body.is_empty() && !client.is_ending();
                redirect.write(Place::new(host, request.path), keep_alive, is_head, head.vec()).map_err(
                    |_| Reject {
                        status: Status::BadRequest,
                        reason: "redirect to the host asked for, and none was",
                    },
                )?;
            }
        }
        Lead::Nowhere | Lead::Gone => own::keep_accept(request.headers(), head.vec()),
    }
    Ok(Some(Ask {
        lead,
        affinity,
        is_too_fast,
        version: request.version,
        keep_alive,
        is_last: !request.keep_alive && tunnel.is_none() && !spoke_ahead,
        is_head,
        idempotent: request.method.is_idempotent(),
        body: Body::new(request.body),
        tunnel,
        head_len: request.head_len,
    }))
}

async fn refuse<E: Engine>(call: &Call<'_, E>, reject: Reject) -> Left<E::Chunk> {
    let shard = &call.client.shard;
    shard.counters.rejected.one();
    tracing::debug!(shard = shard.id, %reject, "request refused");
    own::answer(call, reject.status, own::Wants::unknown()).await;
    Left::Linger
}

/// How much of a body is still to come at least, for choosing buffers.
pub(crate) fn is_bulk(body: &Body) -> bool {
    match body {
        Body::Done => false,
        Body::Length { left } => *left >= crate::limits::BULK_BYTES_MIN,
        Body::Chunked(_) | Body::UntilClose => true,
    }
}
