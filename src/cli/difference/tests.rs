//! How changes are told.

use super::*;

fn changes() -> Vec<Change> {
    let json = r#"[
        {"change":"daemon_update","set":{"log_level":"debug"}},
        {"change":"listener_add","listener":"web","set":{"address":"0.0.0.0:80"}},
        {"change":"listener_deactivate","listener":"old"},
        {"change":"cluster_update","cluster":"api","set":{"retries":2,"slow_start":null}},
        {"change":"frontend_add","cluster":"api","set":{}},
        {"change":"frontend_remove","cluster":"api","set":{"hostname":"a.example.com"}},
        {"change":"backend_add","cluster":"api","backend":"api-1","set":{"address":"10.0.0.1:80","weight":5}},
        {"change":"backend_remove","cluster":"api","backend":"api-2"},
        {"change":"health_check_set","cluster":"api","set":{"path":"/health"}},
        {"change":"route_add","set":{"path":"/a","redirect":"https://b/{path}"}},
        {"change":"answer_remove","status":503}
    ]"#;
    serde_json::from_str(json).expect("changes")
}

#[test]
fn each_change_is_a_line_with_its_sign() {
    assert_eq!(
        lines(&changes()),
        "~ daemon log_level=debug\n\
         + listener web address=0.0.0.0:80\n\
         ~ listener old active=false\n\
         ~ cluster api retries=2 --unset slow_start\n\
         + frontend api\n\
         - frontend api hostname=a.example.com\n\
         + backend api api-1 address=10.0.0.1:80 weight=5\n\
         - backend api api-2\n\
         ~ health-check api path=/health\n\
         + route path=/a 'redirect=https://b/{path}'\n\
         - answer 503\n"
    );
}

#[test]
fn the_end_says_how_many_and_what_was_done() {
    let changes = changes();
    assert_eq!(summary(&changes), "4 added, 4 changed, 3 removed");
    assert!(
        told(7, true, &changes, 11).ends_with(
            "would be 11 changes: 4 added, 4 changed, 3 removed; nothing was done, generation 7\n"
        )
    );
    assert_eq!(told(8, false, &[], 1), "1 change; generation 8\n");
    assert_eq!(told(8, false, &changes[10..], 1), "- answer 503\n1 change: 1 removed; generation 8\n");
    assert_eq!(told(8, false, &[], 0), "nothing had to change; generation 8\n");
    assert_eq!(told(8, true, &[], 0), "nothing would change; generation 8\n");
}
