//! How limits look.

use super::*;

#[test]
fn every_key_is_shown_with_its_value_and_default() {
    let answer = r#"{"answer":"configuration","changes":[
        {"change":"daemon_update","set":{"max_connections_per_source":100,"drain_timeout":"5s"}}]}"#;
    let text = show(&serde_json::from_str(answer).expect("an answer")).expect("it is one");
    let rows: Vec<Vec<_>> =
        text.lines().map(|line| line.split("  ").filter(|cell| !cell.is_empty()).collect()).collect();
    let cells = |row: &[&str]| row.iter().map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let row = |key: &str| rows.iter().find(|row| row[0].trim() == key).map(|row| cells(row)).expect(key);
    assert_eq!(row("max_connections_per_source"), ["max_connections_per_source", "100", "no limit"]);
    assert_eq!(row("drain_timeout"), ["drain_timeout", "5s", "30s"]);
    assert_eq!(row("log_level"), ["log_level", "info", "info"]);
    assert_eq!(rows.len(), 1 + Section::Daemon.own_keys().count());
}
