//! Answers of our own: that a strict parser reads them as they were meant, whatever was asked.

mod fixed;
mod pages;
mod redirect;

use super::super::{BodyLength, HeadLimits, HeadProgress, Method, Parsed, Scratch, response};

/// An answer as our own parser understands it.
#[derive(Debug, PartialEq, Eq)]
struct Read {
    status: u16,
    keep_alive: bool,
    length: BodyLength,
    /// In lower case, with their values.
    fields: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Read {
    #[track_caller]
    fn of(answer: &[u8], to_head: bool) -> Read {
        let method = if to_head { Method::Head } else { Method::Get };
        let limits = HeadLimits { head_bytes: 1 << 20, ..HeadLimits::default() };
        let mut scratch = Scratch::new();
        let parsed = response::parse(answer, method, &limits, &mut HeadProgress::default(), &mut scratch);
        let Ok(Parsed::Complete(response)) = parsed else { panic!("{}: {parsed:?}", answer.escape_ascii()) };
        let field = |header: &super::super::Header<'_>| {
            (header.name.to_ascii_lowercase(), String::from_utf8(header.value.to_vec()).expect("ASCII"))
        };
        Read {
            status: response.status,
            keep_alive: response.keep_alive,
            length: response.body,
            fields: response.headers().iter().map(field).collect(),
            body: answer[response.head_len..].to_vec(),
        }
    }

    /// The value of a field that is there once, or not at all.
    #[track_caller]
    fn field(&self, name: &str) -> Option<&str> {
        let mut values =
            self.fields.iter().filter(|(field, _)| field == name).map(|(_, value)| value.as_str());
        let value = values.next();
        assert_eq!(values.next(), None, "{name} is given twice");
        value
    }

    fn names(&self) -> Vec<&str> {
        self.fields.iter().map(|(name, _)| name.as_str()).collect()
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }
}
