//! A client of the Sozu command protocol: questions, answers, and what a subscriber is told.

use std::path::Path;

use super::channel::Channel;
use super::wire::{Answer, Ask, Event, Kind, Nothing, Status};

pub(crate) struct Sozu {
    channel: Channel,
}

impl Sozu {
    pub(crate) fn connect(socket: &Path) -> Sozu {
        Sozu { channel: Channel::connect(socket).expect("the daemon accepts") }
    }

    /// The last answer to a question, those that say that it is being worked on left out.
    pub(crate) fn ask(&mut self, ask: Ask) -> Answer {
        self.channel.send(ask).expect("the daemon takes it");
        loop {
            let answer = self.channel.next().expect("an answer").expect("no end yet");
            if answer.status() != Status::Processing {
                return answer;
            }
        }
    }

    /// What a question that must succeed is answered.
    pub(crate) fn done(&mut self, ask: Ask) -> Option<Kind> {
        let asked = format!("{ask:?}");
        let answer = self.ask(ask);
        assert_eq!(answer.status(), Status::Ok, "{asked}: {}", answer.message);
        answer.content.and_then(|content| content.kind)
    }

    /// Why a question is refused.
    pub(crate) fn refused(&mut self, ask: Ask) -> String {
        let asked = format!("{ask:?}");
        let answer = self.ask(ask);
        assert_eq!(answer.status(), Status::Failure, "{asked}: {answer:?}");
        assert!(!answer.message.is_empty(), "{asked}: no reason");
        answer.message
    }

    /// From now on it is told events.
    pub(crate) fn subscribe(&mut self) {
        self.channel.send(Ask::SubscribeEvents(Nothing {})).expect("the daemon takes it");
    }

    /// The next event; answers without one are left out.
    pub(crate) fn event(&mut self) -> Event {
        loop {
            let answer = self.channel.next().expect("an answer").expect("no end yet");
            assert_eq!(answer.status(), Status::Processing, "{}", answer.message);
            if let Some(Kind::Event(event)) = answer.content.and_then(|content| content.kind) {
                return event;
            }
        }
    }
}
