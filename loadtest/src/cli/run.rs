//! `ringway-loadtest run`: a load for a while, and a table of what it came to.

use std::process::ExitCode;
use std::sync::mpsc;
use std::time::Duration;

use ringway_loadtest::load::{self, Settings, Summary, Target};
use ringway_loadtest::units;

use super::fail;

/// Ask for a URL over keep-alive connections, and say how long that took
///
/// With --rate, requests are sent on a schedule and latency counts from when a request was due: a stall of the target
/// shows in all requests that were due meanwhile. Without, every connection waits for an answer before it asks again,
/// which finds the most the target can do, but hides how slow a stall was.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to ask for: http://HOST:PORT/PATH
    #[arg(value_name = "URL")]
    url: String,
    /// Connections at a time
    #[arg(long, short, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..))]
    connections: u16,
    /// Requests per second, over all connections [default: as many as it takes]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: Option<u32>,
    /// How long, such as 10s
    #[arg(long, short, value_name = "DURATION", default_value = "10s", value_parser = units::duration)]
    duration: Duration,
}

pub(crate) fn run(args: &Args) -> ExitCode {
    let target = match Target::parse(&args.url) {
        Ok(target) => target,
        Err(error) => return fail(&error),
    };
    let mut settings = Settings::new(target.clone(), usize::from(args.connections));
    settings.rate = args.rate.map(f64::from);
    let load = match load::spawn(settings) {
        Ok(load) => load,
        Err(error) => return fail(&error),
    };
    // A wait that nothing ends early: the sender lives as long.
    let (_nobody, wait) = mpsc::channel::<()>();
    let _ = wait.recv_timeout(args.duration);
    let summary = match load.stop() {
        Ok(summary) => summary,
        Err(error) => return fail(&error),
    };
    print(&target, args, &summary);
    if summary.requests > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn print(target: &Target, args: &Args, summary: &Summary) {
    let loop_kind = match args.rate {
        Some(rate) => format!("{rate} requests/s, latency from when a request was due"),
        None => "closed loop, latency from when a request was sent".to_owned(),
    };
    println!("{target}");
    println!("{} connections, {:.1} s, {loop_kind}", args.connections, summary.elapsed.as_secs_f64());
    println!();
    println!("  requests    {:>12}   {:.1}/s", summary.requests, summary.rate());
    let mib = summary.body_bytes as f64 / f64::from(1 << 20);
    let seconds = summary.elapsed.as_secs_f64().max(f64::MIN_POSITIVE);
    println!("  bodies      {mib:>8.1} MiB   {:.1} MiB/s", mib / seconds);
    let rows = [
        ("p50", summary.p50),
        ("p90", summary.p90),
        ("p99", summary.p99),
        ("p99.9", summary.p999),
        ("max", summary.max),
    ];
    for (name, latency) in rows {
        match summary.requests {
            0 => println!("  {name:<11} {:>12}", "-"),
            _ => println!("  {name:<11} {:>9.3} ms", latency.as_secs_f64() * 1e3),
        }
    }
    println!("  errors      {:>12}", summary.errors.total());
    if summary.errors.total() > 0 {
        println!("              {}", summary.errors);
    }
    let unanswered =
        if args.rate.is_some() { "due, and not answered by the end" } else { "on their way at the end" };
    println!("  unanswered  {:>12}   {unanswered}", summary.unanswered);
}
