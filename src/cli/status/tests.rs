//! How the status looks.

use super::*;

fn status(json: serde_json::Value) -> Status {
    serde_json::from_value(json).expect("a status")
}

#[test]
fn the_status_shows_shards_listeners_and_what_is_down() {
    let shard = |shard: u16, hash: u64, turn: u64| {
        serde_json::json!({
            "shard": shard, "state": if hash == 0 { "not answering" } else { "running" }, "core": shard + 2,
            "uptime_s": 273_900, "restarts": 0, "connections": 10_000, "requests": 1_234_567_890_u64, "pooled": 128,
            "turn_max_us": turn, "state_hash": hash,
        })
    };
    let status = status(serde_json::json!({
        "version": "0.1.0", "pid": 4242, "uptime_s": 273_900, "generation": 17, "state_hash": 171, "draining": false,
        "shards": [shard(0, 171, 210), shard(1, 172, 9_999), shard(2, 0, 1_250_000)],
        "listeners": [
            { "listener": "web", "address": "0.0.0.0:8080", "active": true, "set": { "address": "0.0.0.0:8080" } },
            { "listener": "db", "address": "10.0.0.1:5432", "active": false,
              "set": { "address": "10.0.0.1:5432", "protocol": "tcp", "cluster": "db", "active": false } },
        ],
        "clusters": 12, "clusters_down": ["api", "images"],
    }));
    let text = tell(&status);
    assert_eq!(
        text,
        "\
ringway 0.1.0, process 4242, up 3d 4h, generation 17, state 00000000000000ab
3 shards, 2 listeners, 12 clusters: 10 up, 2 down

SHARD  STATE          CORE  UPTIME  RESTARTS  CLIENTS  REQUESTS     TURN  CONFIG
    0  running           2   3d 4h         0    10000     1234M   210 us  same
    1  running           3   3d 4h         0    10000     1234M  9999 us  other
    2  not answering     4   3d 4h         0    10000     1234M  1250 ms  ?

LISTENER  ADDRESS        PROTOCOL  STATE     OTHER KEYS
web       0.0.0.0:8080   http      active
db        10.0.0.1:5432  tcp       inactive  cluster=db

DOWN
api
images
"
    );
}

#[test]
fn a_shard_fits_a_line_of_80_columns() {
    let info = ShardInfo {
        shard: 127,
        state: "not answering".to_owned(),
        core: 127,
        uptime_s: 86_400 * 99,
        restarts: 12,
        connections: 99_999,
        requests: 9_999_999_999_999,
        pooled: 999,
        turn_max_us: 9_999,
        state_hash: 1,
    };
    for line in shards(&[info], 1).to_string().lines() {
        assert!(line.len() <= 80, "{} columns: {line}", line.len());
    }
}

#[test]
fn a_daemon_that_stops_says_so() {
    let status = status(serde_json::json!({
        "version": "0.1.0", "pid": 1, "uptime_s": 1, "generation": 0, "state_hash": 0, "draining": true,
        "shards": [], "listeners": [], "clusters": 1, "clusters_down": [],
    }));
    assert!(tell(&status).starts_with(
        "ringway 0.1.0, process 1, up 1s, generation 0, state 0000000000000000, stopping\n\
         0 shards, 0 listeners, 1 cluster: 1 up, 0 down\n"
    ));
}
