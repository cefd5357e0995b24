//! `ringway-loadtest origin`: serve until killed.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use ringway_loadtest::origin::{self, Settings};
use ringway_loadtest::units;

use super::fail;

/// Answer every HTTP/1.1 request with the same response, as fast as one core can
///
/// A request may ask for something else: ?size=BYTES and ?delay=MS in its URL; POST or PUT to /echo gets its own body
/// back.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Length of the body, such as 1024, 64KiB or 1GiB [default: a line of text]
    #[arg(long, value_name = "BYTES", value_parser = size)]
    size: Option<u64>,
    /// Wait before each answer, such as 20ms
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = units::duration)]
    delay: Duration,
    /// Close the connection after each answer
    #[arg(long)]
    close: bool,
    /// Say this name in X-Origin
    #[arg(long, value_name = "NAME", value_parser = name)]
    name: Option<String>,
    /// Threads that serve
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: u16,
    /// Keep the first thread on this core, the next on the one after it
    #[arg(long, value_name = "CORE")]
    pin: Option<usize>,
}

fn size(text: &str) -> Result<u64, String> {
    let size = units::size(text)?;
    if size <= 1 << 30 { Ok(size) } else { Err("at most 1GiB".to_owned()) }
}

/// It stands in a header field.
fn name(text: &str) -> Result<String, String> {
    let fits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(text.to_owned()) } else { Err("a word without spaces, please".to_owned()) }
}

pub(crate) fn run(args: Args) -> ExitCode {
    let Args { listen, size, delay, close, name, threads, pin } = args;
    let threads = usize::from(threads);
    let settings = Settings { listen, name, size, delay, close, threads, pin };
    let running = match origin::spawn(&settings) {
        Ok(running) => running,
        Err(error) => return fail(&error),
    };
    println!(
        "listening on {} ({threads} {})",
        running.addr(),
        if threads == 1 { "thread" } else { "threads" }
    );
    match running.wait() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}
