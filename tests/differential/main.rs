//! Ringway, nginx and HAProxy side by side: the same hostile requests, in front of origins that record every byte.
//!
//! Each proxy gets every variant on a connection of its own. What must hold, whatever the peers do:
//!
//! * Ringway never forwards what both others refuse.
//! * Where the client sent one request, no origin sees two, however it reads ([`reading`]).
//! * What Ringway sends on one connection is read as the same one request by every reader, to the last byte.
//!
//! `cargo test --test differential -- --ignored` runs it; with `RINGWAY_BLESS=1` the table in `docs/attacks.md` is written
//! anew. `RINGWAY_SEED` chooses the mutations. With `RINGWAY_SHOW=1` it prints what each proxy did with each variant.

mod classes;
#[allow(dead_code, unused_imports, reason = "the end-to-end tests use the rest of it")]
#[path = "../e2e/common/mod.rs"]
mod common;
mod exchange;
mod origin;
mod peers;
mod reading;
mod table;
mod variant;

use std::thread;

use rand::SeedableRng;
use rand::rngs::StdRng;

use common::Daemon;
use exchange::{Outcome, misreaders, send_all};
use origin::Recorder;
use peers::Peer;
use table::Row;
use variant::{Class, Variant, find, mutated};

const MUTATIONS: usize = 400;
const SEED: u64 = 1;

/// The same waits as the peers have.
const TIMEOUTS: &str =
    "timeouts = { head = \"1s\", idle = \"200ms\", body = \"1s\", connect = \"3s\", response = \"10s\" }";

fn marker(number: usize) -> String {
    format!("m{number:05}z")
}

/// What a proxy did with each of the requests.
struct Observed {
    outcomes: Vec<Outcome>,
    /// What it sent to the origin for each, connection by connection.
    records: Vec<Vec<Vec<u8>>>,
    /// What it sent without the marker of any.
    stray: Vec<Vec<u8>>,
}

fn observe(to: std::net::SocketAddr, origin: Recorder, requests: &[Vec<u8>]) -> Observed {
    let statuses = send_all(to, requests);
    let mut records = vec![Vec::new(); requests.len()];
    let mut stray = Vec::new();
    let markers: Vec<_> = (0..requests.len()).map(marker).collect();
    for record in origin.finish() {
        match markers.iter().position(|marker| find(&record, marker.as_bytes()).is_some()) {
            Some(at) => records[at].push(record),
            None => stray.push(record),
        }
    }
    let outcome = |at: usize| {
        let records: Vec<_> = records[at].iter().map(Vec::as_slice).collect();
        Outcome::of(&requests[at], &statuses[at], &records)
    };
    let outcomes = (0..requests.len()).map(outcome).collect();
    Observed { outcomes, records, stray }
}

#[test]
#[ignore = "needs nginx and haproxy"]
fn ringway_forwards_nothing_that_both_peers_refuse_and_nothing_that_reads_as_two_requests() {
    let seed =
        std::env::var("RINGWAY_SEED").map_or(SEED, |seed| seed.parse().expect("RINGWAY_SEED is a number"));
    println!("RINGWAY_SEED={seed}");
    let classes = classes::all();
    let variants: Vec<_> = classes.iter().flat_map(|class| &class.variants).collect();
    assert!(variants.len() >= 300, "{} variants", variants.len());
    let mut rng = StdRng::seed_from_u64(seed);
    let mut requests: Vec<_> =
        variants.iter().enumerate().map(|(number, variant)| variant.bytes(&marker(number))).collect();
    requests.extend(
        (requests.len()..requests.len() + MUTATIONS).map(|number| mutated(&mut rng, &marker(number))),
    );

    let (observed, versions) = observe_all(&requests);
    for proxy in &observed {
        let plain = Outcome::Forwarded { requests: 1, rewritten: false, misread: false, then: None };
        assert_eq!(proxy.outcomes[0], plain, "a plain request is forwarded");
    }
    let rows = rows(&classes, &observed);
    if std::env::var_os("RINGWAY_SHOW").is_some() {
        rows.iter().for_each(|row| print!("{row}"));
    }
    let mut wrong = violations(&requests, &variants, &observed);
    wrong.extend(table::compare(&table::markdown(&rows, &versions)));
    assert!(
        wrong.is_empty(),
        "with RINGWAY_SEED={seed}:\n{}\nif the table alone differs, and rightly: \
         RINGWAY_BLESS=1 cargo test --test differential -- --ignored writes it anew",
        wrong.join("\n")
    );
}

/// Ringway, nginx and HAProxy, each in front of its own origin, and the versions of the latter two.
fn observe_all(requests: &[Vec<u8>]) -> ([Observed; 3], [String; 2]) {
    let origins = [(); 3].map(|()| Recorder::start());
    let daemon = Daemon::tuned(TIMEOUTS, "", &[origins[0].address]);
    let peers = [Peer::nginx(origins[1].address), Peer::haproxy(origins[2].address)];
    let addresses = [daemon.address(), peers[0].address, peers[1].address];
    let observed = thread::scope(|scope| {
        let proxies = addresses.into_iter().zip(origins);
        let threads: Vec<_> = proxies
            .map(|(address, origin)| scope.spawn(move || observe(address, origin, requests)))
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect::<Vec<_>>()
    });
    let observed = observed.try_into().unwrap_or_else(|_| panic!("as many as there are proxies"));
    (observed, peers.map(|peer| peer.version.clone()))
}

fn rows<'c>(classes: &'c [Class], observed: &[Observed; 3]) -> Vec<Row<'c>> {
    let mut at = 0;
    let row = |class: &'c Class| {
        let range = at..at + class.variants.len();
        at = range.end;
        Row { class, did: observed.each_ref().map(|proxy| proxy.outcomes[range.clone()].to_vec()) }
    };
    classes.iter().map(row).collect()
}

/// Everything that must not be.
fn violations(requests: &[Vec<u8>], variants: &[&Variant], observed: &[Observed; 3]) -> Vec<String> {
    let ringway = &observed[0];
    let mut wrong = Vec::new();
    for (number, request) in requests.iter().enumerate() {
        let did = observed.each_ref().map(|proxy| &proxy.outcomes[number]);
        let forwarded = did.map(Outcome::requests);
        let mut found = Vec::new();
        if forwarded[0] > 0 && forwarded[1..] == [0, 0] {
            found.push("forwarded what both others refuse".to_owned());
        }
        if let Some(variant) = variants.get(number)
            && forwarded[0] > variant.requests
        {
            found.push(format!("{} requests, but the client sent {}", forwarded[0], variant.requests));
        }
        let records = &ringway.records[number];
        let who: Vec<_> = records.iter().flat_map(|record| misreaders(record)).collect();
        if !who.is_empty() {
            found.push(format!("read in another way by: {}", who.join(", ")));
        }
        if !found.is_empty() {
            let records: String =
                records.iter().map(|record| format!("\n  forwarded: {}", record.escape_ascii())).collect();
            let [ringway, nginx, haproxy] = did;
            wrong.push(format!(
                "{}\n  sent: {}{records}\n  Ringway: {ringway}; nginx: {nginx}; HAProxy: {haproxy}",
                found.join("; "),
                request.escape_ascii()
            ));
        }
    }
    wrong.extend(
        ringway.stray.iter().map(|record| format!("sent without a request: {}", record.escape_ascii())),
    );
    wrong
}
