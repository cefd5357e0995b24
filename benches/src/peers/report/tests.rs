//! The page for a run of two peers.

use super::{json, markdown};
use crate::cli::Kind;
use crate::outcome::Outcome;
use crate::outcome::tests::{measured, outcome, round};
use crate::peer::Skipped;

fn run() -> Outcome {
    let ours = measured(Kind::Ringway, vec![round(90_000, 10), round(100_000, 9), round(80_000, 11)]);
    let theirs = measured(Kind::Nginx, vec![round(60_000, 20), round(50_000, 18), round(40_000, 22)]);
    let mut outcome = outcome(vec![ours, theirs]);
    outcome.skipped.push(Skipped { kind: Kind::Haproxy, reason: "install it with `apt-get`".to_owned() });
    outcome
}

#[test]
fn each_peer_has_a_row_with_median_and_spread() {
    let page = markdown(&run());
    let row = page.lines().find(|line| line.starts_with("| ringway")).unwrap();
    let cells: Vec<&str> = row.split('|').map(str::trim).collect();
    assert_eq!(cells[2], "10.00 (9.00 – 11.00)");
    assert_eq!(cells[3], "25 %");
    assert_eq!(cells[5], "90 %");
    assert_eq!(cells[6], "90000 (80000 – 100000)");
    assert_eq!(cells[7], "2.22");
    assert_eq!(cells[10], "1");
    let row = page.lines().find(|line| line.starts_with("| nginx")).unwrap();
    assert!(row.contains("| 0.500 (0.500 – 0.500) | 2.000 (1.500 – 2.000) |"), "{row}");
}

#[test]
fn all_rows_have_as_many_cells_as_the_head() {
    let page = markdown(&run());
    let table: Vec<&str> = page.lines().take_while(|line| line.starts_with('|')).collect();
    assert_eq!(table.len(), 4);
    let cells = |line: &&str| line.matches('|').count();
    assert!(table.iter().all(|line| cells(line) == cells(&table[0])), "{page}");
}

#[test]
fn a_missing_peer_is_named_with_its_remedy() {
    assert!(markdown(&run()).contains("- **not measured: haproxy**: install it with `apt-get`"));
}

#[test]
fn errors_stand_out_in_the_row_and_below() {
    let mut outcome = run();
    outcome.measured[1].rounds[2].load.errors.read = 7;
    let page = markdown(&outcome);
    assert!(page.lines().any(|line| line.starts_with("| nginx") && line.contains("| **7** |")), "{page}");
    assert!(page.contains("- **doubt**: nginx: 7 errors"), "{page}");
}

#[test]
fn json_holds_every_round_and_the_ratios() {
    let text = json(&run()).to_string();
    assert_eq!(text.matches("\"busy_share\":").count(), 3 + 2 * 3);
    assert!(text.contains(r#""cpu_ratio":{"min":0.5,"lower_quartile":0.5,"median":0.5,"#), "{text}");
    assert!(text.contains(r#""not_measured":["haproxy: install it with `apt-get`"]"#), "{text}");
}
