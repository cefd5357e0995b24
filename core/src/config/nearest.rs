//! The valid name nearest to a mistyped one.

/// Longer than every valid name: not a slip of the finger, and not worth comparing.
const GIVEN_BYTES_MAX: usize = 128;

/// The name that is the fewest slips away from `given`: letters added, left out, replaced, or swapped with their
/// neighbour. None if that is more than a third of the longer of the two. Of equals, the first.
pub(crate) fn nearest<'n>(given: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    if given.len() > GIVEN_BYTES_MAX {
        return None;
    }
    let given = given.to_lowercase();
    let close = names.into_iter().filter_map(|name| {
        let slips = strsim::damerau_levenshtein(&given, &name.to_lowercase());
        let length = given.chars().count().max(name.chars().count());
        (3 * slips <= length).then_some((slips, name))
    });
    close.min_by_key(|(slips, _)| *slips).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_name() {
        let names = ["address", "hostname", "path_prefix", "weight", "web"];
        for (given, name) in [
            ("adress", "address"),
            ("Address", "address"),
            ("hostnme", "hostname"),
            ("host_name", "hostname"),
            ("path-prefix", "path_prefix"),
            ("wieght", "weight"),
            ("wbe", "web"),
        ] {
            assert_eq!(nearest(given, names), Some(name), "{given}");
        }
    }

    #[test]
    fn something_else_finds_nothing() {
        for given in ["", "port", "we", "zzzzzzz", &"address".repeat(1000)] {
            assert_eq!(nearest(given, ["address", "hostname", "a"]), None, "{given}");
        }
    }
}
