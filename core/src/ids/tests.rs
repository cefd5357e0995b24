//! What is a name and what is not.

use super::*;

#[test]
fn a_name_is_visible_ascii_without_what_lists_urls_and_labels_use() {
    for good in ["a", "api", "web-1", "web_1", "a.b:80", "[::1]:8080", "x=y", "A~!@$^&*()<>|{}+"] {
        assert_eq!(ClusterId::parse(good).map(|id| id.to_string()), Ok(good.to_owned()));
    }
    for bad in "\"'`\\/?#%,; \t\n\u{7f}\u{1b}éß√".chars() {
        let text = format!("ab{bad}c");
        assert_eq!(
            ClusterId::parse(&text),
            Err(IdError::Character { character: bad, position: 3 }),
            "{text:?}"
        );
    }
}

#[test]
fn the_length_of_a_name_is_bounded_on_both_sides() {
    assert_eq!(BackendId::parse(""), Err(IdError::Empty));
    assert!(BackendId::parse(&"x".repeat(ID_BYTES_MAX)).is_ok());
    assert_eq!(
        BackendId::parse(&"x".repeat(ID_BYTES_MAX + 1)),
        Err(IdError::TooLong { bytes: ID_BYTES_MAX + 1 })
    );
}

#[test]
fn every_address_makes_a_name() {
    for address in ["127.0.0.1:80", "[::1]:8080", "[fe80::1%3]:65535"] {
        let id = BackendId::from(address.parse::<SocketAddr>().expect("an address"));
        assert_eq!(BackendId::parse(id.as_str()), Ok(id));
    }
}

#[test]
fn a_map_of_names_can_be_asked_with_plain_text() {
    let id = ListenerName::parse("web").expect("a name");
    let map = std::collections::BTreeMap::from([(id, 7)]);
    assert_eq!(map.get("web"), Some(&7));
    assert_eq!(map.get("wab"), None);
}
