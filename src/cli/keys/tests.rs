//! Words to keys, and back.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn of(words: &[&str], unset: &[&str]) -> Result<Keys, KeysError> {
    let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    read(&own(words), &own(unset))
}

fn keys(words: &[&str]) -> Value {
    Value::Object(of(words, &[]).expect("keys"))
}

#[test]
fn a_value_is_toml_or_else_a_text() {
    for (word, value) in [
        ("a=maglev", json!("maglev")),
        ("a=2", json!(2)),
        ("a=-2", json!(-2)),
        ("a=1.5", json!(1.5)),
        ("a=true", json!(true)),
        ("a=10s", json!("10s")),
        ("a=16KiB", json!("16KiB")),
        ("a=10.0.0.1:80", json!("10.0.0.1:80")),
        ("a=[::1]:80", json!("[::1]:80")),
        ("a=/path?x=1&y=2", json!("/path?x=1&y=2")),
        ("a=*.example.com", json!("*.example.com")),
        ("a=\"2\"", json!("2")),
        ("a='2'", json!("2")),
        ("a=\"\"", json!("")),
        ("a=[\"web\", \"x\"]", json!(["web", "x"])),
        ("a={ cookie = \"x\", secure = true }", json!({ "cookie": "x", "secure": true })),
        ("a={}", json!({})),
        ("a=2026-01-31", json!("2026-01-31")),
        ("a=inf", json!("inf")),
        ("a=[1, 2026-01-31]", json!("[1, 2026-01-31]")),
        ("a=1\nb=2", json!("1\nb=2")),
        ("a= two words ", json!(" two words ")),
        ("a={ b", json!("{ b")),
    ] {
        assert_eq!(keys(&[word]), json!({ "a": value }), "{word}");
    }
}

#[test]
fn a_dot_leads_into_a_table() {
    assert_eq!(
        keys(&["timeouts.head=5s", "b=1", "timeouts.idle=1m", "x.y.z-1=2"]),
        json!({ "timeouts": { "head": "5s", "idle": "1m" }, "b": 1, "x": { "y": { "z-1": 2 } } })
    );
}

#[test]
fn what_is_unset_is_null() {
    let keys = of(&["a=1"], &["b", "timeouts.head"]).expect("keys");
    assert_eq!(Value::Object(keys), json!({ "a": 1, "b": null, "timeouts": { "head": null } }));
}

#[test]
fn what_is_no_key_and_value_is_refused_with_a_remedy() {
    for (words, unset, text) in [
        (&["retries"][..], &[][..], "write it as retries=2"),
        (&["retries="], &[], "--unset retries takes it back"),
        (&["=1"], &[], "is not a key"),
        (&["a b=1"], &[], "is not a key"),
        (&["a..b=1"], &[], "is not a key"),
        (&["a.=1"], &[], "is not a key"),
        (&["a=1", "a=2"], &[], "is given twice"),
        (&["a=1"], &["a"], "is given twice"),
        (&["a=1", "a.b=2"], &[], "is given twice"),
        (&["a.b=1", "a={ c = 1 }"], &[], "is given twice"),
    ] {
        let refusal = of(words, unset).expect_err(text).to_string();
        assert!(refusal.contains(text), "{words:?}: {refusal}");
    }
}

#[test]
fn keys_are_told_in_words_that_a_shell_takes() {
    let told = |value: Value| words(value.as_object().expect("keys"));
    assert_eq!(
        told(json!({ "address": "10.0.0.1:80", "weight": 5, "tag": "5", "path": "/a b", "quote": "it's" })),
        r#"address=10.0.0.1:80 weight=5 'tag="5"' 'path=/a b' 'quote=it'\''s'"#
    );
    assert_eq!(
        told(
            json!({ "sticky": { "cookie": "x", "secure": true }, "methods": ["GET"], "set": { "X-A.b": "1" } })
        ),
        r#"'sticky={ cookie = "x", secure = true }' 'methods=["GET"]' 'set={ "X-A.b" = "1" }'"#
    );
    assert_eq!(
        told(json!({ "retries": null, "t": { "a": null, "b": 1 } })),
        "--unset retries --unset t.a t.b=1"
    );
    assert_eq!(told(json!({})), "");
}

#[test]
fn a_relative_file_becomes_the_path_that_the_daemon_needs() {
    let mut keys = of(&["html=pages/503.html", "json=/etc/503.json", "status=503"], &[]).expect("keys");
    absolute(&mut keys, &["html", "json", "absent"]);
    let here = std::env::current_dir().expect("a folder").join("pages/503.html");
    assert_eq!(
        Value::Object(keys),
        json!({ "html": here.to_str().expect("a path in UTF-8"), "json": "/etc/503.json", "status": 503 })
    );
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[a-z0-9./:*{}\\[\\]'\"=#\\\\ -]{0,12}".prop_map(Value::from),
        (-1e9..1e9).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-zA-Z0-9_.-]{0,6}", inner), 0..4)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_told_is_read_as_the_same(value in values()) {
        let word = format!("key={}", text(&value));
        let again = of(&[&word], &[]).expect("keys");
        prop_assert_eq!(again.get("key"), Some(&value), "{}", word);
    }
}
