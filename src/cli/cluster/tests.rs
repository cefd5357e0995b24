//! How clusters look.

use super::*;

fn infos() -> Vec<ClusterInfo> {
    let json = serde_json::json!([
        {
            "cluster": "api", "available": true, "hash": 16, "set": { "retries": 2, "sticky": { "cookie": "x" } },
            "frontends": [{ "hostname": "a.example.com", "path_prefix": "/api", "strip_prefix": true }],
            "backends": [
                { "backend": "api-1", "address": "10.0.0.1:80", "state": "up", "requests": 3, "connections": 5,
                  "set": { "address": "10.0.0.1:80" } },
                { "backend": "api-2", "address": "unix:/run/api", "state": "unhealthy: 503", "requests": 0,
                  "connections": 1, "set": { "address": "unix:/run/api", "weight": 5 } },
            ],
        },
        { "cluster": "empty", "available": false, "hash": 0, "set": {}, "frontends": [], "backends": [] },
    ]);
    serde_json::from_value(json).expect("clusters")
}

#[test]
fn the_list_has_a_line_for_each() {
    assert_eq!(
        list(&infos()),
        "\
CLUSTER  STATE  UP  BACKENDS  FRONTENDS  REQUESTS  CONNECTIONS
api      up      1         2          1         3            6
empty    down    0         0          0         0            0
"
    );
}

#[test]
fn one_is_shown_with_its_keys_frontends_and_backends() {
    assert_eq!(
        show(&infos()),
        "\
cluster api: up, hash 0000000000000010
  retries = 2
  sticky = { cookie = \"x\" }

HOST           PATH  LISTENERS  CLUSTER  OTHER KEYS
a.example.com  /api  all        api      strip_prefix=true

CLUSTER  BACKEND  ADDRESS        WEIGHT  REQUESTS  CONNECTIONS  STATE
api      api-1    10.0.0.1:80       100         3            5  up
api      api-2    unix:/run/api       5         0            1  unhealthy: 503
cluster empty: down, hash 0000000000000000
"
    );
}
