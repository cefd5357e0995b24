//! How hashes and counts look.

use super::*;

#[test]
fn hashes_say_who_has_another_configuration() {
    let answer =
        r#"{"answer":"hashes","state":171,"shards":{"shard-0":171,"shard-1":0},"clusters":{"api":15}}"#;
    assert_eq!(
        hashes(&serde_json::from_str(answer).expect("an answer")).expect("it is one"),
        "\
state  00000000000000ab

SHARD    HASH              CONFIG
shard-0  00000000000000ab  same
shard-1  0000000000000000  other

CLUSTER  HASH
api      000000000000000f
"
    );
}

#[test]
fn counts_are_a_table() {
    let answer = r#"{"answer":"counts","backend_add":12,"cluster_add":3}"#;
    assert_eq!(
        counts(&serde_json::from_str(answer).expect("an answer")).expect("it is one"),
        "\
CHANGE       COUNT
backend_add     12
cluster_add      3
"
    );
}
