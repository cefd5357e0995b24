//! `peers`: Ringway side by side with HAProxy, nginx and Sozu, each alone on one core.
//!
//! Load generator and origin share another core, or have one each. All peers stay up for the whole run and take turns, a round each, in an order
//! that moves on by one each time, so that whatever drifts drifts for all. The figure to compare is CPU per request from the
//! kernel's accounting: on few cores a rate tells as much about the load generator as about the proxy.
//!
//! Loopback has no network card, which flatters copying and hides what offloads would save.
#![forbid(unsafe_code)]

mod binaries;
mod cli;
mod clock;
mod doubts;
mod error;
mod group;
mod json;
mod machine;
mod origin;
mod outcome;
mod peer;
mod plan;
mod ports;
mod probe;
mod report;
mod round;
mod scratch;
mod stats;
mod template;
mod usage;
mod wrk;

use std::fs;
use std::process::ExitCode;

use clap::Parser;

use cli::{Kind, Options};
use error::Error;
use outcome::{Measured, Outcome};
use peer::{Peer, Skipped};
use plan::Plan;
use round::Round;
use wrk::Wrk;

/// Rounds of the load straight on the origin.
const DIRECT_ROUNDS: u32 = 3;

fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("peers: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Error> {
    let warnings = doubts::about_machine(options.proxy_core, options.load_core);
    let mut facts = machine::facts(options.proxy_core);
    let plan = Plan::new(options, ports::free()?)?;
    let wrk = Wrk {
        program: binaries::installed("wrk", "wrk")?,
        core: plan.load_core,
        connections: plan.connections,
        seconds: options.seconds,
        close: plan.close,
    };
    let origin = origin::start(options, &plan)?;
    facts.push(("run", report::command_line(std::env::args().skip(1))));
    facts.push(("load", load_in_words(&wrk, &plan)));
    facts.push(("origin", format!("{}: `{}`", origin.version, origin.group.command())));

    let direct = direct_rounds(&origin, &plan, &wrk)?;
    let (peers, mut skipped) = start_peers(options, &plan);
    let measured = interleave(peers, &mut skipped, options.rounds, &plan, &wrk)?;
    let Plan { body_bytes, close, .. } = plan;
    let outcome = Outcome { facts, body_bytes, close, direct, measured, skipped, warnings };
    println!("{}", report::markdown(&outcome));
    if let Some(path) = &options.json {
        let text = report::json(&outcome).to_string();
        fs::write(path, text).map_err(Error::io(format!("cannot write {}", path.display())))?;
    }
    Ok(())
}

/// The load on the origin alone, which shows what client and origin could do without a proxy.
fn direct_rounds(origin: &origin::Origin, plan: &Plan, wrk: &Wrk) -> Result<Vec<Round>, Error> {
    let one = || round::measure(&origin.group, plan.origin_core, plan.origin_port, wrk);
    one()?;
    let rounds = (0..DIRECT_ROUNDS).map(|_| one()).collect::<Result<Vec<_>, _>>()?;
    eprintln!("without a proxy: {:.0} requests per s", outcome::spread(&rounds, Round::per_s).median);
    Ok(rounds)
}

fn start_peers(options: &Options, plan: &Plan) -> (Vec<Peer>, Vec<Skipped>) {
    let (mut peers, mut skipped) = (Vec::new(), Vec::new());
    for kind in Kind::ALL {
        match peer::start(kind, options, plan) {
            Ok(peer) => peers.extend(peer),
            Err(reason) => {
                eprintln!("not measured: {}: {}", kind.name(), reason.reason);
                skipped.push(reason);
            }
        }
    }
    (peers, skipped)
}

/// Round 0 warms up and is not kept; in each round every peer has its turn, another one first each time.
///
/// A peer that fails is left out from there on, with all of its rounds.
fn interleave(
    mut peers: Vec<Peer>,
    skipped: &mut Vec<Skipped>,
    rounds: u32,
    plan: &Plan,
    wrk: &Wrk,
) -> Result<Vec<Measured>, Error> {
    let mut kept: Vec<Vec<Round>> = peers.iter().map(|_| Vec::new()).collect();
    for number in 0..=rounds {
        let mut failed = Vec::new();
        for turn in 0..peers.len() {
            let index = (turn + number as usize) % peers.len();
            let peer = &peers[index];
            match round::measure(&peer.group, plan.proxy_core, peer.port, wrk) {
                Ok(round) => {
                    show(number, peer.kind, &round);
                    kept[index].extend((number > 0).then_some(round));
                }
                Err(error) => {
                    let reason = format!("gave up in round {number}: {error}");
                    eprintln!("{}: {reason}", peer.kind.name());
                    skipped.push(Skipped { kind: peer.kind, reason });
                    failed.push(index);
                }
            }
        }
        failed.sort_unstable();
        for index in failed.into_iter().rev() {
            peers.remove(index);
            kept.remove(index);
        }
    }
    if peers.is_empty() {
        return Err(Error::NoPeers);
    }
    let measured = peers.into_iter().zip(kept).map(|(peer, rounds)| {
        let command = peer.group.command().to_owned();
        Measured { kind: peer.kind, version: peer.version, command, rounds }
    });
    Ok(measured.collect())
}

fn show(number: u32, kind: Kind, round: &Round) {
    let name = if number == 0 { "warm-up".to_owned() } else { format!("round {number}") };
    let (cpu, rate, busy) = (round.cpu_us(), round.per_s(), round.busy_share() * 100.0);
    let errors = round.load.errors.total();
    eprintln!(
        "{name}: {:8} {cpu:6.2} µs/request, {rate:6.0} requests/s, {busy:3.0} % of its core, {errors} errors",
        kind.name()
    );
}

fn load_in_words(wrk: &Wrk, plan: &Plan) -> String {
    let connections = if plan.close { "a connection for each request" } else { "connections kept" };
    format!(
        "{}: {} clients, {connections}, {} byte bodies, {} s a round: `taskset -c {} wrk {}`",
        binaries::version(&wrk.program, "-v"),
        wrk.connections,
        plan.body_bytes,
        wrk.seconds,
        wrk.core,
        wrk.arguments(0).join(" ").replace(":0/", ":PORT/"),
    )
}
