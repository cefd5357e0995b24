//! What a subscriber is told: pages of the coordinator's events, from a number on.
//!
//! It keeps a number and no events, so a slow subscriber costs nothing; one that comes back later than the events are kept is
//! told exactly how many it missed.

use ringway_core::{Address, Answer, EventKind, Record};

use super::limits::EVENTS_PAGE;
use super::reply;
use super::translate::address::to_wire;
use super::wire::{self, ContentType, Response, ResponseStatus};
use crate::coordinator::Events;

pub(super) struct Subscription {
    /// The number of the next event.
    next: u64,
    /// Empty: all.
    kinds: Vec<EventKind>,
    /// It came as a verb in JSON, and is told in JSON.
    ours: bool,
    /// It ends when something is missed.
    no_gaps: bool,
    is_over: bool,
}

impl Subscription {
    pub(super) fn new(next: u64, kinds: Vec<EventKind>, ours: bool, no_gaps: bool) -> Subscription {
        Subscription { next, kinds, ours, no_gaps, is_over: false }
    }

    /// What it was told is the last.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// The bytes of the next responses, at least one. Cancel-safe: what is not returned is told the next time.
    pub(super) async fn next(&mut self, events: &Events) -> Vec<u8> {
        loop {
            let page = events.read(self.next, &self.kinds, EVENTS_PAGE);
            self.next = page.next;
            let mut out = Vec::new();
            if page.missed > 0 {
                reply::write(&self.missed(page.missed), &mut out);
                if self.no_gaps {
                    self.is_over = true;
                    return out;
                }
            }
            for record in &page.records {
                reply::write(&self.event(record), &mut out);
            }
            if !out.is_empty() {
                return out;
            }
            events.changed(self.next).await;
        }
    }

    fn missed(&self, missed: u64) -> Response {
        if self.ours {
            return reply::answer(ResponseStatus::Processing, &Answer::Missed { missed });
        }
        reply::processing(format!("{missed} events were missed: they came faster than they were read"), None)
    }

    fn event(&self, record: &Record) -> Response {
        if self.ours {
            let answer = Answer::Event(Box::new(record.clone()));
            return reply::answer(ResponseStatus::Processing, &answer);
        }
        let event = &record.event;
        let content = wire::Event {
            // At most three digits.
            kind: event.kind.number() as i32,
            cluster_id: event.cluster.as_ref().map(ToString::to_string),
            backend_id: event.backend.as_ref().map(ToString::to_string),
            address: event.address.as_ref().and_then(Address::ip).map(to_wire),
            metric_detail: None,
        };
        reply::processing(event.to_string(), Some(ContentType::Event(content)))
    }
}
