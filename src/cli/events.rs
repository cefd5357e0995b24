//! `ringway events`: what happened, and what happens.

use std::fmt::Write;
use std::io;
use std::process::{self, ExitCode};
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use ringway_core::{Answer, EventKind, Record, Verb};

use super::ask::{self, UsageError};
use super::client::{Client, ClientError};
use super::door::Door;
use super::{exit, table};

/// How long nothing comes when all that is there has come, where nothing else says so.
const QUIET: Duration = Duration::from_millis(500);

const EXAMPLES: &str = "\
Examples:
  ringway events
  ringway events --follow
  ringway events --since 1200 --follow --json
  ringway events --kind BACKEND_DOWN --kind BACKEND_UP --follow";

/// Show the events that the daemon still knows, or follow them
///
/// Without --follow shows what there is since SEQ, and ends. With --follow, and without --since, shows what happens from now
/// on. How many events were asked for and are lost stands on stderr.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(super) door: Door,
    /// The number of the first event [default: the first that is kept; with --follow: the next]
    #[arg(long, value_name = "SEQ")]
    since: Option<u64>,
    /// End, with what was missed, instead of going on with a gap: if events come faster than they are read
    #[arg(long)]
    no_gaps: bool,
    /// Only events of this kind; once for each
    #[arg(long = "kind", value_name = "KIND", ignore_case = true, hide_possible_values = true)]
    #[arg(value_parser = PossibleValuesParser::new(EventKind::ALL.map(EventKind::as_str_name)).try_map(kind))]
    kinds: Vec<EventKind>,
    /// Go on with what happens, until Ctrl-C or the end of the daemon
    #[arg(long, short = 'F')]
    follow: bool,
}

fn kind(name: String) -> Result<EventKind, String> {
    EventKind::from_str_name(&name.to_ascii_uppercase()).ok_or(name)
}

/// Why there are no more events.
#[derive(Debug, thiserror::Error)]
enum EventsError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("the output can not be written: {0}")]
    Output(#[from] io::Error),
}

impl Args {
    /// What is asked. Without --follow one kind more: our own subscription is the last thing that happened.
    pub(super) fn verb(&self) -> Verb {
        let mut kinds = self.kinds.clone();
        if self.follow {
            return Verb::Subscribe { since: self.since, kinds, no_gaps: self.no_gaps };
        }
        if !kinds.is_empty() && !kinds.contains(&EventKind::EventsSubscribed) {
            kinds.push(EventKind::EventsSubscribed);
        }
        Verb::Subscribe { since: Some(self.since.unwrap_or(1)), kinds, no_gaps: self.no_gaps }
    }

    fn wants(&self, record: &Record) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&record.event.kind)
    }
}

/// Whether this tells of our own question. In another namespace of processes our number is another.
fn is_ours(record: &Record) -> bool {
    let ours = |pid| u32::try_from(pid).is_ok_and(|pid| pid == process::id());
    record.event.kind == EventKind::EventsSubscribed
        && record.actor.as_ref().is_some_and(|actor| ours(actor.pid))
}

pub(crate) fn run(args: &Args) -> ExitCode {
    let path = match args.door.path() {
        Ok(path) => path,
        Err(error) => return ask::usage(args.door.json, &UsageError::Door(error)),
    };
    let told = Client::connect(&path, args.door.timeout())
        .map_err(EventsError::from)
        .and_then(|client| tell(args, client, &mut io::stdout().lock(), &mut io::stderr().lock()));
    match told {
        Ok(()) => exit::OK,
        // Whoever reads it has had enough.
        Err(EventsError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => exit::OK,
        Err(EventsError::Client(error)) => ask::failed(args.door.json, &error),
        Err(error) => {
            eprintln!("ringway: {error}");
            ExitCode::from(exit::FAILURE)
        }
    }
}

/// Until the end: of what is there, or of the daemon, which is an error if it was to be followed.
fn tell(
    args: &Args,
    mut client: Client,
    out: &mut impl io::Write,
    notes: &mut impl io::Write,
) -> Result<(), EventsError> {
    client.send(&args.verb())?;
    let first = client.next(Some(args.door.timeout()))?;
    let answer = first.ok_or(ClientError::Slow(args.door.timeout()))?;
    let Answer::Subscribed { missed, .. } = answer else {
        let reason = "an answer to subscribe that is not known here".to_owned();
        return Err(ClientError::Garbage(reason).into());
    };
    if args.since.is_some() {
        lost(args, missed, out, notes)?;
    }
    loop {
        match client.next((!args.follow).then_some(QUIET))? {
            None => return Ok(()),
            Some(Answer::Event(record)) if !args.follow && is_ours(&record) => return Ok(()),
            Some(Answer::Event(record)) => {
                if args.wants(&record) {
                    writeln!(out, "{}", line(args.door.json, &record))?;
                    out.flush()?;
                }
            }
            Some(Answer::Missed { missed }) => lost(args, missed, out, notes)?,
            Some(_) => {
                let reason = "an answer that is no event".to_owned();
                return Err(ClientError::Garbage(reason).into());
            }
        }
    }
}

fn lost(
    args: &Args,
    missed: u64,
    out: &mut impl io::Write,
    notes: &mut impl io::Write,
) -> Result<(), EventsError> {
    if missed == 0 {
        return Ok(());
    }
    if args.door.json {
        writeln!(out, "{}", ask::to_json(&Answer::Missed { missed }))?;
        out.flush()?;
    } else {
        // No reason to end: the events themselves still have a reader.
        let _ = writeln!(notes, "ringway: {missed} events are lost: they are not kept any more");
    }
    Ok(())
}

fn line(json: bool, record: &Record) -> String {
    if json {
        return ask::to_json(&Answer::Event(Box::new(record.clone())));
    }
    let mut line = format!("{} {:>6} {}", utc(record.time_ms), record.seq, record.event);
    if let Some(actor) = &record.actor {
        let _ = write!(line, " ({actor})");
    }
    table::clean(&line)
}

/// `2026-01-31T23:59:59.123Z`, from milliseconds since 1970.
fn utc(ms: u64) -> String {
    let (seconds, ms) = (ms / 1_000, ms % 1_000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let (year, month, day) = date(days);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

/// Year, month and day, from days since 1970-01-01, after H. Hinnant's "chrono-compatible low-level date algorithms":
/// years begin in March, so that the leap day is the last.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests;
