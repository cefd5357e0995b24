//! The kernel's accounting files in the forms it writes.

use super::{Schedstat, Spent, Stat, Usage};

fn usage(threads: &[(u32, u64, u64)], user_ticks: u64, system_ticks: u64) -> Usage {
    let threads = threads.iter().map(|&(tid, ran_ns, waited_ns)| (tid, Schedstat { ran_ns, waited_ns }));
    Usage { threads: threads.collect(), user_ticks, system_ticks }
}

#[test]
fn schedstat_gives_time_on_a_core_and_time_waiting_for_one() {
    let read = Schedstat::parse("1234567890 37916 42\n");
    assert_eq!(read, Some(Schedstat { ran_ns: 1_234_567_890, waited_ns: 37_916 }));
}

#[test]
fn schedstat_in_another_form_is_refused() {
    assert_eq!(Schedstat::parse(""), None);
    assert_eq!(Schedstat::parse("12\n"), None);
    assert_eq!(Schedstat::parse("1.5 2 3\n"), None);
}

#[test]
fn stat_is_read_past_a_program_name_with_blanks_and_parentheses() {
    let line = "4217 (nginx: (w) x) S 4200 4200 1 0 -1 4194624 1 2 3 4 501 1502 0 0 20 0 1 0 99 1 2\n";
    let read = Stat::parse(line);
    assert_eq!(read, Some(Stat { state: 'S', group: 4200, user_ticks: 501, system_ticks: 1502 }));
}

#[test]
fn stat_that_is_cut_short_is_refused() {
    assert_eq!(Stat::parse("4217 (nginx) S 4200 4200 1 0"), None);
    assert_eq!(Stat::parse("4217 nginx S"), None);
}

#[test]
fn time_is_the_sum_over_threads_and_new_threads_count_from_their_start() {
    let before = usage(&[(10, 1000, 10), (11, 500, 0)], 5, 50);
    let after = usage(&[(10, 1600, 15), (11, 500, 0), (12, 70, 1)], 7, 58);
    let expected = Spent { ran_ns: 670, waited_ns: 6, user_ticks: 2, system_ticks: 8, ended_threads: 0 };
    assert_eq!(after.since(&before), expected);
}

#[test]
fn a_thread_that_ended_is_counted() {
    let before = usage(&[(10, 1000, 0), (11, 500, 0)], 0, 0);
    let after = usage(&[(10, 1100, 0)], 0, 0);
    assert_eq!(after.since(&before).ended_threads, 1);
    assert_eq!(after.since(&before).ran_ns, 100);
}

#[test]
fn this_process_is_found_in_its_own_group_and_consumes_time() {
    let pid = std::process::id();
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let group = Stat::parse(&text).unwrap().group;
    assert!(super::processes_of(group).unwrap().contains(&pid));
    assert!(Usage::of(&[pid]).unwrap().since(&Usage::default()).ran_ns > 0);
}
