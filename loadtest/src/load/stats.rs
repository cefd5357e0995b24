//! What became of the requests of a load: counts by class, latencies in a histogram.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use ringway_core::Time;

use crate::limits::{LATENCY_DIGITS, LATENCY_NS};

/// How a request failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    Connect,
    Timeout,
    Status,
    Reset,
    ShortBody,
    Malformed,
}

/// Failed requests by class. They are in no latency: what was not answered has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Errors {
    /// No connection: refused, unreachable, not in time.
    pub connect: u64,
    /// No answer, or no end of one, in time.
    pub timeout: u64,
    /// A status other than 2xx.
    pub status: u64,
    /// The connection broke or was closed before the answer was there.
    pub reset: u64,
    /// The connection was closed inside the body.
    pub short_body: u64,
    /// What came is no HTTP/1.1.
    pub malformed: u64,
}

impl Errors {
    /// Of all classes.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.classes().iter().map(|(_, count)| count).sum()
    }

    fn classes(&self) -> [(&'static str, u64); 6] {
        [
            ("connect", self.connect),
            ("timeout", self.timeout),
            ("status", self.status),
            ("reset", self.reset),
            ("short body", self.short_body),
            ("malformed", self.malformed),
        ]
    }

    fn count(&mut self, failure: Failure) {
        *match failure {
            Failure::Connect => &mut self.connect,
            Failure::Timeout => &mut self.timeout,
            Failure::Status => &mut self.status,
            Failure::Reset => &mut self.reset,
            Failure::ShortBody => &mut self.short_body,
            Failure::Malformed => &mut self.malformed,
        } += 1;
    }

    fn since(&self, before: &Errors) -> Errors {
        Errors {
            connect: self.connect - before.connect,
            timeout: self.timeout - before.timeout,
            status: self.status - before.status,
            reset: self.reset - before.reset,
            short_body: self.short_body - before.short_body,
            malformed: self.malformed - before.malformed,
        }
    }
}

/// `0`, or `12 (connect 3, timeout 9)`.
impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.total())?;
        let seen = self.classes().into_iter().filter(|(_, count)| *count > 0);
        for (n, (class, count)) in seen.enumerate() {
            write!(f, "{}{class} {count}", if n == 0 { " (" } else { ", " })?;
        }
        if self.total() > 0 { f.write_str(")") } else { Ok(()) }
    }
}

/// What happened since the sample before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sample {
    /// Answered in full, with a good status.
    pub requests: u64,
    /// Not so.
    pub errors: Errors,
    /// Half of the answered requests took no longer; zero when there were none.
    pub p50: Duration,
    /// 99 % of them took no longer.
    pub p99: Duration,
}

/// What a whole load came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Answered in full, with a good status.
    pub requests: u64,
    /// Not so.
    pub errors: Errors,
    /// Due or sent, and neither answered nor failed when the load ended.
    pub unanswered: u64,
    /// Bytes of bodies received.
    pub body_bytes: u64,
    /// From the first request that was due to the end, in the engine's time.
    pub elapsed: Duration,
    /// Half of the answered requests took no longer.
    pub p50: Duration,
    /// 90 % of them took no longer.
    pub p90: Duration,
    /// 99 % of them took no longer.
    pub p99: Duration,
    /// 99.9 % of them took no longer.
    pub p999: Duration,
    /// The slowest.
    pub max: Duration,
}

impl Summary {
    /// Answered requests per second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        let seconds = self.elapsed.as_secs_f64();
        if seconds > 0.0 { self.requests as f64 / seconds } else { 0.0 }
    }
}

struct Stats {
    /// Since the last sample.
    recent: Histogram<u64>,
    /// Before that.
    earlier: Histogram<u64>,
    errors: Errors,
    /// At the last sample.
    errors_before: Errors,
    body_bytes: u64,
    start: Time,
    end: Time,
    due: u64,
}

/// Where a load writes down what happens, for other threads to read. The lock is the load's nearly all the time: it
/// costs about 20 ns a request, and samples are rare.
#[derive(Clone)]
pub struct Recorder(Arc<Mutex<Stats>>);

impl Recorder {
    /// An empty record.
    #[must_use]
    pub fn new() -> Recorder {
        let (low, high) = LATENCY_NS;
        let histogram = || {
            Histogram::new_with_bounds(low, high, LATENCY_DIGITS)
                .expect("the bounds are constants, and good ones")
        };
        Recorder(Arc::new(Mutex::new(Stats {
            recent: histogram(),
            earlier: histogram(),
            errors: Errors::default(),
            errors_before: Errors::default(),
            body_bytes: 0,
            start: Time::ZERO,
            end: Time::ZERO,
            due: 0,
        })))
    }

    fn stats(&self) -> MutexGuard<'_, Stats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn begin(&self, now: Time) {
        self.stats().start = now;
    }

    pub(super) fn answered(&self, latency: Duration, body_bytes: u64) {
        let mut stats = self.stats();
        stats.recent.saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
        stats.body_bytes += body_bytes;
    }

    pub(super) fn failed(&self, failure: Failure) {
        self.stats().errors.count(failure);
    }

    pub(super) fn end(&self, now: Time, due: u64) {
        let mut stats = self.stats();
        stats.end = now;
        stats.due = due;
    }

    /// What happened since the last call.
    #[must_use]
    pub fn sample(&self) -> Sample {
        let mut stats = self.stats();
        let stats = &mut *stats;
        let sample = Sample {
            requests: stats.recent.len(),
            errors: stats.errors.since(&stats.errors_before),
            p50: quantile(&stats.recent, 0.5),
            p99: quantile(&stats.recent, 0.99),
        };
        stats.errors_before = stats.errors;
        stats.merge();
        sample
    }

    /// What it came to, once the load has ended.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut stats = self.stats();
        stats.merge();
        let all = &stats.earlier;
        Summary {
            requests: all.len(),
            errors: stats.errors,
            unanswered: stats.due.saturating_sub(all.len() + stats.errors.total()),
            body_bytes: stats.body_bytes,
            elapsed: stats.end.since(stats.start),
            p50: quantile(all, 0.5),
            p90: quantile(all, 0.9),
            p99: quantile(all, 0.99),
            p999: quantile(all, 0.999),
            max: if all.is_empty() { Duration::ZERO } else { Duration::from_nanos(all.max()) },
        }
    }
}

impl Stats {
    fn merge(&mut self) {
        self.earlier.add(&self.recent).expect("both have the same bounds");
        self.recent.reset();
    }
}

fn quantile(histogram: &Histogram<u64>, at: f64) -> Duration {
    Duration::from_nanos(if histogram.is_empty() { 0 } else { histogram.value_at_quantile(at) })
}

impl Default for Recorder {
    fn default() -> Recorder {
        Recorder::new()
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recorder")
    }
}
