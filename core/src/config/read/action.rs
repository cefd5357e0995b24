//! `[[routes]]`: what becomes of requests that no single cluster gets.

use std::path::Path;

use crate::config::check::{Seen, at_most};
use crate::config::defaults::SPLIT_CLUSTERS_MAX;
use crate::config::problem::{Problems, Refusal};
use crate::config::table::Table;
use crate::config::{Action, Content, Redirect, RedirectStatus, Respond, Route, parse};
use crate::ids::ClusterId;

use super::{file, rule};

pub(super) fn route(
    table: &Table<'_>,
    folder: &Path,
    seen: &mut Seen,
    problems: &mut Problems<'_>,
) -> Option<Route> {
    let rule = rule::rule(table, seen, problems);
    let action = action(table, folder, seen, problems);
    let rule = rule?;
    Some(Route { listeners: rule.listeners, matching: rule.matching, rewrite: rule.rewrite, action: action? })
}

fn action(table: &Table<'_>, folder: &Path, seen: &mut Seen, problems: &mut Problems<'_>) -> Option<Action> {
    let kind = table.exactly_one(&["cluster", "split", "redirect", "respond"], problems);
    let status: u16 = table.integer("redirect_status", problems);
    if kind != Some("redirect") {
        table.none_of(&["redirect_status"], problems, "there is no `redirect` that it is for", "remove it");
    }
    if let Some("redirect" | "respond") = kind {
        let keys = ["request_headers", "strip_prefix", "replace_prefix", "host"];
        table.none_of(
            &keys,
            problems,
            "no backend gets the request, so nothing is changed in it",
            "remove it",
        );
    }
    match kind? {
        "cluster" => {
            let named = table.text("cluster", problems, ClusterId::parse)?;
            seen.to_clusters.push(named.clone());
            Some(Action::Split(vec![(named.0, 1)]))
        }
        "split" => split(table, seen, problems),
        "redirect" => {
            let (to, _) = table.text("redirect", problems, parse::redirect)?;
            let status = RedirectStatus::from_word(&status.to_string()).unwrap_or_default();
            Some(Action::Redirect(Redirect { status, to }))
        }
        _ => respond(&table.table("respond", problems)?, folder, problems).map(Action::Respond),
    }
}

fn split(table: &Table<'_>, seen: &mut Seen, problems: &mut Problems<'_>) -> Option<Action> {
    let before = problems.count();
    let weights = table.weights("split", problems, |name| Ok(ClusterId::parse(name)?));
    at_most(&weights, SPLIT_CLUSTERS_MAX, "clusters", problems);
    seen.to_clusters.extend(weights.iter().map(|((name, _), at)| (name.clone(), at.clone())));
    let weights: Vec<_> = weights.into_iter().map(|(weight, _)| weight).collect();
    if weights.iter().all(|(_, weight)| *weight == 0) && problems.count() == before {
        let refusal = Refusal::new("no cluster has a weight, so nobody would get a request");
        problems.add(&table.at_of("split"), refusal.hint("as in { blue = 90, green = 10 }"));
    }
    Some(Action::Split(weights))
}

fn respond(table: &Table<'_>, folder: &Path, problems: &mut Problems<'_>) -> Option<Respond> {
    let status = table.required_integer("status", problems);
    let content_type = table.text("content_type", problems, parse::field_value);
    let given = table.at_most_one(&["body", "file"], problems);
    let body = match given {
        Some("file") => file("file", table, folder, problems).map(Content::File),
        Some(_) => table.text("body", problems, parse::body).map(|(body, _)| Content::Inline(body)),
        None => Some(Content::Inline("".into())),
    };
    let is_empty = matches!(&body, Some(Content::Inline(body)) if body.is_empty());
    if let (Some(status @ (204 | 205 | 304)), Some(given), false) = (status, given, is_empty) {
        problems
            .add(&table.at_of(given), Refusal::new(format!("an answer with status {status} has no body")));
    }
    Some(Respond { status: status?, content_type: content_type?.0, body: body? })
}
