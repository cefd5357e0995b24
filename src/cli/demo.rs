//! `ringway demo`: the proxy at work before two origins, one of which goes and comes back.

use std::env;
use std::io::{self, IsTerminal, Stdout, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use ringway_core::Config;
use ringway_core::config::{DirectError, ShardCount};
use ringway_engine::native::{self, StartError};
use ringway_engine::uring;
use ringway_loadtest::load::{self, RunningLoad, Sample, Target};
use ringway_loadtest::origin::{self, RunningOrigin, SpawnError};
use ringway_loadtest::thread::ThreadError;
use ringway_loadtest::units;
use tokio::signal::unix::{SignalKind, signal};

use super::{address, exit};
use crate::coordinator::{self, CoordinatorError, Running};

/// Connections of the load: enough that no request waits for another, few enough to follow with `ss`.
const CONNECTIONS: usize = 16;
/// What a line of figures stands for.
const TICK: Duration = Duration::from_secs(1);
/// Every so many seconds green goes and comes back …
const CYCLE_S: u64 = 20;
/// … at these seconds of the cycle.
const GONE_S: std::ops::Range<u64> = 5..10;
/// How long requests in progress get at the end: the demo's own take milliseconds.
const DRAIN: Duration = Duration::from_secs(2);
/// The rate at which a request is sent every millisecond or so, on every connection.
const RATE_MAX: i64 = 100_000;
/// Cells of the bar that shows the shares.
const BAR: usize = 12;
/// Figures between two headings.
const LINES_PER_HEADING: u64 = 20;

const EXAMPLES: &str = "\
Examples:
  ringway demo
  ringway demo --listen 127.0.0.1:8080 --rate 10000 --duration 1m";

/// See the proxy at work: two origins, a load, and a failure every 20 seconds
///
/// Everything runs in this process and ends with it. One line a second says how the requests fare.
#[derive(Debug, Clone, Copy, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Where the proxy listens, IP:port [default: a free port of 127.0.0.1]
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0", hide_default_value = true)]
    #[arg(value_parser = address::parse)]
    listen: SocketAddr,
    /// How many shards to run
    #[arg(long, value_name = "N", default_value = "2")]
    shards: ShardCount,
    /// How long, such as 30s or 5m [default: until Ctrl-C]
    #[arg(long, value_name = "DURATION", value_parser = units::duration)]
    duration: Option<Duration>,
    /// Requests per second
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=RATE_MAX))]
    rate: u32,
}

/// Why there is nothing to see.
#[derive(Debug, thiserror::Error)]
enum DemoError {
    #[error("{0}")]
    IoUring(#[from] StartError),
    #[error("signals can not be received: {0}; remedy: raise the limit of descriptors (ulimit -n)")]
    Signals(io::Error),
    #[error("{0}")]
    Origin(#[from] SpawnError),
    #[error("{0}")]
    Configuration(#[from] DirectError),
    #[error("{0}")]
    Proxy(#[from] CoordinatorError),
    #[error("load: {0}")]
    Load(#[from] ThreadError),
    /// Whoever read our output has gone.
    #[error("the output can not be written: {0}")]
    Output(#[from] io::Error),
}

pub(crate) fn run(args: Args) -> ExitCode {
    match play(&args) {
        Ok(code) => code,
        Err(DemoError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => exit::OK,
        Err(error) => {
            eprintln!("ringway demo: {error}");
            ExitCode::from(match error {
                DemoError::IoUring(_) => exit::IO_URING,
                DemoError::Proxy(error) if error.is_io_uring() => exit::IO_URING,
                DemoError::Configuration(_) => exit::CONFIGURATION,
                _ => exit::FAILURE,
            })
        }
    }
}

fn play(args: &Args) -> Result<ExitCode, DemoError> {
    native::probe(&uring::Settings::default())?;
    let interrupted = interrupts().map_err(DemoError::Signals)?;
    let mut screen = Screen::new();
    let mut stage = Stage::set(args)?;
    screen.introduce(args, &stage)?;

    let start = now();
    let mut last = start;
    for second in 1.. {
        let next = start + second * TICK;
        let until = args.duration.map_or(next, |duration| next.min(start + duration));
        let pause = interrupted.recv_timeout(until.saturating_duration_since(now()));
        let here = now();
        if pause != Err(RecvTimeoutError::Timeout) || args.duration.is_some_and(|all| here >= start + all) {
            break;
        }
        screen.figures(u64::from(second), &stage.figures(here - last))?;
        last = here;
        if let Some(news) = stage.act(u64::from(second)) {
            screen.news(&news)?;
        }
    }
    stage.clear(&mut screen)
}

/// Everything that runs.
struct Stage {
    load: RunningLoad,
    proxy: Running,
    entrance: SocketAddr,
    blue: Player,
    green: Player,
    failures: u32,
    /// Requests that had been moved when it was last told.
    moved: u64,
}

impl Stage {
    fn set(args: &Args) -> Result<Stage, DemoError> {
        let [blue, green] = [Player::new("blue")?, Player::new("green")?];
        let config = Config::direct(args.listen, &[blue.address(), green.address()], Some(args.shards))?;
        let proxy = coordinator::start(config)?;
        let entrance = proxy.addresses()[0].1;
        let requests = load::Settings::new(Target::root(reachable(entrance)), CONNECTIONS);
        let load = load::spawn(requests.at_rate(f64::from(args.rate)))?;
        Ok(Stage { load, proxy, entrance, blue, green, failures: 0, moved: 0 })
    }

    /// Of the time since the last call.
    fn figures(&mut self, interval: Duration) -> Figures {
        let sample = self.load.sample();
        let shares = [self.blue.answered(), self.green.answered()];
        let moved: u64 = self.proxy.snapshot().iter().map(|shard| shard.counters.redispatches).sum();
        let before = std::mem::replace(&mut self.moved, moved);
        let rate = sample.requests as f64 / interval.as_secs_f64();
        Figures { sample, rate, moved: moved.saturating_sub(before), shares }
    }

    /// What the script says for this second.
    fn act(&mut self, second: u64) -> Option<String> {
        let gone = GONE_S.contains(&(second % CYCLE_S));
        match (gone, self.green.is_running()) {
            (true, true) => {
                self.failures += 1;
                let stopped = self.green.stop();
                Some(match stopped {
                    Ok(()) => "green stopped: watch its share go to 0 % and errors stay 0".to_owned(),
                    Err(error) => format!("green had failed: {error}"),
                })
            }
            (false, false) => Some(match self.green.start() {
                Ok(()) => "green started again: its share comes back within seconds".to_owned(),
                Err(error) => format!("green can not start, next try in a second: {error}"),
            }),
            _ => None,
        }
    }

    /// Ends it, front to back, so that nothing fails on the way out.
    fn clear(self, screen: &mut Screen) -> Result<ExitCode, DemoError> {
        let load = self.load.stop();
        let outcome = self.proxy.stop(DRAIN);
        drop((self.blue, self.green));
        let summary = load?;
        screen.end(&summary, self.failures)?;
        for (name, failure) in &outcome.failures {
            eprintln!("ringway demo: {name} failed: {failure}");
        }
        Ok(if outcome.failures.is_empty() { exit::OK } else { ExitCode::from(exit::FAILURE) })
    }
}

/// An origin that can go and come back.
struct Player {
    settings: origin::Settings,
    running: Option<RunningOrigin>,
    /// Requests that were told before.
    told: u64,
}

impl Player {
    fn new(name: &str) -> Result<Player, SpawnError> {
        let mut settings = origin::Settings::new(SocketAddr::from(([127, 0, 0, 1], 0)));
        settings.name = Some(name.to_owned());
        let mut player = Player { settings, running: None, told: 0 };
        player.start()?;
        Ok(player)
    }

    fn start(&mut self) -> Result<(), SpawnError> {
        let running = origin::spawn(&self.settings)?;
        // Where it is from now on, however often it comes back.
        self.settings.listen = running.addr();
        self.running = Some(running);
        self.told = 0;
        Ok(())
    }

    fn stop(&mut self) -> Result<(), SpawnError> {
        self.running.take().map_or(Ok(()), RunningOrigin::stop)
    }

    fn is_running(&self) -> bool {
        self.running.is_some()
    }

    fn address(&self) -> SocketAddr {
        self.settings.listen
    }

    /// Requests since the last call.
    fn answered(&mut self) -> u64 {
        let all = self.running.as_ref().map_or(0, RunningOrigin::requests);
        let new = all.saturating_sub(self.told);
        self.told = all;
        new
    }
}

/// What a second came to.
struct Figures {
    sample: Sample,
    rate: f64,
    /// Requests that the proxy gave to the other origin because the first did not answer.
    moved: u64,
    /// Requests that blue and green got.
    shares: [u64; 2],
}

impl Figures {
    /// Of each hundred requests and of each cell of the bar, blue's part and green's.
    fn of(&self, whole: u64) -> [u64; 2] {
        let [blue, green] = self.shares;
        match blue + green {
            0 => [0, 0],
            all => {
                let blues = (blue * whole + all / 2) / all;
                [blues, whole - blues]
            }
        }
    }
}

const HEADING: &str = "  time      rate        p50        p99 moved errors   blue  green";

const BLUE: &str = "34";
const GREEN: &str = "32";
const RED: &str = "31";
const BOLD: &str = "1";

/// The terminal, or what stands in for it.
struct Screen {
    out: Stdout,
    colour: bool,
    lines: u64,
}

impl Screen {
    fn new() -> Screen {
        let out = io::stdout();
        let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = env::var_os("TERM").is_none_or(|term| term == "dumb");
        let colour = out.is_terminal() && !refused && !dumb;
        Screen { out, colour, lines: 0 }
    }

    fn paint(&self, code: &str, text: impl std::fmt::Display) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }

    fn introduce(&mut self, args: &Args, stage: &Stage) -> io::Result<()> {
        let Stage { entrance, blue, green, .. } = stage;
        let (blue, green) = (blue.address(), green.address());
        let shards =
            if args.shards.get() == 1 { "1 shard".to_owned() } else { format!("{} shards", args.shards) };
        let curl = self.paint(BOLD, format_args!("curl -i http://{}/", reachable(*entrance)));
        let (name_blue, name_green) = (self.paint(BLUE, "blue"), self.paint(GREEN, "green"));
        let (rate, connections) = (args.rate, CONNECTIONS);
        writeln!(
            self.out,
            "\
{title}

  clients --> {entrance}: {shards}, each one thread on one core
              with an io_uring of its own, and no lock on a request's way
          --> {name_blue} {blue}, {name_green} {green}: two origins

  try it      {curl}   (X-Origin says who answered)
  load        {rate} requests/s over {connections} connections; Ctrl-C ends it
  then        README.md and docs/; your own servers: ringway start --help
",
            title = self.paint(BOLD, "Ringway: a proxy, two origins, and a failure now and then"),
        )?;
        self.out.flush()
    }

    fn figures(&mut self, second: u64, figures: &Figures) -> io::Result<()> {
        if self.lines.is_multiple_of(LINES_PER_HEADING) {
            writeln!(self.out, "{}", self.paint(BOLD, HEADING))?;
        }
        self.lines += 1;
        writeln!(self.out, "{}", self.line(second, figures))?;
        self.out.flush()
    }

    fn line(&self, second: u64, figures: &Figures) -> String {
        let [blue, green] = figures.of(100);
        let errors = format!("{:>6}", figures.sample.errors.total());
        let errors = if figures.sample.errors.total() > 0 { self.paint(RED, errors) } else { errors };
        format!(
            "{second:>4} s {:>7.0}/s {:>7.2} ms {:>7.2} ms {:>5} {errors} {} {}  {}",
            figures.rate,
            ms(figures.sample.p50),
            ms(figures.sample.p99),
            figures.moved,
            self.paint(BLUE, format_args!("{blue:>4} %")),
            self.paint(GREEN, format_args!("{green:>4} %")),
            self.bar(figures.of(BAR as u64)),
        )
    }

    fn bar(&self, cells: [u64; 2]) -> String {
        let [blue, green] = cells.map(|cells| cells as usize);
        if self.colour {
            format!("\x1b[44m{:blue$}\x1b[42m{:green$}\x1b[0m", "", "")
        } else {
            format!("{}{}", "b".repeat(blue), "g".repeat(green))
        }
    }

    fn news(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{}", self.paint(BOLD, format_args!("  * {text}")))?;
        self.out.flush()
    }

    fn end(&mut self, summary: &load::Summary, failures: u32) -> io::Result<()> {
        let times = if failures == 1 { "once".to_owned() } else { format!("{failures} times") };
        writeln!(
            self.out,
            "\n{} requests in {:.1} s, errors: {}; p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms; green failed {times}",
            summary.requests,
            summary.elapsed.as_secs_f64(),
            summary.errors,
            ms(summary.p50),
            ms(summary.p99),
            ms(summary.max),
        )?;
        self.out.flush()
    }
}

fn ms(latency: Duration) -> f64 {
    latency.as_secs_f64() * 1e3
}

/// Where to connect to for somebody who listens at `address`: the unspecified address is no destination.
fn reachable(address: SocketAddr) -> SocketAddr {
    let port = address.port();
    match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => SocketAddr::from(([127, 0, 0, 1], port)),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => {
            SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, port))
        }
        other => other,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the lines follow the wall clock, on a thread without an engine"
)]
fn now() -> Instant {
    Instant::now()
}

/// Tells of the first SIGINT or SIGTERM; the second ends the process.
fn interrupts() -> io::Result<Receiver<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    let (tell, told) = mpsc::channel();
    let mut next = async move || {
        tokio::select! {
            _ = interrupt.recv() => SignalKind::interrupt(),
            _ = terminate.recv() => SignalKind::terminate(),
        }
    };
    let wait = async move {
        next().await;
        // Nobody listens any more: it is about to end anyhow.
        let _ = tell.send(());
        let impatient = next().await;
        std::process::exit(i32::from(exit::SIGNAL) + impatient.as_raw_value());
    };
    thread::Builder::new().name("signals".to_owned()).spawn(move || runtime.block_on(wait))?;
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(shares: [u64; 2]) -> Figures {
        Figures { sample: Sample::default(), rate: 0.0, moved: 0, shares }
    }

    #[test]
    fn shares_add_up_to_the_whole() {
        assert_eq!(figures([0, 0]).of(100), [0, 0]);
        assert_eq!(figures([1, 2]).of(100), [33, 67]);
        assert_eq!(figures([2_000, 0]).of(100), [100, 0]);
        for blue in 0..=500 {
            assert_eq!(figures([blue, 500 - blue]).of(BAR as u64).iter().sum::<u64>(), BAR as u64);
        }
    }

    #[test]
    fn a_line_fits_a_terminal_and_is_plain_ascii_without_colour() {
        let screen = Screen { out: io::stdout(), colour: false, lines: 0 };
        let mut figures = figures([600, 1_000]);
        figures.rate = 100_000.0;
        figures.sample.p99 = Duration::from_millis(1_234);
        let line = screen.line(3_599, &figures);
        assert!(line.ends_with("  38 %   62 %  bbbbbggggggg"), "{line}");
        assert!(line.is_ascii() && !line.contains('\x1b') && line.len() <= 80, "{line}");
        assert_eq!(line.find("%  b"), HEADING.len().checked_sub(1), "{HEADING}\n{line}");
    }

    #[test]
    fn an_unspecified_address_is_reached_by_loopback() {
        for (listening, reached) in
            [("0.0.0.0:1", "127.0.0.1:1"), ("[::]:2", "[::1]:2"), ("10.0.0.1:3", "10.0.0.1:3")]
        {
            let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
            assert_eq!(reachable(address(listening)), address(reached));
        }
    }
}
