//! No input makes the reader panic, and what it accepts is valid.

use proptest::prelude::*;

use super::*;

/// One change of a file.
#[derive(Debug, Clone)]
enum Change {
    Replace(usize, u8),
    Insert(usize, u8),
    Cut(usize, usize),
    Repeat(usize, usize),
}

fn change() -> impl Strategy<Value = Change> {
    // Bytes that mean something to TOML or to a value, more often than the others.
    let byte =
        || prop_oneof![prop::sample::select(b"[]{}=\".,#\n'0129-_*:/ \\\xc3\xff".to_vec()), any::<u8>()];
    let at = || 0..FULL.len();
    prop_oneof![
        (at(), byte()).prop_map(|(at, byte)| Change::Replace(at, byte)),
        (at(), byte()).prop_map(|(at, byte)| Change::Insert(at, byte)),
        (at(), 1..40_usize).prop_map(|(at, length)| Change::Cut(at, length)),
        (at(), 1..200_usize).prop_map(|(at, length)| Change::Repeat(at, length)),
    ]
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    let end = bytes.len();
    let range = |at: usize, length: usize| at.min(end)..(at + length).min(end);
    match *change {
        Change::Replace(at, byte) => bytes.splice(range(at, 1), [byte]).for_each(drop),
        Change::Insert(at, byte) => bytes.insert(at.min(end), byte),
        Change::Cut(at, length) => bytes.drain(range(at, length)).for_each(drop),
        Change::Repeat(at, length) => {
            let again = bytes[range(at, length)].to_vec();
            bytes.splice(range(at, 0), again).for_each(drop);
        }
    }
}

/// Either a configuration that keeps what the types promise, or problems with places inside of the file.
fn check(content: &[u8]) -> Result<(), TestCaseError> {
    match Config::read("f", content) {
        Ok(config) => {
            prop_assert!(!config.listeners.is_empty() && !config.clusters.is_empty());
            for cluster in &config.clusters {
                prop_assert!(!cluster.backends.is_empty());
                if let Some(check) = &cluster.health_check {
                    prop_assert!(
                        check.timeout <= check.fast_interval && check.fast_interval <= check.interval
                    );
                    let has_socket = cluster.backends.iter().any(|backend| backend.address.ip().is_none());
                    prop_assert!(check.port.is_none() || !has_socket);
                }
                if let Some(sticky) = &cluster.sticky {
                    prop_assert!(sticky.secure || sticky.same_site != SameSite::None);
                }
                if let Some(outliers) = &cluster.outlier_detection {
                    prop_assert!(outliers.ejection_time <= outliers.ejection_time_max);
                }
                let kept_by: std::collections::BTreeSet<_> = cluster
                    .backends
                    .iter()
                    .map(|backend| backend.sticky_id.as_deref().unwrap_or(backend.id.as_str()))
                    .collect();
                prop_assert_eq!(kept_by.len(), cluster.backends.len());
                for listener in cluster.frontends.iter().flat_map(|frontend| &frontend.listeners) {
                    prop_assert!(config.listeners.iter().any(|known| known.name == *listener));
                }
            }
            let is_cluster = |id: &ClusterId| config.clusters.iter().any(|cluster| cluster.id == *id);
            for route in &config.routes {
                if let Action::Split(weights) = &route.action {
                    prop_assert!(weights.iter().any(|(_, weight)| *weight > 0));
                    prop_assert!(weights.iter().all(|(id, _)| is_cluster(id)));
                }
            }
            for listener in &config.listeners {
                prop_assert_eq!(listener.cluster.is_some(), listener.protocol == Protocol::Tcp);
                prop_assert!(listener.cluster.iter().all(is_cluster));
                prop_assert!(!listener.proxy_protocol || !listener.trusted_proxies.is_empty());
            }
            prop_assert!(config.warnings().iter().all(|warning| !warning.to_string().is_empty()));
        }
        Err(errors) => {
            let lines = 1 + content.iter().filter(|byte| **byte == b'\n').count();
            let width = content.split(|byte| *byte == b'\n').map(<[u8]>::len).max().unwrap_or(0);
            prop_assert!(!errors.problems().is_empty());
            for problem in errors.problems() {
                prop_assert!((1..=lines).contains(&problem.line), "{problem}");
                prop_assert!((1..=width + 1).contains(&problem.column), "{problem}");
            }
            prop_assert_eq!(errors.to_string().lines().count(), errors.problems().len());
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_file_is_read_or_refused(changes in prop::collection::vec(change(), 1..6)) {
        let mut bytes = FULL.as_bytes().to_vec();
        for change in &changes {
            apply(&mut bytes, change);
        }
        check(&bytes)?;
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check(&bytes)?;
    }
}

#[test]
fn a_deeply_nested_file_does_not_use_up_the_stack() {
    for open in ["[", "{a=", "a."] {
        assert_eq!(problems(&format!("a = {}", open.repeat(100_000))).len(), 1, "{open}");
    }
    assert_eq!(problems(&format!("{}b = 1", "a.".repeat(100_000))).len(), 1);
}
