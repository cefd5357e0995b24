//! Is a backend alive: how it is asked, and how what becomes of requests is judged.

use std::sync::Arc;
use std::time::Duration;

use super::defaults;
use super::word::words;
use crate::statuses::Statuses;

/// How the backends of a cluster are checked: `[clusters.NAME.health_check]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// What is spoken to them.
    pub protocol: CheckProtocol,
    /// The method of the request.
    pub method: Arc<str>,
    /// The request's target, path and query.
    pub path: Arc<str>,
    /// The host that is asked for; `None`: the backend's address.
    pub host: Option<Arc<str>>,
    /// More header fields of the request.
    pub headers: Vec<(Arc<str>, Arc<str>)>,
    /// Which statuses say that it is well.
    pub statuses: Statuses,
    /// What the body of the answer must contain; `None`: anything.
    pub body: Option<Arc<str>>,
    /// Where it is asked; `None`: where it serves.
    pub port: Option<u16>,
    /// From the start of one probe to the start of the next.
    pub interval: Duration,
    /// The same while its state is changing.
    pub fast_interval: Duration,
    /// How long a probe may take, connect and answer together; at most the shorter interval.
    pub timeout: Duration,
    /// Consecutive successes until an unhealthy backend is healthy.
    pub rise: u32,
    /// Consecutive failures until a healthy backend is unhealthy.
    pub fall: u32,
}

impl Default for HealthCheck {
    fn default() -> HealthCheck {
        HealthCheck {
            protocol: CheckProtocol::default(),
            method: defaults::CHECK_METHOD.into(),
            path: defaults::CHECK_PATH.into(),
            host: None,
            headers: Vec::new(),
            statuses: Statuses::success(),
            body: None,
            port: None,
            interval: defaults::CHECK_INTERVAL,
            fast_interval: defaults::CHECK_INTERVAL,
            timeout: defaults::CHECK_TIMEOUT,
            rise: defaults::CHECK_RISE,
            fall: defaults::CHECK_FALL,
        }
    }
}

/// What a check speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CheckProtocol {
    /// Nothing: a connection suffices.
    Tcp,
    /// HTTP/1.1.
    #[default]
    Http,
    /// HTTP/2 in clear, with prior knowledge (RFC 9113 section 3.3).
    H2c,
}

words!(CheckProtocol { Tcp = "tcp", Http = "http", H2c = "h2c" });

/// When a backend that fails more than the others is taken out for a while: `[clusters.NAME.outlier_detection]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutlierDetection {
    /// Answers of 500 to 599, and what counts as [`OutlierDetection::gateway_errors`], in a row, over all shards; 0: any.
    pub server_errors: u32,
    /// Answers of 502, 503 and 504, broken answers and timeouts, in a row, over all shards; 0: any.
    pub gateway_errors: u32,
    /// Connects that failed in a row, over all shards; 0: any.
    pub connect_failures: u32,
    /// How far below the mean of the cluster its success rate must be, in hundredths of the standard deviation; 0: any.
    pub success_rate_deviations: u32,
    /// Requests in an interval from which on the success rate of a backend is judged.
    pub success_rate_requests: u32,
    /// Backends with that many requests from which on success rates are compared.
    pub success_rate_backends: u32,
    /// How often success rates are judged.
    pub interval: Duration,
    /// How long it is out the first time; the n-th time n times as long.
    pub ejection_time: Duration,
    /// The longest that it is out.
    pub ejection_time_max: Duration,
    /// The share of the cluster that may be out, in percent, rounded down.
    pub ejected_max: u8,
}

impl Default for OutlierDetection {
    fn default() -> OutlierDetection {
        OutlierDetection {
            server_errors: defaults::OUTLIER_SERVER_ERRORS,
            gateway_errors: defaults::OUTLIER_GATEWAY_ERRORS,
            connect_failures: defaults::OUTLIER_CONNECT_FAILURES,
            success_rate_deviations: defaults::OUTLIER_SUCCESS_RATE_DEVIATIONS,
            success_rate_requests: defaults::OUTLIER_SUCCESS_RATE_REQUESTS,
            success_rate_backends: defaults::OUTLIER_SUCCESS_RATE_BACKENDS,
            interval: defaults::OUTLIER_INTERVAL,
            ejection_time: defaults::OUTLIER_EJECTION_TIME,
            ejection_time_max: defaults::OUTLIER_EJECTION_TIME_MAX,
            ejected_max: defaults::OUTLIER_EJECTED_MAX,
        }
    }
}
