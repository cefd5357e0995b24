//! The whole data path inside the simulated engine: clients, the proxy and its backends on one host, in virtual time.
//!
//! What happens is a [`script`], drawn from a seed or written out. Clients and origins check each byte they get with a
//! codec of their own; [`run`] checks that a run ends and leaves nothing behind, [`judge`] what each request came to.
//! A seed that fails is printed with the command that replays it.

mod affinity;
mod age;
mod balance;
mod book;
mod bytes;
mod cases;
mod checks;
mod client;
mod config;
mod control;
mod deadlines;
mod draw;
mod http;
mod judge;
mod limits;
mod limits_of_clusters;
mod live;
mod origin;
mod passive;
mod proxy_header;
mod run;
mod script;
mod seeds;
mod server;
mod site;
mod talk;
mod tunnel;

use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::SmallRng;
use ringway_engine::sim::SimSettings;

use draw::Kind;

/// The longest a request takes at a proxy that keeps its deadlines, whatever peers do: four attempts to connect, the
/// upload, the answer, and slow peers on both sides that are not quite too slow.
const PATIENCE: Duration = Duration::from_secs(60);
/// The same where the kernel delays each operation.
const FAULTY_PATIENCE: Duration = Duration::from_secs(600);

/// How long the clients of a script wait: behind a limit, for those before them.
fn patience(script: &script::Script) -> Duration {
    let is_limited = script.setup.connections_max != u32::MAX || script.setup.limits.is_any();
    if is_limited { FAULTY_PATIENCE } else { PATIENCE }
}

fn rng(seed: u64) -> SmallRng {
    SmallRng::seed_from_u64(!seed)
}

#[test]
fn well_formed_exchanges_succeed_to_the_byte() {
    seeds::each("well_formed_exchanges_succeed_to_the_byte", 600, |seed| {
        let script = draw::script(Kind::WellFormed, &mut rng(seed));
        let patience = patience(&script);
        let ended = run::run(&SimSettings::new(seed), script, patience);
        judge::always(&ended);
        judge::well_formed(&ended);
    });
}

#[test]
fn whoever_misbehaves_gets_what_fits_and_others_what_they_asked_for() {
    seeds::each("whoever_misbehaves_gets_what_fits_and_others_what_they_asked_for", 800, |seed| {
        let script = draw::script(Kind::Unruly, &mut rng(seed));
        let patience = patience(&script);
        let ended = run::run(&SimSettings::new(seed), script, patience);
        judge::always(&ended);
        judge::unruly(&ended);
    });
}

#[test]
fn a_faulty_kernel_breaks_connections_but_no_promises() {
    seeds::each("a_faulty_kernel_breaks_connections_but_no_promises", 800, |seed| {
        let kind = if seed % 2 == 0 { Kind::WellFormed } else { Kind::Unruly };
        let script = draw::script(kind, &mut rng(seed));
        let ended = run::run(&SimSettings::faulty(seed), script, FAULTY_PATIENCE);
        judge::always(&ended);
    });
}
