//! What is to happen in a run: who asks for what, when, how, and how it is answered.

use std::ops::Range;
use std::time::Duration;

use ringway_core::config::{HashKey, Policy, SendProxy, Timeouts};
use ringway_engine::uring::Settings;

use crate::bytes::Way;

/// What a lying length says too much.
pub(crate) const LIE_BYTES: usize = 17;

/// One run.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    pub(crate) setup: Setup,
    pub(crate) buffers: Settings,
    pub(crate) origins: Vec<Origin>,
    pub(crate) clients: Vec<Client>,
    /// By id.
    pub(crate) exchanges: Vec<Exchange>,
    /// When the proxy is told to drain; else when the last client is done.
    pub(crate) drain_at: Option<Duration>,
}

/// How the proxy is configured, as far as runs differ in it.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) timeouts: Timeouts,
    /// Client connections begin with a PROXY protocol header.
    pub(crate) proxied: bool,
    /// Backend connections do.
    pub(crate) send_proxy: SendProxy,
    pub(crate) requests_per_connection: Option<u32>,
    pub(crate) pool_max_requests: Option<u32>,
    pub(crate) pool_max_age: Duration,
    /// Client connections at once.
    pub(crate) connections_max: u32,
    pub(crate) per_source_max: Option<u32>,
    pub(crate) balancing: Balancing,
    pub(crate) limits: Limits,
}

/// How the cluster chooses, and what it makes of its choices.
#[derive(Debug, Clone, Default)]
pub(crate) struct Balancing {
    pub(crate) policy: Policy,
    pub(crate) hash_key: HashKey,
    pub(crate) sticky: bool,
    /// In percent, and at least so many per second; else the default.
    pub(crate) retry_budget: Option<(u8, u32)>,
    /// Outliers are looked for, and nobody listens to what is found: all of it is refused, or dropped.
    pub(crate) outliers: Option<Coordinator>,
}

/// Who does not do what it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coordinator {
    Deaf,
    Busy,
}

/// How much may be in flight.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Limits {
    pub(crate) cluster_requests: Option<u32>,
    pub(crate) backend_requests: Option<u32>,
    pub(crate) backend_connections: Option<u32>,
    pub(crate) source_requests: Option<u32>,
    /// How long what is beyond waits.
    pub(crate) wait: Duration,
}

impl Limits {
    /// Whether somebody may have to wait.
    pub(crate) fn is_any(&self) -> bool {
        let all =
            [self.cluster_requests, self.backend_requests, self.backend_connections, self.source_requests];
        all.iter().any(Option::is_some)
    }

    /// Whether somebody may be refused.
    pub(crate) fn refuses(&self) -> bool {
        self.is_any() && self.wait.is_zero()
    }
}

/// One backend.
#[derive(Debug, Clone, Default)]
pub(crate) struct Origin {
    /// When it does not listen, in milliseconds from the start; in order, not touching.
    pub(crate) closed_ms: Vec<Range<u64>>,
    /// Closes connections without a word that were idle, after a request, for up to so many milliseconds, each time drawn
    /// anew.
    pub(crate) idle_max_ms: Option<u64>,
}

#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) start: Duration,
    pub(crate) sessions: Vec<Session>,
}

/// Requests that use one connection, as long as it lasts.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) http10: bool,
    /// All requests are sent before the first answer is read.
    pub(crate) pipelined: bool,
    /// Between an answer and the next request, at most.
    pub(crate) pause_max: Duration,
    pub(crate) exchanges: Vec<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Head,
    Post,
    Put,
    Connect,
}

impl Method {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Connect => "CONNECT",
        }
    }

    pub(crate) fn is_idempotent(self) -> bool {
        !matches!(self, Method::Post | Method::Connect)
    }
}

/// How a body's end is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    Length,
    /// With chunks of at most so many bytes; `trailer`: a field behind the last one.
    Chunked {
        chunk_max: usize,
        trailer: bool,
    },
    /// By the end of the connection; answers only.
    Close,
}

/// How bytes are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    AtOnce,
    /// In pieces, with pauses of at most so many microseconds.
    Pieces {
        max: usize,
        pause_max_us: u64,
    },
    /// The first 300 bytes one at a time.
    ByteByByte,
}

/// What the proxy is configured to do with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// It is passed on.
    Plain,
    /// It is passed on with another path, host and fields; so is its answer.
    Edited,
    /// The client is sent elsewhere.
    Moved,
    /// It is answered.
    Fixed,
}

impl Route {
    /// What its paths begin with.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Route::Plain => "",
            Route::Edited => "/edited",
            Route::Moved => "/moved",
            Route::Fixed => "/fixed",
        }
    }

    /// The status of the proxy's own answer, if it gives one.
    pub(crate) fn own_status(self) -> Option<u16> {
        match self {
            Route::Plain | Route::Edited => None,
            Route::Moved => Some(308),
            Route::Fixed => Some(203),
        }
    }
}

/// How a tunnel is come by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Via {
    /// The connection is one, from its first byte.
    Tcp,
    WebSocket,
    Connect,
}

/// Bytes both ways, each way to its own end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tunnel {
    pub(crate) via: Via,
    pub(crate) up: usize,
    pub(crate) down: usize,
    /// Who ends its own direction only after the other's end.
    pub(crate) waits: Option<Way>,
    /// How much the client sends before it knows that there is a tunnel.
    pub(crate) ahead: usize,
    /// The backend gives the answer instead.
    pub(crate) refused: bool,
}

/// A request and its answer.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    pub(crate) route: Route,
    /// What is asked for is a tunnel.
    pub(crate) tunnel: Option<Tunnel>,
    pub(crate) method: Method,
    /// `None`: no body, and no word of it.
    pub(crate) body: Option<(usize, Framing)>,
    /// Wait for `100 Continue` before the body is sent.
    pub(crate) expect: bool,
    /// `Connection: close`.
    pub(crate) close: bool,
    pub(crate) pace: Pace,
    pub(crate) mischief: Option<Mischief>,
    pub(crate) answer: Answer,
}

/// What a client does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mischief {
    /// Stops within the head and waits.
    StallHead,
    /// Stops within the body and waits.
    StallBody,
    /// Goes away after this share of the request, in percent; at 100 before the answer.
    Leave(usize),
    /// Reads nothing for so long.
    SlowReader(Duration),
    /// Breaks the chunked coding half-way.
    BadChunk,
    /// Does not speak HTTP.
    Garbage,
}

/// What a backend answers.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) interims: usize,
    pub(crate) status: u16,
    pub(crate) len: usize,
    pub(crate) framing: Framing,
    /// Starts before the request's body was read.
    pub(crate) early: bool,
    /// How many milliseconds it reads nothing after an early answer.
    pub(crate) deaf_ms: u64,
    /// Announces the end of its connection, and ends it.
    pub(crate) close: bool,
    /// In HTTP/1.0, which announces that by itself.
    pub(crate) http10: bool,
    pub(crate) pace: Pace,
    /// Milliseconds before it begins.
    pub(crate) delay_ms: u64,
    pub(crate) misdeed: Option<Misdeed>,
    /// How many attempts of this exchange meet the misdeed.
    pub(crate) misdeeds: usize,
}

impl Answer {
    /// Whether the answer to `method` carries its body.
    pub(crate) fn has_body(&self, method: Method) -> bool {
        method != Method::Head && !matches!(self.status, 204 | 304)
    }
}

/// What a backend does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Misdeed {
    /// Never begins to answer. With interim answers, sends those.
    Stall,
    /// Reads neither the body nor answers.
    StallUnread,
    /// Stops after this share of the answer, in percent.
    StallAt(usize),
    /// Reads this share of the request's body, in percent, and nothing more.
    StallReading(usize),
    /// Closes instead of answering.
    Hangup,
    /// Closes at once, with the request unread as far as it can: a reset.
    Reset,
    /// Closes after this share of the answer, in percent.
    CutAt(usize),
    /// Resets the connection after this share of the answer, in percent.
    ResetAt(usize),
    /// More bytes than the length says.
    Longer,
    /// Fewer bytes than the length says; closes then.
    Shorter,
    /// More interim answers than anybody waits for.
    Flood,
    /// Grants a WebSocket, to somebody else.
    BadAccept,
    /// A head that is none.
    Garbage,
    /// A chunk that is none; closes then.
    BadChunk,
}
