//! Reports as wrk 4.1 prints them.

use super::{Errors, ReportError, parse};

const CLEAN: &str = "\
Running 3s test @ http://127.0.0.1:8000/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.21ms    2.01ms  30.12ms   96.40%
    Req/Sec    53.24k     3.10k   58.01k    83.33%
  159000 requests in 3.01s, 20.10MB read
Requests/sec:  52890.15
Transfer/sec:      6.68MB
";

#[test]
fn a_clean_report_gives_requests_time_and_bytes() {
    let load = parse(CLEAN).unwrap();
    assert_eq!(load.requests, 159_000);
    assert_eq!(load.seconds, 3.01);
    assert_eq!(load.bytes, 20.10 * 1024.0 * 1024.0);
    assert_eq!(load.errors.total(), 0);
}

#[test]
fn socket_errors_and_failed_answers_are_counted_by_kind() {
    let report = "\
  8400 requests in 1.02m, 512.00B read
  Socket errors: connect 1, read 20, write 3, timeout 4
  Non-2xx or 3xx responses: 500
Requests/sec:   1234.00
";
    let load = parse(report).unwrap();
    assert_eq!(load.seconds, 1.02 * 60.0);
    assert_eq!(load.bytes, 512.0);
    assert_eq!(load.errors, Errors { connect: 1, read: 20, write: 3, timeout: 4, status: 500 });
    assert_eq!(load.errors.total(), 528);
}

#[test]
fn a_run_below_a_second_is_read_in_milliseconds() {
    assert_eq!(parse("  10 requests in 850.00ms, 1.50KB read\n").unwrap().seconds, 0.85);
}

#[test]
fn a_report_without_totals_is_refused() {
    assert_eq!(parse("unable to connect to 127.0.0.1:1 Connection refused\n"), Err(ReportError::NoTotals));
    assert_eq!(parse("  many requests in 3.00s, 1.00KB read\n"), Err(ReportError::NoTotals));
    assert_eq!(parse("  10 requests in 3.00 fortnights, 1.00KB read\n"), Err(ReportError::NoTotals));
}

#[test]
fn errors_in_an_unknown_form_are_refused_and_not_taken_for_none() {
    let totals = "  10 requests in 3.00s, 1.00KB read\n";
    let unknown_kind = format!("{totals}  Socket errors: connect 0, tls 5\n");
    assert!(matches!(parse(&unknown_kind), Err(ReportError::SocketErrors(_))));
    let unknown_count = format!("{totals}  Non-2xx or 3xx responses: few\n");
    assert!(matches!(parse(&unknown_count), Err(ReportError::FailedAnswers(_))));
}
