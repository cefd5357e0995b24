//! How rules look.

use super::*;

#[test]
fn rules_show_host_path_listeners_and_what_else_they_say() {
    let rules = serde_json::json!([
        {},
        { "cluster": "api", "hostname": "*.example.com", "path": "/a", "listeners": ["web", "tls"] },
        { "path_regex": "/v[0-9]+", "methods": ["GET"], "redirect": "https://b" },
    ]);
    let rules: Vec<Keys> = serde_json::from_value(rules).expect("keys");
    assert_eq!(
        table(&rules, None).to_string(),
        "\
HOST           PATH        LISTENERS  CLUSTER  OTHER KEYS
*              /           all        -
*.example.com  = /a        web,tls    api
*              ~ /v[0-9]+  all        -        'methods=[\"GET\"]' redirect=https://b
"
    );
}
