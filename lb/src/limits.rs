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
