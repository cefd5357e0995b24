//! What must be true of a run when it is over.

use ringway_shards::CountersSnapshot;

use crate::book::{Record, Seen};
use crate::client::hello;
use crate::run::Ended;
use crate::script::{Exchange, Mischief, Misdeed, Via};

/// What holds whatever the kernel, clients and origins do. What each side checked by itself is not repeated: bodies,
/// ids, framing, order.
pub(crate) fn always(ended: &Ended) {
    let Ended { book, summary } = ended;
    assert!(summary.drained && summary.cut == 0, "{summary:?}");
    assert_eq!(summary.snapshot.connections, 0, "{summary:?}");
    for (id, exchange) in book.script.exchanges.iter().enumerate() {
        let record = book.record(id);
        let most = if exchange.method.is_idempotent() { usize::MAX } else { 1 };
        assert!(record.reached <= most, "exchange {id} was carried out twice: {record:?}, {exchange:?}");
        assert!(record.seen.is_some(), "exchange {id} was forgotten: {record:?}, {exchange:?}");
    }
    let tcp = book.script.exchanges.iter().filter(|exchange| is_tcp(exchange)).count();
    counters_agree(&summary.snapshot.counters, tcp as u64);
}

fn is_tcp(exchange: &Exchange) -> bool {
    exchange.tunnel.is_some_and(|tunnel| tunnel.via == Via::Tcp)
}

/// How the shard's counters hang together, where at most `tcp` connections were no requests.
fn counters_agree(counters: &CountersSnapshot, tcp: u64) {
    let CountersSnapshot { requests, rejected, own_answers, unserved, .. } = *counters;
    let finals =
        counters.responses_2xx + counters.responses_3xx + counters.responses_4xx + counters.responses_5xx;
    assert!(finals >= own_answers, "{counters:?}");
    // A head that was refused, or came too late, is no request; a body that was refused is one.
    assert!(
        finals <= requests + rejected + counters.client_timeouts,
        "more answers than requests: {counters:?}"
    );
    // There is no answer on a TCP connection.
    assert!(unserved <= own_answers + tcp, "{counters:?}");
    let sent = counters.backend_connections + counters.reused;
    assert!(sent <= requests + tcp + counters.replays + counters.redispatches, "{counters:?}");
    assert!(counters.replays <= counters.reused, "{counters:?}");
}

/// What the shard must have counted, from what clients saw.
#[derive(Default)]
struct Tally {
    /// By the hundreds of the status; 101 is none of the proxy's interim answers but is counted as one.
    seen: [u64; 6],
    own_answers: u64,
    /// Requests, and connections of the TCP listener, that backends served.
    served: u64,
    /// The same, that were refused for a limit.
    refused: u64,
    tunnels: u64,
    tunnel_bytes: u64,
}

impl Tally {
    fn whole(&mut self, id: usize, exchange: &Exchange, status: u16) {
        self.seen[usize::from(status / 100)] += u64::from(status > 0);
        self.served += 1;
        if exchange.is_grant(status)
            && let Some(tunnel) = exchange.tunnel
        {
            let hello = if tunnel.via == Via::Tcp { hello(id).len() } else { 0 };
            self.tunnels += 1;
            self.tunnel_bytes += (hello + tunnel.up + tunnel.down) as u64;
        }
    }
}

/// Nothing went wrong but what the proxy has to hide.
pub(crate) fn well_formed(ended: &Ended) {
    let Ended { book, summary } = ended;
    let script = &book.script;
    let stale = script.origins.iter().any(|origin| origin.idle_max_ms.is_some());
    let drains = script.drain_at.is_some();
    let refuses = script.setup.limits.refuses();
    let mut tally = Tally::default();
    let mut earlies = 0;
    let mut resent = 0;
    for (id, exchange) in script.exchanges.iter().enumerate() {
        let record = book.record(id);
        resent += record.resent;
        earlies += usize::from(exchange.answer.early);
        match record.seen {
            Some(Seen::Whole { status, own: false, .. }) => {
                tally.whole(id, exchange, status);
                let granted = exchange.tunnel.is_some_and(|tunnel| !tunnel.refused);
                assert!(granted || status == exchange.answer.status, "{}", tell(id, &record, exchange));
                assert_eq!(granted, exchange.is_grant(status), "{}", tell(id, &record, exchange));
                assert!(!granted || record.completed == 1, "{}", tell(id, &record, exchange));
            }
            Some(Seen::Whole { status, own: true, .. }) if exchange.route.own_status() == Some(status) => {
                assert_eq!(record.reached, 0, "{}", tell(id, &record, exchange));
                tally.seen[usize::from(status / 100)] += 1;
                tally.own_answers += 1;
            }
            // It can not be sent again.
            Some(Seen::Whole { status: 502, own: true, .. })
                if stale && (!exchange.method.is_idempotent() || exchange.body.is_some()) =>
            {
                (tally.seen[5], tally.own_answers) = (tally.seen[5] + 1, tally.own_answers + 1);
                tally.served += 1;
            }
            // There is no place for it, and it does not wait for one.
            Some(Seen::Whole { status: 503, own: true, .. }) if refuses && record.reached == 0 => {
                (tally.seen[5], tally.own_answers) = (tally.seen[5] + 1, tally.own_answers + 1);
                tally.refused += 1;
            }
            Some(Seen::Nothing(_)) if refuses && record.reached == 0 && is_tcp(exchange) => {
                tally.refused += 1
            }
            Some(Seen::Nothing(_)) if drains && record.reached == 0 => {}
            _ => panic!("not served: {}", tell(id, &record, exchange)),
        }
    }
    assert!(
        resent <= earlies || drains,
        "{resent} idle connections were closed, {earlies} answers were early"
    );
    let counters = &summary.snapshot.counters;
    let Tally { seen, own_answers, served, refused, tunnels, tunnel_bytes } = tally;
    assert_eq!(counters.responses_1xx, book.interims.get() + seen[1], "{counters:?}");
    let counted =
        [counters.responses_2xx, counters.responses_3xx, counters.responses_4xx, counters.responses_5xx];
    assert_eq!(counted, seen[2..], "{counters:?}");
    assert_eq!(counters.requests, seen.iter().sum::<u64>(), "{counters:?}");
    assert_eq!((counters.tunnels, counters.tunnel_bytes), (tunnels, tunnel_bytes), "{counters:?}");
    assert_eq!(counters.own_answers, own_answers, "{counters:?}");
    assert_eq!(counters.backend_connections, book.accepts.get(), "{counters:?}");
    let bad = [
        counters.rejected,
        counters.bad_responses,
        counters.aborted,
        counters.client_timeouts,
        counters.backend_timeouts,
    ];
    assert_eq!(bad, [0; 5], "{counters:?}");
    if drains {
        // A connection that was to be none may have ended unasked.
        assert!(counters.unserved + counters.source_refused <= refused, "{counters:?}");
    } else {
        assert_eq!(counters.unserved + counters.source_refused, refused, "{counters:?}");
    }
    if !drains {
        assert_eq!(counters.connections, book.connects.get(), "{counters:?}");
    }
    if !stale {
        assert_eq!(counters.replays, 0, "{counters:?}");
        assert_eq!(counters.backend_connections + counters.reused, served, "{counters:?}");
    }
}

/// Every answer of the proxy's own has its reason, and every request gets an answer unless it has one.
pub(crate) fn unruly(ended: &Ended) {
    let script = &ended.book.script;
    let drains = script.drain_at.is_some();
    let limits = &script.setup.limits;
    let any_misdeed = script.exchanges.iter().any(|exchange| exchange.answer.misdeed.is_some());
    let closes =
        script.origins.iter().any(|origin| !origin.closed_ms.is_empty() || origin.idle_max_ms.is_some());
    for (id, exchange) in script.exchanges.iter().enumerate() {
        let record = ended.book.record(id);
        let (mischief, misdeed) = (exchange.mischief, exchange.answer.misdeed);
        let stalls = matches!(
            misdeed,
            Some(Misdeed::Stall | Misdeed::StallUnread | Misdeed::StallAt(_) | Misdeed::StallReading(_))
        );
        // What was on its way to the client when the answer broke off is lost.
        let breaks_off = matches!(
            misdeed,
            Some(
                Misdeed::StallAt(_)
                    | Misdeed::CutAt(_)
                    | Misdeed::ResetAt(_)
                    | Misdeed::BadChunk
                    | Misdeed::Shorter
                    | Misdeed::Flood
            )
        ) || matches!(mischief, Some(Mischief::SlowReader(_)));
        // There is no other word in a tunnel than its end.
        let tunnel_breaks = exchange.tunnel.is_some() && (misdeed.is_some() || mischief.is_some() || closes);
        let excused = match record.seen.expect("checked before") {
            Seen::Whole { own: false, .. } | Seen::Left => true,
            Seen::Whole { status, .. } if exchange.route.own_status() == Some(status) => true,
            Seen::Cut(_) | Seen::Nothing(_) if tunnel_breaks => true,
            Seen::Nothing(_) if is_tcp(exchange) && limits.is_any() => record.reached == 0,
            Seen::Whole { status: 400, .. } => {
                matches!(mischief, Some(Mischief::BadChunk | Mischief::Garbage))
            }
            Seen::Whole { status: 408, .. } => {
                matches!(mischief, Some(Mischief::StallHead | Mischief::StallBody))
            }
            Seen::Whole { status: 502, .. } => misdeed.is_some() && misdeed != Some(Misdeed::Stall) || closes,
            Seen::Whole { status: 503, .. } => any_misdeed || closes || limits.refuses(),
            // While it waited for those that stall, its own time was over.
            Seen::Whole { status: 504, .. } => stalls || limits.is_any(),
            Seen::Whole { .. } => false,
            Seen::Cut(_) => breaks_off || matches!(mischief, Some(Mischief::BadChunk | Mischief::StallBody)),
            // A request that stood behind one that ended its connection may be lost with it.
            Seen::Nothing(_) => drains && record.reached == 0 || is_pipelined(ended, id) || breaks_off,
        };
        assert!(excused, "{}", tell(id, &record, exchange));
    }
}

fn is_pipelined(ended: &Ended, id: usize) -> bool {
    let sessions = ended.book.script.clients.iter().flat_map(|client| &client.sessions);
    sessions.filter(|session| session.pipelined).any(|session| session.exchanges.contains(&id))
}

fn tell(id: usize, record: &Record, exchange: &Exchange) -> String {
    format!("exchange {id}: {record:?}, {exchange:?}")
}
