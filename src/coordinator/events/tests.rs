//! The ring of events.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use ringway_core::ClusterId;

use super::*;

fn added(n: u64) -> Event {
    Event::new(EventKind::ClusterAdded).because(n.to_string())
}

/// With `count` events, of which every third is of another kind.
fn filled(count: u64) -> Events {
    let events = Events::new();
    for n in 1..=count {
        let event = if n % 3 == 0 { Event::new(EventKind::BackendDown) } else { added(n) };
        assert_eq!(events.emit(event, None), n);
    }
    events
}

fn numbers(page: &Page) -> Vec<u64> {
    page.records.iter().map(|record| record.seq).collect()
}

#[test]
fn a_record_says_what_when_and_who() {
    let events = Events::new();
    let actor = Actor { uid: 1000, gid: 100, pid: 4711, session: 3 };
    let cluster = ClusterId::parse("api").expect("a name");
    let before = wall_ms();
    assert_eq!(events.emit(Event::new(EventKind::ClusterAdded).cluster(&cluster), Some(&actor)), 1);
    assert_eq!(events.emit(Event::new(EventKind::ClusterRecovered).cluster(&cluster), None), 2);
    let after = wall_ms();
    let page = events.read(1, &[], 10);
    let [first, second] = &page.records[..] else { panic!("{page:?}") };
    assert_eq!(
        (first.seq, first.event.kind, first.actor.as_ref()),
        (1, EventKind::ClusterAdded, Some(&actor))
    );
    assert_eq!(
        (second.seq, second.event.kind, second.actor.as_ref()),
        (2, EventKind::ClusterRecovered, None)
    );
    assert_eq!(second.event.cluster.as_ref(), Some(&cluster));
    assert!(before <= first.time_ms && first.time_ms <= second.time_ms && second.time_ms <= after);
}

#[test]
fn a_reader_goes_on_where_it_was() {
    let events = filled(10);
    let mut next = 1;
    let mut seen = Vec::new();
    while next < events.next() {
        let page = events.read(next, &[], 3);
        assert_eq!(page.missed, 0);
        assert!(page.records.len() <= 3);
        seen.extend(numbers(&page));
        next = page.next;
    }
    assert_eq!(seen, (1..=10).collect::<Vec<_>>());
    let nothing = Page { records: Vec::new(), next: 11, missed: 0 };
    assert_eq!(events.read(next, &[], 3), nothing);
}

#[test]
fn kinds_that_are_not_wanted_are_passed_over_once() {
    let events = filled(10);
    let page = events.read(1, &[EventKind::BackendDown], 2);
    assert_eq!((numbers(&page), page.next, page.missed), (vec![3, 6], 9, 0));
    let page = events.read(page.next, &[EventKind::BackendDown, EventKind::BackendUp], 2);
    assert_eq!((numbers(&page), page.next, page.missed), (vec![9], 11, 0));
    let page = events.read(1, &[EventKind::BackendUp], 2);
    assert_eq!((numbers(&page), page.next, page.missed), (vec![], 11, 0));
}

#[test]
fn before_the_first_event_there_is_nothing_to_miss() {
    let events = Events::new();
    assert_eq!(events.next(), 1);
    for since in [0, 1, 2, u64::MAX] {
        assert_eq!(events.read(since, &[], 10), Page { records: Vec::new(), next: 1, missed: 0 }, "{since}");
    }
}

#[test]
fn a_number_of_another_process_is_the_next_one() {
    let events = filled(4);
    assert_eq!(events.read(1_000, &[], 10), Page { records: Vec::new(), next: 5, missed: 0 });
    assert_eq!(numbers(&events.read(4, &[], 10)), [4]);
}

#[test]
fn what_is_not_kept_is_counted_exactly() {
    let kept = EVENTS_KEPT_MAX as u64;
    let events = filled(kept);
    assert_eq!(events.read(1, &[], 1).missed, 0);
    for n in 1..=100 {
        events.emit(added(n), None);
    }
    let oldest = 101;
    for (since, missed) in [(0, 100), (1, 100), (2, 99), (100, 1), (101, 0), (102, 0)] {
        let page = events.read(since, &[], 1);
        assert_eq!(page.missed, missed, "since {since}");
        assert_eq!(numbers(&page), [since.max(oldest)], "since {since}");
    }
    // Counted whatever they were: of the first 100, 33 were of this kind.
    let page = events.read(1, &[EventKind::BackendDown], 1);
    assert_eq!((page.missed, numbers(&page)), (100, vec![102]));
    assert_eq!(events.read(1, &[], usize::MAX).records.len(), EVENTS_KEPT_MAX);
}

#[test]
fn who_waits_is_woken_by_the_number_it_waits_for() {
    let events = filled(2);
    let mut context = Context::from_waker(Waker::noop());
    {
        let mut there = pin!(events.changed(2));
        assert_eq!(there.as_mut().poll(&mut context), Poll::Ready(()));
    }
    let mut third = pin!(events.changed(3));
    let mut fourth = pin!(events.changed(4));
    let mut fifth = pin!(events.changed(5));
    for waiting in [third.as_mut(), fourth.as_mut(), fifth.as_mut()] {
        assert_eq!(waiting.poll(&mut context), Poll::Pending);
    }
    events.emit(added(3), None);
    assert_eq!(third.as_mut().poll(&mut context), Poll::Ready(()));
    assert_eq!(fourth.as_mut().poll(&mut context), Poll::Pending);
    // Not polled in between: nothing is lost by that.
    events.emit(added(4), None);
    events.emit(added(5), None);
    assert_eq!(fifth.as_mut().poll(&mut context), Poll::Ready(()));
    assert_eq!(fourth.as_mut().poll(&mut context), Poll::Ready(()));
}

#[test]
fn who_waits_is_woken_even_if_it_never_looked() {
    let events = Events::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let reader = events.clone();
        let reader = tokio::task::spawn_local(async move {
            let mut seen = Vec::new();
            while seen.len() < 100 {
                reader.changed(seen.len() as u64 + 1).await;
                seen.extend(numbers(&reader.read(seen.len() as u64 + 1, &[], 7)));
            }
            seen
        });
        for n in 1..=100 {
            events.emit(added(n), None);
            if n % 9 == 0 {
                tokio::task::yield_now().await;
            }
        }
        assert_eq!(reader.await.expect("it reads"), (1..=100).collect::<Vec<_>>());
    });
}

#[test]
fn a_reason_stays_on_its_line_and_within_bounds() {
    let events = Events::new();
    events.emit(Event::new(EventKind::ConfigurationRejected).because("line 1\nline 2"), None);
    events.emit(Event::new(EventKind::ConfigurationRejected).because("x".repeat(1 << 20)), None);
    let page = events.read(1, &[], 2);
    assert_eq!(page.records[0].event.reason, r"line 1\nline 2");
    assert_eq!(page.records[1].event.reason.len(), REASON_BYTES_MAX);
}
