//! Limits and defaults of load balancing, each with its unit and its reason.

use std::time::Duration;

/// Weight of a backend whose configuration names none. A hundred, so that both a half and a double are whole numbers.
pub const WEIGHT_DEFAULT: u32 = 100;

/// Least weight that counts; zero is read as this. To send nothing to a backend, remove it.
pub const WEIGHT_MIN: u32 = 1;

/// Backends that one request may be sent to, its first attempt included. Bounds the state a request carries for its
/// retries, and how far one bad request can spread.
pub const TRIED_MAX: usize = 8;

/// Random draws that may hit a backend the request must not get, before selection scans for one that it may.
/// With one backend of two excluded, a scan follows in 1 of 256 cases; with one of a hundred, practically never.
pub const REDRAWS_MAX: usize = 8;

/// Uniform draws that may be rejected for their weight before the exact search is made. With the mean weight at half
/// the largest, the search follows in 1 of 16 cases.
pub const REJECTIONS_MAX: usize = 4;

/// Counted failures in a row after which a backend is down (exhausted). At immediate refusals, about half a minute.
pub const RETRY_TRIES_MAX: u8 = 6;

/// First back-off window, and the least length of the later ones. Short enough for a restart to go almost unnoticed,
/// long enough for a dead host not to be asked by every request.
pub const BACK_OFF_UNIT: Duration = Duration::from_secs(1);

/// Time between two trial requests to the same backend while no backend of its cluster can open. Equal to the first
/// back-off window, so that an origin that is back is found within this time however long its window has become.
pub const TRIAL_INTERVAL: Duration = Duration::from_secs(1);

/// Time in which a latency estimate gives up 63 % of its weight. Long enough for a backend that was slow once to stay
/// unattractive for a while (from 1 s to 10 ms it takes 46 s), short enough to forget yesterday's deployment.
pub const LATENCY_DECAY: Duration = Duration::from_secs(10);

/// Latency of a backend that was never measured, per request that it has. Between that of a cache and that of an
/// application, so that a new one is neither flooded nor starved before its first answer.
pub const LATENCY_NEUTRAL: Duration = Duration::from_millis(30);

/// Least latency that a failure counts as. Above what healthy backends take, however fast the failure came.
pub const LATENCY_PENALTY: Duration = Duration::from_secs(1);

/// Failures double the estimate up to here. From here it takes 87 s without a failure to be as good as one at 10 ms.
pub const LATENCY_PENALTY_MAX: Duration = Duration::from_secs(60);

/// Backends that power of N choices draws unless told otherwise.
pub const CHOICES_DEFAULT: u8 = 2;

/// Backends that power of N choices may draw. Beyond, least loaded is meant.
pub const CHOICES_MAX: u8 = 16;

/// Slots of Maglev's table, from another hash of the key each, that may turn out to hold a backend the request must not
/// get, before it is chosen by rendezvous. With half of the backends away, that follows in 1 of 65,536 cases.
pub const MAGLEV_PROBES_MAX: u64 = 16;

/// Sizes of Maglev's table: primes, in slots of 4 bytes. Steps of four, because most keys move when one is crossed.
pub const MAGLEV_SIZES: [u32; 7] = [4_093, 16_381, 65_537, 262_147, 1_048_583, 4_194_319, 16_777_259];

/// Slots per backend in tables below 65,537, and for 655 backends in that one: shares are even to 1 % (Eisenbud et al.).
pub const MAGLEV_SLOTS_PER_BACKEND: usize = 100;

/// Slots per backend in larger tables: shares are even to 10 %, which is less than the difference between keys. The table
/// of 100,000 backends takes 4 MiB, and 33 ms to make (with unequal weights 121 ms), instead of ten times as much.
pub const MAGLEV_SLOTS_PER_BACKEND_MIN: usize = 10;

/// Largest weight that counts; what is more is read as this. A thousand times what the configuration file takes, and with
/// slow start's steps the sum of 2³² of them fits 64 bits.
pub const WEIGHT_MAX: u32 = 1_000_000;

/// Steps of slow start: the first gives a backend this part of its share, each further one as much again. At ten, no
/// step more than doubles the load of a backend that is still cold.
pub const SLOW_START_STEPS: u8 = 10;

/// The least part of slow start's period between two looks at those that are in it, one in so many: bounds the work when
/// thousands of backends come back at different times.
pub const SLOW_START_LOOKS: u32 = 100;

/// Backends that may fill up between being chosen and being counted before a request is told that all are full. Each time
/// another request got the place, so others make progress.
pub const RACES_MAX: usize = 4;

/// Parts of a table of slots per key: many more than cores, so that two rarely want the same.
pub const KEYED_STRIPES: usize = 256;

/// Parts of a table of rates, for the same reason. Fewer, because each has its share of [`RATE_KEYS_MAX`].
pub const RATE_STRIPES: usize = 64;

/// Clients whose rate one table knows at once: an entry costs up to 50 bytes, so this is at most 13 MB.
pub const RATE_KEYS_MAX: usize = 1 << 18;

/// Old entries of a table of rates looked at for each new one. More than one, so that those that have expired go faster
/// than new ones come; few, because a lock is held.
pub const RATE_PURGE_STEPS: usize = 4;

/// Time over which retries are compared with requests: long enough for a burst of requests to pay for the retries it
/// causes, short enough for credit not to pile up for an outage.
pub const RETRY_BUDGET_WINDOW: Duration = Duration::from_secs(10);

/// Parts of that window; the oldest is forgotten as a whole.
pub const RETRY_BUDGET_PARTS: usize = 10;

/// Requests that a shard counts on its own before it adds them to the budget. A shard of 100,000 requests per second then
/// touches the shared line 1,600 times per second.
pub const RETRY_BUDGET_BATCH: u32 = 64;
