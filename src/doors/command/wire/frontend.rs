//! Frontends on the wire.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::address::SocketAddress;

/// How a path is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum PathRuleKind {
    Prefix = 0,
    Regex = 1,
    Equals = 2,
}

/// Before, among or after the tree of hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum RulePosition {
    Pre = 0,
    Post = 1,
    Tree = 2,
}

/// What becomes of the requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum RedirectPolicy {
    Forward = 0,
    Permanent = 1,
    Unauthorized = 2,
    Found = 3,
    PermanentRedirect = 4,
    SilentClose = 5,
}

/// Where a redirect leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum RedirectScheme {
    Same = 0,
    Http = 1,
    Https = 2,
}

/// Of which message a header field is edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum HeaderPosition {
    Unspecified = 0,
    Request = 1,
    Response = 2,
    Both = 3,
}

/// How a header field is tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum HeaderMatchKind {
    Exact = 0,
    Regex = 1,
    Present = 2,
}

/// Which paths.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct PathRule {
    #[prost(enumeration = "PathRuleKind", required, tag = "1")]
    pub(crate) kind: i32,
    #[prost(string, required, tag = "2")]
    pub(crate) value: String,
}

/// An edit of a header field.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Header {
    #[prost(enumeration = "HeaderPosition", required, tag = "1")]
    pub(crate) position: i32,
    #[prost(string, required, tag = "2")]
    pub(crate) key: String,
    #[prost(string, required, tag = "3")]
    pub(crate) val: String,
}

/// A test of a header field.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct HeaderPredicate {
    #[prost(string, required, tag = "1")]
    pub(crate) name: String,
    #[prost(enumeration = "HeaderMatchKind", required, tag = "2")]
    pub(crate) kind: i32,
    #[prost(string, optional, tag = "3")]
    pub(crate) value: Option<String>,
}

/// `Strict-Transport-Security`.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct HstsConfig {
    #[prost(bool, optional, tag = "1")]
    pub(crate) enabled: Option<bool>,
    #[prost(uint32, optional, tag = "2")]
    pub(crate) max_age: Option<u32>,
    #[prost(bool, optional, tag = "3")]
    pub(crate) include_subdomains: Option<bool>,
    #[prost(bool, optional, tag = "4")]
    pub(crate) preload: Option<bool>,
    #[prost(bool, optional, tag = "5")]
    pub(crate) force_replace_backend: Option<bool>,
}

/// Which HTTP requests a cluster gets.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct RequestHttpFrontend {
    #[prost(string, optional, tag = "1")]
    pub(crate) cluster_id: Option<String>,
    #[prost(message, required, tag = "2")]
    pub(crate) address: SocketAddress,
    #[prost(string, required, tag = "3")]
    pub(crate) hostname: String,
    #[prost(message, required, tag = "4")]
    pub(crate) path: PathRule,
    #[prost(string, optional, tag = "5")]
    pub(crate) method: Option<String>,
    #[prost(enumeration = "RulePosition", required, tag = "6")]
    pub(crate) position: i32,
    #[prost(btree_map = "string, string", tag = "7")]
    pub(crate) tags: BTreeMap<String, String>,
    #[prost(enumeration = "RedirectPolicy", optional, tag = "8")]
    pub(crate) redirect: Option<i32>,
    #[prost(bool, optional, tag = "9")]
    pub(crate) required_auth: Option<bool>,
    #[prost(enumeration = "RedirectScheme", optional, tag = "10")]
    pub(crate) redirect_scheme: Option<i32>,
    #[prost(string, optional, tag = "11")]
    pub(crate) redirect_template: Option<String>,
    #[prost(string, optional, tag = "12")]
    pub(crate) rewrite_host: Option<String>,
    #[prost(string, optional, tag = "13")]
    pub(crate) rewrite_path: Option<String>,
    #[prost(uint32, optional, tag = "14")]
    pub(crate) rewrite_port: Option<u32>,
    #[prost(message, repeated, tag = "15")]
    pub(crate) headers: Vec<Header>,
    #[prost(message, optional, tag = "16")]
    pub(crate) hsts: Option<HstsConfig>,
    #[prost(message, repeated, tag = "17")]
    pub(crate) header_predicates: Vec<HeaderPredicate>,
}

/// Which TCP connections a cluster gets.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct RequestTcpFrontend {
    #[prost(string, required, tag = "1")]
    pub(crate) cluster_id: String,
    #[prost(message, required, tag = "2")]
    pub(crate) address: SocketAddress,
    #[prost(btree_map = "string, string", tag = "3")]
    pub(crate) tags: BTreeMap<String, String>,
    #[prost(string, optional, tag = "4")]
    pub(crate) sni: Option<String>,
    #[prost(string, repeated, tag = "5")]
    pub(crate) alpn: Vec<String>,
}

/// Which datagrams a cluster gets.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct RequestUdpFrontend {
    #[prost(string, required, tag = "1")]
    pub(crate) cluster_id: String,
    #[prost(message, required, tag = "2")]
    pub(crate) address: SocketAddress,
    #[prost(btree_map = "string, string", tag = "3")]
    pub(crate) tags: BTreeMap<String, String>,
}
