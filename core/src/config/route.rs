//! Which requests are meant, and what becomes of them: matches, frontends and routes.

use std::path::PathBuf;
use std::sync::Arc;

use super::word::words;
use super::{Hostname, Rewrite, defaults};
use crate::ids::{ClusterId, ListenerName};

/// Which requests a frontend or a route is for: all of it must hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Match {
    /// The host a request asks for.
    pub hostname: Hostname,
    /// Its path.
    pub path: PathMatch,
    /// Its method, in the case of the wire; empty: any.
    pub methods: Vec<Arc<str>>,
    /// Its fields; names in lower case.
    pub headers: Vec<Predicate>,
    /// The parameters of its query.
    pub query: Vec<Predicate>,
}

impl Match {
    /// Every request.
    #[must_use]
    pub fn any() -> Match {
        Match {
            hostname: Hostname::Any,
            path: PathMatch::Prefix(defaults::PATH_PREFIX.into()),
            methods: Vec::new(),
            headers: Vec::new(),
            query: Vec::new(),
        }
    }
}

/// Which paths are meant. Paths are compared as bytes, as they were received, without the query.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PathMatch {
    /// Those that begin with this, in whole segments; starts with `/`, and ends with one only if it is `/`.
    Prefix(Arc<str>),
    /// This one; starts with `/`.
    Exact(Arc<str>),
    /// Those that this pattern (syntax of the `regex` crate) matches from end to end.
    Regex(Arc<str>),
}

/// What a named field or query parameter must be like.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Predicate {
    /// Of the field, in lower case, or of the parameter, as it is on the wire.
    pub name: Arc<str>,
    /// What its value must be. Where there are several of that name, one of them suffices.
    pub test: Test,
}

/// A test of a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Test {
    /// It is there, whatever it says.
    Present,
    /// It is not there.
    Absent,
    /// It is this.
    Equals(Arc<str>),
    /// It begins with this.
    Prefix(Arc<str>),
    /// This pattern matches it from end to end.
    Regex(Arc<str>),
}

/// Which requests a cluster gets: `[[clusters.NAME.frontends]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frontend {
    /// The listeners it holds for; empty: all that speak HTTP.
    pub listeners: Vec<ListenerName>,
    /// Which requests are meant.
    pub matching: Match,
    /// What is changed in them, and in their answers.
    pub rewrite: Rewrite,
}

impl Frontend {
    /// A frontend that takes every request of every listener.
    #[must_use]
    pub fn any() -> Frontend {
        Frontend { listeners: Vec::new(), matching: Match::any(), rewrite: Rewrite::default() }
    }
}

/// What becomes of requests that no single cluster gets: `[[routes]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The listeners it holds for; empty: all that speak HTTP.
    pub listeners: Vec<ListenerName>,
    /// Which requests are meant.
    pub matching: Match,
    /// What is changed in them, and in their answers.
    pub rewrite: Rewrite,
    /// What becomes of them.
    pub action: Action,
}

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Clusters get it by weight, drawn anew for each request; at least one. Weights are not all 0.
    Split(Vec<(ClusterId, u32)>),
    /// The client is sent elsewhere.
    Redirect(Redirect),
    /// It is answered here.
    Respond(Respond),
}

/// Sends a client elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// The answer's status.
    pub status: RedirectStatus,
    /// The answer's Location, of visible ASCII. `{host}` stands for the host asked for, without port, `{path}` for the
    /// path and `{query}` for the query with its `?`, or nothing.
    pub to: Arc<str>,
}

/// How a client is sent elsewhere (RFC 9110 section 15.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RedirectStatus {
    /// 301, for good; clients may change POST to GET.
    MovedPermanently,
    /// 302, for now; clients may change POST to GET.
    #[default]
    Found,
    /// 303: look there with GET.
    SeeOther,
    /// 307, for now, with the same method.
    Temporary,
    /// 308, for good, with the same method.
    Permanent,
}

words!(RedirectStatus {
    MovedPermanently = "301",
    Found = "302",
    SeeOther = "303",
    Temporary = "307",
    Permanent = "308",
});

impl RedirectStatus {
    /// The number.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            RedirectStatus::MovedPermanently => 301,
            RedirectStatus::Found => 302,
            RedirectStatus::SeeOther => 303,
            RedirectStatus::Temporary => 307,
            RedirectStatus::Permanent => 308,
        }
    }
}

/// An answer of our own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Respond {
    /// Its status, 200 to 599.
    pub status: u16,
    /// Its Content-Type.
    pub content_type: Arc<str>,
    /// Its body.
    pub body: Content,
}

/// A text of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Content {
    /// It stands in the configuration file.
    Inline(Arc<str>),
    /// It is the content of this file, read when the configuration is loaded.
    File(PathBuf),
}
