//! `[clusters.NAME.sticky]`: the cookie that keeps a client at its backend.

use std::path::Path;

use crate::config::problem::{Problems, Refusal, quoted};
use crate::config::table::Table;
use crate::config::{SameSite, Sticky, parse};

use super::file;

/// Names that browsers take for a promise: they drop such a cookie when it is not `Secure` (RFC 6265bis section 4.1.3).
const SECURE_PREFIXES: [&str; 2] = ["__Secure-", "__Host-"];

pub(super) fn sticky(table: &Table<'_>, folder: &Path, problems: &mut Problems<'_>) -> Sticky {
    let before = problems.count();
    let cookie = table.text("cookie", problems, parse::cookie_name).map(|(name, _)| name);
    let sticky = Sticky {
        cookie: cookie.unwrap_or_else(|| Sticky::default().cookie),
        secret_file: file("secret_file", table, folder, problems),
        secure: table.boolean("secure", problems),
        http_only: table.boolean("http_only", problems),
        same_site: table.word("same_site", problems, SameSite::from_word),
        max_age: table.optional_duration("max_age", problems),
    };
    if problems.count() == before {
        check(&sticky, table, problems);
    }
    sticky
}

/// What each key allows and browsers do not take together.
fn check(sticky: &Sticky, table: &Table<'_>, problems: &mut Problems<'_>) {
    let name = &sticky.cookie;
    let promise = SECURE_PREFIXES
        .iter()
        .find(|prefix| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix)));
    if let (Some(prefix), false) = (promise, sticky.secure) {
        let refusal = Refusal::new(format!(
            "browsers drop {} unless it is Secure, because its name begins with \"{prefix}\"",
            quoted(name)
        ));
        problems.add(&table.at_of("cookie"), refusal.hint("add `secure = true`, or take another name"));
    }
    if sticky.same_site == SameSite::None && !sticky.secure {
        let refusal = Refusal::new("browsers drop a cookie that is SameSite=None and not Secure");
        problems.add(&table.at_of("same_site"), refusal.hint("add `secure = true`, or use \"lax\""));
    }
    if sticky.max_age.is_some_and(|age| age.subsec_nanos() != 0) {
        let refusal = Refusal::new("Max-Age counts whole seconds");
        problems.add(&table.at_of("max_age"), refusal.hint("write it without milliseconds, as in \"90s\""));
    }
}
