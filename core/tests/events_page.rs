//! The page of events, held to the kinds that there are.

use std::fs;
use std::path::Path;

use ringway_core::EventKind;

/// Kinds whose feature is not there yet, and what they wait for.
const WAITING: [(EventKind, &str); 7] = [
    (EventKind::CertificateAdded, "TLS"),
    (EventKind::CertificateRemoved, "TLS"),
    (EventKind::CertificateReplaced, "TLS"),
    (EventKind::MetricsConfigured, "metrics"),
    (EventKind::MainUpgraded, "upgrades"),
    (EventKind::WorkerUpgraded, "upgrades"),
    (EventKind::MetricDetailChanged, "metrics"),
];

/// What a record may carry beside its number, time and kind.
const FIELDS: [&str; 6] = ["cluster", "backend", "address", "listener", "shard", "reason"];

/// The cells of each line of the table of kinds.
fn rows() -> Vec<[String; 6]> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/events.md");
    let page = fs::read_to_string(path).expect("there is a page of events");
    let (_, kinds) = page.split_once("\n## Kinds\n").expect("it has a part on kinds");
    let table =
        kinds.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let cells = |line: &str| {
        let line = line.strip_prefix('|').and_then(|line| line.strip_suffix('|')).expect("a line of a table");
        let cells: Vec<String> = line.split('|').map(|cell| cell.trim().to_owned()).collect();
        cells.try_into().unwrap_or_else(|cells| panic!("six cells, not {cells:?}"))
    };
    table.skip(2).map(cells).collect()
}

/// What stands between pairs of backticks.
fn names(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_page_has_every_kind_with_its_number_in_order() {
    let found: Vec<_> = rows().iter().map(|[number, name, ..]| format!("{number} {name}")).collect();
    let wanted: Vec<_> =
        EventKind::ALL.iter().map(|kind| format!("{} `{}`", kind.number(), kind.as_str_name())).collect();
    assert_eq!(found, wanted);
}

#[test]
fn the_page_says_what_takes_a_kind_back() {
    for (kind, [.., opposite]) in EventKind::ALL.iter().zip(rows()) {
        let wanted: Vec<_> = kind.opposite().iter().map(|opposite| opposite.as_str_name()).collect();
        assert_eq!(names(&opposite), wanted, "{kind}");
    }
}

#[test]
fn the_page_says_of_each_kind_when_by_whom_and_with_what_or_that_it_waits() {
    for (kind, [_, _, when, by, carries, _]) in EventKind::ALL.iter().zip(rows()) {
        assert!(when.ends_with('.'), "{kind}: {when:?}");
        match WAITING.iter().find(|(waiting, _)| waiting == kind) {
            Some((_, feature)) => {
                assert!(by.starts_with("nothing emits it before") && by.ends_with(feature), "{kind}: {by:?}");
                assert_eq!(carries, "", "{kind}");
            }
            None => {
                assert!(!by.is_empty() && !by.contains("nothing"), "{kind}: {by:?}");
                for field in names(&carries) {
                    assert!(FIELDS.contains(&field), "{kind}: {field}");
                }
            }
        }
    }
}

#[test]
fn the_page_names_verbs_and_changes_that_there_are() {
    let known = |name: &str| {
        let as_verb = serde_json::from_value::<ringway_core::Verb>(serde_json::json!({ "verb": name }));
        let as_change = serde_json::from_value::<ringway_core::Change>(serde_json::json!({ "change": name }));
        // Without its arguments it is refused, but for other reasons than its name.
        let is_unknown = |error: serde_json::Error| error.to_string().contains("unknown variant");
        !as_verb.is_err_and(is_unknown) || !as_change.is_err_and(is_unknown)
    };
    assert!(known("state_save") && known("backend_add") && !known("backend_ad"));
    // Keys that the page names beside the change of a whole section.
    let keys = ["active", "state", "log_level"];
    for [_, kind, _, by, ..] in rows() {
        for name in names(&by) {
            assert!(keys.contains(&name) || known(name), "{kind}: {name}");
        }
    }
}
