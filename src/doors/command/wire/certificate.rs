//! Certificates on the wire.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::address::SocketAddress;

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum TlsVersion {
    SslV2 = 0,
    SslV3 = 1,
    TlsV10 = 2,
    TlsV11 = 3,
    TlsV12 = 4,
    TlsV13 = 5,
}

/// A certificate, its chain and key, as PEM.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct CertificateAndKey {
    #[prost(string, required, tag = "1")]
    pub(crate) certificate: String,
    #[prost(string, repeated, tag = "2")]
    pub(crate) certificate_chain: Vec<String>,
    #[prost(string, required, tag = "3")]
    pub(crate) key: String,
    #[prost(enumeration = "TlsVersion", repeated, packed = "false", tag = "4")]
    pub(crate) versions: Vec<i32>,
    #[prost(string, repeated, tag = "5")]
    pub(crate) names: Vec<String>,
}

/// A certificate for a listener.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct AddCertificate {
    #[prost(message, required, tag = "1")]
    pub(crate) address: SocketAddress,
    #[prost(message, required, tag = "2")]
    pub(crate) certificate: CertificateAndKey,
    #[prost(int64, optional, tag = "3")]
    pub(crate) expired_at: Option<i64>,
}

/// Which certificate goes.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct RemoveCertificate {
    #[prost(message, required, tag = "1")]
    pub(crate) address: SocketAddress,
    #[prost(string, required, tag = "2")]
    pub(crate) fingerprint: String,
}

/// A certificate in place of another.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ReplaceCertificate {
    #[prost(message, required, tag = "1")]
    pub(crate) address: SocketAddress,
    #[prost(message, required, tag = "2")]
    pub(crate) new_certificate: CertificateAndKey,
    #[prost(string, required, tag = "3")]
    pub(crate) old_fingerprint: String,
    #[prost(int64, optional, tag = "4")]
    pub(crate) new_expired_at: Option<i64>,
}

/// What a certificate is for.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct CertificateSummary {
    #[prost(string, required, tag = "1")]
    pub(crate) domain: String,
    #[prost(string, required, tag = "2")]
    pub(crate) fingerprint: String,
}

/// The certificates of a listener.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct CertificatesByAddress {
    #[prost(message, required, tag = "1")]
    pub(crate) address: SocketAddress,
    #[prost(message, repeated, tag = "2")]
    pub(crate) certificate_summaries: Vec<CertificateSummary>,
}

/// The certificates of all listeners.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ListOfCertificatesByAddress {
    #[prost(message, repeated, tag = "1")]
    pub(crate) certificates: Vec<CertificatesByAddress>,
}

/// Certificates by their fingerprints.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct CertificatesWithFingerprints {
    #[prost(btree_map = "string, message", tag = "1")]
    pub(crate) certs: BTreeMap<String, CertificateAndKey>,
}
