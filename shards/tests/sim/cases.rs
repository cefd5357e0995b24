//! One thing going wrong at a time, and exactly what must come of it.

use std::time::Duration;

use ringway_engine::sim::SimSettings;
use ringway_shards::limits::INTERIM_RESPONSES_MAX;

use crate::book::{Record, Seen};
use crate::draw::{buffers, plain_setup, timeouts};
use crate::http::Fail;
use crate::run::{Ended, run};
use crate::script::{
    Answer, Client, Exchange, Framing, Method, Mischief, Misdeed, Origin, Pace, Route, Script, Session,
    Tunnel, Via,
};
use crate::{PATIENCE, judge, rng, seeds};

/// Seeds of each case: they differ in latency, windows, and how bytes are cut into pieces.
const SEEDS: u64 = 12;
/// What comes on top of a deadline: latencies, the wheel's resolution.
const SLACK: Duration = Duration::from_millis(300);

pub(crate) fn get() -> Exchange {
    Exchange {
        route: Route::Plain,
        tunnel: None,
        method: Method::Get,
        body: None,
        expect: false,
        close: false,
        pace: Pace::AtOnce,
        mischief: None,
        answer: Answer {
            interims: 0,
            status: 200,
            len: 500,
            framing: Framing::Length,
            early: false,
            deaf_ms: 0,
            close: false,
            http10: false,
            pace: Pace::AtOnce,
            delay_ms: 0,
            misdeed: None,
            misdeeds: 0,
        },
    }
}

pub(crate) fn post(len: usize) -> Exchange {
    Exchange { method: Method::Post, body: Some((len, Framing::Length)), ..get() }
}

fn misdeed(misdeed: Misdeed, mut exchange: Exchange) -> Exchange {
    (exchange.answer.misdeed, exchange.answer.misdeeds) = (Some(misdeed), usize::MAX);
    exchange
}

fn mischief(mischief: Mischief, exchange: Exchange) -> Exchange {
    Exchange { mischief: Some(mischief), ..exchange }
}

/// One client, one request after the other, one origin.
fn script(exchanges: Vec<Exchange>, seed: u64) -> Script {
    let session = Session {
        http10: false,
        pipelined: false,
        pause_max: Duration::ZERO,
        exchanges: (0..exchanges.len()).collect(),
    };
    Script {
        setup: plain_setup(),
        buffers: buffers(&mut rng(seed)),
        origins: vec![Origin::default()],
        clients: vec![Client { start: Duration::from_millis(1), sessions: vec![session] }],
        exchanges,
        drain_at: None,
    }
}

fn play(seed: u64, script: Script) -> Ended {
    let ended = run(&SimSettings::new(seed), script, PATIENCE);
    judge::always(&ended);
    ended
}

/// Runs `exchanges` over several seeds, changed by `change`, and looks at how each ended.
pub(crate) fn case(
    name: &str,
    exchanges: &[Exchange],
    change: impl Fn(&mut Script),
    look: impl Fn(&Ended, &[Record]),
) {
    seeds::each(name, SEEDS, |seed| {
        let mut script = script(exchanges.to_vec(), seed);
        change(&mut script);
        let ended = play(seed, script);
        let records = ended.book.records.borrow().clone();
        look(&ended, &records);
    });
}

#[track_caller]
fn own(record: &Record, status: u16) {
    let is_it = matches!(record.seen, Some(Seen::Whole { status: seen, own: true, .. }) if seen == status);
    assert!(is_it, "{status} expected: {record:?}");
}

#[track_caller]
pub(crate) fn served(record: &Record) {
    assert!(matches!(record.seen, Some(Seen::Whole { own: false, .. })), "{record:?}");
}

#[track_caller]
fn took(record: &Record, deadline: Duration) {
    assert!((deadline..deadline + SLACK).contains(&record.took), "{deadline:?} expected: {record:?}");
}

#[test]
fn a_head_that_stops_is_answered_408_at_its_deadline() {
    let exchanges = [mischief(Mischief::StallHead, get())];
    case(
        "a_head_that_stops_is_answered_408_at_its_deadline",
        &exchanges,
        |_| {},
        |ended, records| {
            own(&records[0], 408);
            took(&records[0], timeouts().head);
            assert_eq!(records[0].reached, 0);
            assert_eq!(ended.summary.snapshot.counters.client_timeouts, 1);
        },
    );
}

#[test]
fn a_body_that_stops_is_answered_408_at_its_deadline() {
    let exchanges = [mischief(Mischief::StallBody, post(9_000))];
    case(
        "a_body_that_stops_is_answered_408_at_its_deadline",
        &exchanges,
        |_| {},
        |ended, records| {
            own(&records[0], 408);
            took(&records[0], timeouts().body);
            assert_eq!((records[0].reached, records[0].completed), (1, 0));
            assert_eq!(ended.summary.snapshot.counters.client_timeouts, 1);
        },
    );
}

#[test]
fn a_body_that_stops_after_an_interim_answer_is_answered_408() {
    let mut exchange = mischief(Mischief::StallBody, post(9_000));
    exchange.expect = true;
    exchange.answer.interims = 1;
    let name = "a_body_that_stops_after_an_interim_answer_is_answered_408";
    case(
        name,
        &[exchange],
        |_| {},
        |_, records| {
            own(&records[0], 408);
            took(&records[0], timeouts().body);
        },
    );
}

#[test]
fn a_backend_that_does_not_answer_is_504_at_its_deadline() {
    let exchanges = [misdeed(Misdeed::Stall, get()), misdeed(Misdeed::Stall, post(50_000)), get()];
    case(
        "a_backend_that_does_not_answer_is_504_at_its_deadline",
        &exchanges,
        |_| {},
        |ended, records| {
            for record in &records[..2] {
                own(record, 504);
                took(record, timeouts().response);
            }
            served(&records[2]);
            assert_eq!(ended.summary.snapshot.counters.backend_timeouts, 2);
        },
    );
}

#[test]
fn a_backend_that_only_continues_is_504_at_its_deadline() {
    let mut early = misdeed(Misdeed::Stall, post(5_000));
    early.expect = true;
    early.answer.interims = 1;
    let mut late = misdeed(Misdeed::Stall, get());
    late.answer.interims = 2;
    case(
        "a_backend_that_only_continues_is_504_at_its_deadline",
        &[early, late],
        |_| {},
        |_, records| {
            for record in records {
                own(record, 504);
                took(record, timeouts().response);
            }
        },
    );
}

#[test]
fn a_backend_that_takes_no_body_is_502_and_one_that_gives_no_answer_504() {
    let exchanges = [misdeed(Misdeed::StallUnread, post(200_000)), misdeed(Misdeed::StallUnread, get())];
    case(
        "a_backend_that_takes_no_body_is_502_and_one_that_gives_no_answer_504",
        &exchanges,
        |_| {},
        |_, records| {
            own(&records[0], 502);
            // A backend whose kernel has a little room left by then gets the time once more.
            let most = 2 * timeouts().send + SLACK;
            assert!((timeouts().send..most).contains(&records[0].took), "{records:?}");
            own(&records[1], 504);
            took(&records[1], timeouts().response);
        },
    );
}

#[test]
fn an_answer_that_stops_is_cut_at_its_deadline() {
    let mut exchange = misdeed(Misdeed::StallAt(60), get());
    exchange.answer.len = 50_000;
    case(
        "an_answer_that_stops_is_cut_at_its_deadline",
        &[exchange],
        |_| {},
        |ended, records| {
            assert!(matches!(records[0].seen, Some(Seen::Cut(Fail::End | Fail::Broken(_)))), "{records:?}");
            took(&records[0], timeouts().response_body);
            assert_eq!(ended.summary.snapshot.counters.aborted, 1);
        },
    );
}

#[test]
fn an_answer_that_is_cut_is_never_whole() {
    let exchanges: Vec<_> = [Framing::Length, Framing::Chunked { chunk_max: 4096, trailer: true }]
        .into_iter()
        .flat_map(|framing| {
            [1, 50, 99].map(|percent| {
                let mut exchange = misdeed(Misdeed::CutAt(percent), get());
                (exchange.answer.len, exchange.answer.framing) = (80_000, framing);
                exchange
            })
        })
        .collect();
    case(
        "an_answer_that_is_cut_is_never_whole",
        &exchanges,
        |_| {},
        |_, records| {
            for record in records {
                assert!(!matches!(record.seen, Some(Seen::Whole { .. })), "{record:?}");
            }
        },
    );
}

#[test]
fn a_malformed_answer_is_502_and_its_connection_is_not_used_again() {
    let mut chunk = misdeed(Misdeed::BadChunk, get());
    chunk.answer.framing = Framing::Chunked { chunk_max: 100, trailer: false };
    let exchanges = [misdeed(Misdeed::Garbage, get()), misdeed(Misdeed::Garbage, post(10)), chunk, get()];
    let name = "a_malformed_answer_is_502_and_its_connection_is_not_used_again";
    case(
        name,
        &exchanges,
        |_| {},
        |ended, records| {
            own(&records[0], 502);
            own(&records[1], 502);
            assert!(!matches!(records[2].seen, Some(Seen::Whole { own: false, .. })), "{records:?}");
            served(&records[3]);
            let counters = ended.summary.snapshot.counters;
            assert_eq!((counters.bad_responses + counters.aborted, counters.reused), (3, 0), "{counters:?}");
            assert_eq!(counters.responses_2xx + counters.responses_5xx, 4, "{counters:?}");
        },
    );
}

#[test]
fn bytes_behind_an_answer_reach_nobody() {
    let exchanges = [misdeed(Misdeed::Longer, get()), get(), misdeed(Misdeed::Longer, post(2_000)), get()];
    case(
        "bytes_behind_an_answer_reach_nobody",
        &exchanges,
        |_| {},
        |_, records| {
            records.iter().for_each(served);
        },
    );
}

#[test]
fn a_refused_connection_is_tried_elsewhere_whatever_the_method() {
    let exchanges = [get(), post(20_000), get(), post(5)];
    let refuse_one = |script: &mut Script| {
        script.origins = vec![Origin::default(), Origin::default()];
        script.origins[0].closed_ms.push(0..60_000);
    };
    let name = "a_refused_connection_is_tried_elsewhere_whatever_the_method";
    case(name, &exchanges, refuse_one, |ended, records| {
        records.iter().for_each(served);
        let counters = ended.summary.snapshot.counters;
        assert_eq!(counters.redispatches, counters.connect_failures, "{counters:?}");
    });
}

#[test]
fn nobody_to_connect_to_is_503_at_once() {
    let close_all = |script: &mut Script| script.origins[0].closed_ms.push(0..60_000);
    case("nobody_to_connect_to_is_503_at_once", &[get(), post(100)], close_all, |ended, records| {
        for record in records {
            own(record, 503);
            assert!(record.took < SLACK, "{record:?}");
        }
        let counters = ended.summary.snapshot.counters;
        assert_eq!((counters.unserved, counters.redispatches), (2, 0), "{counters:?}");
    });
}

#[test]
fn an_unanswered_request_goes_elsewhere_only_if_that_does_no_harm() {
    let mut unlucky = misdeed(Misdeed::Hangup, get());
    unlucky.answer.misdeeds = 1;
    let exchanges = [unlucky, misdeed(Misdeed::Hangup, post(300))];
    let two = |script: &mut Script| script.origins.push(Origin::default());
    let name = "an_unanswered_request_goes_elsewhere_only_if_that_does_no_harm";
    case(name, &exchanges, two, |_, records| {
        served(&records[0]);
        assert_eq!(records[0].reached, 2);
        own(&records[1], 502);
        assert_eq!(records[1].reached, 1);
    });
}

#[test]
fn a_stale_connection_says_nothing_about_its_backend() {
    // The origin hangs up on its second request, which to the proxy is a connection that was closed while idle.
    let exchanges = [get(), misdeed(Misdeed::Hangup, post(100)), get(), get()];
    case(
        "a_stale_connection_says_nothing_about_its_backend",
        &exchanges,
        |_| {},
        |ended, records| {
            served(&records[0]);
            own(&records[1], 502);
            served(&records[2]);
            served(&records[3]);
            assert_eq!(ended.summary.snapshot.counters.replays, 0);
        },
    );
}

#[test]
fn a_backend_that_answers_before_it_reads_keeps_its_other_requests_unharmed() {
    // One of these lengths is a little more than what the network takes: the last piece is then still in flight when
    // the answer is over.
    let exchanges: Vec<_> = (1..16)
        .flat_map(|n| {
            let mut early = post(n * 6_000);
            (early.answer.early, early.answer.deaf_ms) = (true, 100);
            // Not before the proxy has had time to take the request.
            early.answer.delay_ms = 20;
            [early, get(), post(40)]
        })
        .collect();
    let name = "a_backend_that_answers_before_it_reads_keeps_its_other_requests_unharmed";
    case(name, &exchanges, |_| {}, |_, records| records.iter().for_each(served));
}

#[test]
fn a_client_that_reads_nothing_is_cut_off_and_its_backend_freed() {
    let mut exchange = mischief(Mischief::SlowReader(Duration::from_secs(20)), get());
    exchange.answer.len = 300_000;
    case(
        "a_client_that_reads_nothing_is_cut_off_and_its_backend_freed",
        &[exchange],
        |_| {},
        |ended, records| {
            assert!(!matches!(records[0].seen, Some(Seen::Whole { .. })), "{records:?}");
            assert_eq!(ended.summary.snapshot.counters.aborted, 1);
        },
    );
}

#[test]
fn an_answer_that_ends_its_connection_survives_the_requests_behind_it() {
    let mut last = get();
    (last.answer.framing, last.answer.close, last.answer.len) = (Framing::Close, true, 30_000);
    // The requests behind it arrive in more pieces than the proxy takes in beforehand.
    last.pace = Pace::ByteByByte;
    let pipeline = |script: &mut Script| script.clients[0].sessions[0].pipelined = true;
    let name = "an_answer_that_ends_its_connection_survives_the_requests_behind_it";
    case(name, &vec![last; 6], pipeline, |_, records| records.iter().for_each(served));
}

#[test]
fn a_length_that_is_too_long_is_a_cut() {
    let mut exchange = misdeed(Misdeed::Shorter, get());
    let mut large = exchange.clone();
    (exchange.answer.len, large.answer.len) = (100, 200_000);
    let name = "a_length_that_is_too_long_is_a_cut";
    case(
        name,
        &[exchange, large, get()],
        |_| {},
        |ended, records| {
            for record in &records[..2] {
                assert!(matches!(record.seen, Some(Seen::Cut(_) | Seen::Nothing(_))), "{record:?}");
            }
            served(&records[2]);
            assert_eq!(ended.summary.snapshot.counters.aborted, 2);
        },
    );
}

#[test]
fn a_flood_of_interim_answers_is_502() {
    let name = "a_flood_of_interim_answers_is_502";
    case(
        name,
        &[misdeed(Misdeed::Flood, get()), get()],
        |_| {},
        |ended, records| {
            let seen = Some(Seen::Whole { status: 502, own: true, interims: INTERIM_RESPONSES_MAX as usize });
            assert_eq!(records[0].seen, seen);
            served(&records[1]);
            assert_eq!(ended.summary.snapshot.counters.bad_responses, 1);
        },
    );
}

#[test]
fn an_answer_that_is_reset_is_never_whole() {
    let name = "an_answer_that_is_reset_is_never_whole";
    let reset = |percent| {
        let mut exchange = misdeed(Misdeed::ResetAt(percent), get());
        (exchange.answer.len, exchange.answer.framing) = (5_000 * percent, Framing::Close);
        exchange
    };
    case(
        name,
        &[reset(10), reset(50), reset(99)],
        |_| {},
        |_, records| {
            for record in records {
                assert!(!matches!(record.seen, Some(Seen::Whole { own: false, .. })), "{record:?}");
            }
        },
    );
}

#[test]
fn large_bodies_go_from_socket_to_socket() {
    let name = "large_bodies_go_from_socket_to_socket";
    let mut large = post(300_000);
    large.answer.len = 400_000;
    case(
        name,
        &[large.clone(), large],
        |_| {},
        |ended, records| {
            records.iter().for_each(served);
            let spliced = ended.summary.snapshot.engine.bytes_spliced;
            assert!(spliced > 400_000, "{spliced} bytes");
        },
    );
}

/// A WebSocket with a message each way.
fn websocket() -> Exchange {
    let (up, down) = (3_000, 5_000);
    let tunnel = Tunnel { via: Via::WebSocket, up, down, waits: None, ahead: 100, refused: false };
    Exchange { tunnel: Some(tunnel), ..get() }
}

#[test]
fn a_websocket_that_was_granted_to_another_is_502() {
    let name = "a_websocket_that_was_granted_to_another_is_502";
    case(
        name,
        &[misdeed(Misdeed::BadAccept, websocket())],
        |_| {},
        |ended, records| {
            own(&records[0], 502);
            assert_eq!(ended.summary.snapshot.counters.tunnels, 0);
        },
    );
}

#[test]
fn what_is_sent_behind_a_refused_websocket_is_no_request() {
    let mut refused = websocket();
    if let Some(tunnel) = &mut refused.tunnel {
        tunnel.refused = true;
    }
    let name = "what_is_sent_behind_a_refused_websocket_is_no_request";
    case(
        name,
        &[refused, get()],
        |_| {},
        |ended, records| {
            records.iter().for_each(served);
            let counters = ended.summary.snapshot.counters;
            assert_eq!(
                (counters.requests, counters.rejected, counters.connections),
                (2, 0, 2),
                "{counters:?}"
            );
        },
    );
}
