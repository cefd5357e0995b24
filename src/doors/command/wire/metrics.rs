//! Metrics on the wire.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How fine metrics are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum MetricDetail {
    Process = 0,
    Frontend = 1,
    Cluster = 2,
    Backend = 3,
}

/// Whether metrics are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum MetricsConfiguration {
    Enabled = 0,
    Disabled = 1,
    Clear = 2,
}

/// A bucket of a histogram.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Bucket {
    #[prost(uint64, required, tag = "1")]
    pub(crate) count: u64,
    #[prost(uint64, required, tag = "2")]
    pub(crate) le: u64,
}

/// A histogram.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct FilteredHistogram {
    #[prost(uint64, required, tag = "1")]
    pub(crate) sum: u64,
    #[prost(uint64, required, tag = "2")]
    pub(crate) count: u64,
    #[prost(message, repeated, tag = "3")]
    pub(crate) buckets: Vec<Bucket>,
}

/// Counts over time.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct FilteredTimeSerie {
    #[prost(uint32, required, tag = "1")]
    pub(crate) last_second: u32,
    #[prost(uint32, repeated, packed = "false", tag = "2")]
    pub(crate) last_minute: Vec<u32>,
    #[prost(uint32, repeated, packed = "false", tag = "3")]
    pub(crate) last_hour: Vec<u32>,
}

/// Percentiles of samples.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Percentiles {
    #[prost(uint64, required, tag = "1")]
    pub(crate) samples: u64,
    #[prost(uint64, required, tag = "2")]
    pub(crate) p_50: u64,
    #[prost(uint64, required, tag = "3")]
    pub(crate) p_90: u64,
    #[prost(uint64, required, tag = "4")]
    pub(crate) p_99: u64,
    #[prost(uint64, required, tag = "5")]
    pub(crate) p_99_9: u64,
    #[prost(uint64, required, tag = "6")]
    pub(crate) p_99_99: u64,
    #[prost(uint64, required, tag = "7")]
    pub(crate) p_99_999: u64,
    #[prost(uint64, required, tag = "8")]
    pub(crate) p_100: u64,
    #[prost(uint64, required, tag = "9")]
    pub(crate) sum: u64,
}

/// One metric.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct FilteredMetrics {
    #[prost(oneof = "Metric", tags = "1, 2, 3, 4, 5, 6")]
    pub(crate) inner: Option<Metric>,
}

/// What [`FilteredMetrics`] holds.
#[derive(Clone, PartialEq, prost::Oneof, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Metric {
    #[prost(uint64, tag = "1")]
    Gauge(u64),
    #[prost(int64, tag = "2")]
    Count(i64),
    #[prost(uint64, tag = "3")]
    Time(u64),
    #[prost(message, tag = "4")]
    Percentiles(Percentiles),
    #[prost(message, tag = "5")]
    TimeSerie(FilteredTimeSerie),
    #[prost(message, tag = "6")]
    Histogram(FilteredHistogram),
}

/// The metrics of a backend.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct BackendMetrics {
    #[prost(string, required, tag = "1")]
    pub(crate) backend_id: String,
    #[prost(btree_map = "string, message", tag = "2")]
    pub(crate) metrics: BTreeMap<String, FilteredMetrics>,
}

/// The metrics of a cluster.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ClusterMetrics {
    #[prost(btree_map = "string, message", tag = "1")]
    pub(crate) cluster: BTreeMap<String, FilteredMetrics>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) backends: Vec<BackendMetrics>,
}

/// The metrics of a worker.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct WorkerMetrics {
    #[prost(btree_map = "string, message", tag = "1")]
    pub(crate) proxy: BTreeMap<String, FilteredMetrics>,
    #[prost(btree_map = "string, message", tag = "2")]
    pub(crate) clusters: BTreeMap<String, ClusterMetrics>,
}

/// The metrics of all.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct AggregatedMetrics {
    #[prost(btree_map = "string, message", tag = "1")]
    pub(crate) main: BTreeMap<String, FilteredMetrics>,
    #[prost(btree_map = "string, message", tag = "2")]
    pub(crate) workers: BTreeMap<String, WorkerMetrics>,
    #[prost(btree_map = "string, message", tag = "3")]
    pub(crate) clusters: BTreeMap<String, ClusterMetrics>,
    #[prost(btree_map = "string, message", tag = "4")]
    pub(crate) proxying: BTreeMap<String, FilteredMetrics>,
}

/// The names of metrics.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct AvailableMetrics {
    #[prost(string, repeated, tag = "1")]
    pub(crate) proxy_metrics: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub(crate) cluster_metrics: Vec<String>,
}

/// How fine the metrics of a worker are.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct WorkerMetricDetailStatus {
    #[prost(enumeration = "MetricDetail", required, tag = "1")]
    pub(crate) configured: i32,
    #[prost(enumeration = "MetricDetail", required, tag = "2")]
    pub(crate) effective: i32,
    #[prost(enumeration = "MetricDetail", required, tag = "3")]
    pub(crate) previous_effective: i32,
    #[prost(uint32, required, tag = "4")]
    pub(crate) active_lease_count: u32,
}

/// How fine the metrics are.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct MetricDetailStatus {
    #[prost(enumeration = "MetricDetail", required, tag = "1")]
    pub(crate) configured: i32,
    #[prost(enumeration = "MetricDetail", required, tag = "2")]
    pub(crate) effective: i32,
    #[prost(enumeration = "MetricDetail", required, tag = "3")]
    pub(crate) previous_effective: i32,
    #[prost(btree_map = "string, message", tag = "4")]
    pub(crate) workers: BTreeMap<String, WorkerMetricDetailStatus>,
}
