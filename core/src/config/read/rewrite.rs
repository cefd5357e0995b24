//! What is changed in requests and their answers.

use std::sync::Arc;

use crate::config::check::{at_most, twice};
use crate::config::defaults::EDITS_MAX;
use crate::config::problem::{At, Problems, Refusal, quoted};
use crate::config::table::Table;
use crate::config::{HeaderEdits, PathMatch, Rewrite, parse};

/// Fields that say where a message ends or what becomes of a connection: to change one is to break the framing that
/// both sides rely on.
pub(super) const GOVERNING: [&str; 11] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Fields that tell where a request came from.
const FORWARDING: [&str; 5] =
    ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto"];

/// Names a request for everyone on its way. Of an answer it is a field as others are.
const REQUEST_ID: &str = "x-request-id";

/// `path`: what the rule is for, if that is known.
pub(super) fn rewrite(table: &Table<'_>, path: Option<&PathMatch>, problems: &mut Problems<'_>) -> Rewrite {
    let request_headers = table.table("request_headers", problems).map(|table| edits(&table, true, problems));
    let response_headers =
        table.table("response_headers", problems).map(|table| edits(&table, false, problems));
    let strip_prefix = table.boolean("strip_prefix", problems);
    let replace_prefix = table.text("replace_prefix", problems, parse::path).map(|(path, _)| path);
    let host = table.text("host", problems, parse::host).map(|(host, _)| host);
    table.at_most_one(&["strip_prefix", "replace_prefix"], problems);
    if matches!(path, Some(PathMatch::Exact(_) | PathMatch::Regex(_))) {
        let why = "there is no prefix to change: the path is matched as a whole";
        let keys: &[_] = if strip_prefix { &["strip_prefix", "replace_prefix"] } else { &["replace_prefix"] };
        table.none_of(keys, problems, why, "match with `path_prefix`");
    }
    Rewrite {
        request_headers: request_headers.unwrap_or_default(),
        response_headers: response_headers.unwrap_or_default(),
        replace_prefix: if strip_prefix { Some("/".into()) } else { replace_prefix },
        host,
    }
}

fn edits(table: &Table<'_>, of_requests: bool, problems: &mut Problems<'_>) -> HeaderEdits {
    let name = |text: &str| edited_field(text, of_requests);
    let remove = table.texts("remove", problems, |text| name(text).map(|_| lower(text)));
    twice(&remove, problems);
    at_most(&remove, EDITS_MAX, "fields", problems);
    let mut pairs = |key: &str| {
        let pairs = table.pairs(key, problems, name, parse::field_value);
        let names: Vec<_> = pairs.iter().map(|((name, _), at)| (lower(name), at.clone())).collect();
        twice(&names, problems);
        at_most(&names, EDITS_MAX, "fields", problems);
        pairs.into_iter().map(|(pair, _): (_, At)| pair).collect()
    };
    let (set, append) = (pairs("set"), pairs("append"));
    HeaderEdits { remove: remove.into_iter().map(|(name, _)| name).collect(), set, append }
}

fn lower(text: &str) -> Arc<str> {
    text.to_ascii_lowercase().into()
}

/// The name of a field that may be changed, as it was written.
fn edited_field(text: &str, of_requests: bool) -> Result<Arc<str>, Refusal> {
    let lower = parse::field_name(text)?;
    if GOVERNING.contains(&lower.as_ref()) {
        let refusal =
            Refusal::new(format!("{} governs framing or the connection: it is not changed", quoted(text)));
        return Err(if &*lower == "host" && of_requests { refusal.hint("use `host`") } else { refusal });
    }
    if FORWARDING.contains(&lower.as_ref()) || (of_requests && &*lower == REQUEST_ID) {
        let refusal = Refusal::new(format!("{} tells what [listeners.forwarding] rules", quoted(text)));
        return Err(refusal.hint("set it there"));
    }
    Ok(text.into())
}
