//! Answers of our own in the form the client wants, with the operator's texts and the request's id.

use super::accept::Form;
use super::limits::TEXT_BYTES_MAX;
use super::page::Page;
use super::status::Status;

/// What an operator wants to be said with one status.
///
/// `{status}`, `{reason}` and `{request_id}` stand for the number, its name and the request's id. What is put in is made of
/// letters, digits, spaces, `-`, `_` and `.`, so that it needs no escaping in a text, an attribute or a JSON string. Other
/// braces are left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnswerText<'a> {
    /// One of [`Status::ALL`].
    pub status: u16,
    /// For people; UTF-8. Without it they get the built-in page.
    pub html: Option<&'a [u8]>,
    /// For programs; UTF-8. Without it they get the built-in object.
    pub json: Option<&'a [u8]>,
}

/// Why an operator's texts can not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnswersError {
    /// It would never be used.
    #[error(
        "no answer of Ringway's own has status {status}, so its text would never be used; texts can be given for {}",
        codes()
    )]
    UnknownStatus {
        /// What was given.
        status: u16,
    },
    /// Which of the two is meant?
    #[error("the {form} text for status {status} is given twice; remove one of the two")]
    Twice {
        /// Whose it is.
        status: Status,
        /// For whom it is.
        form: &'static str,
    },
    /// It would have to be copied for each answer.
    #[error(
        "the {form} text for status {status} has {bytes} bytes, more than the {TEXT_BYTES_MAX} that an answer may have; \
         put large pictures and scripts elsewhere and link to them"
    )]
    TooLarge {
        /// Whose it is.
        status: Status,
        /// For whom it is.
        form: &'static str,
        /// How large it is.
        bytes: usize,
    },
    /// It is sent as UTF-8.
    #[error(
        "the {form} text for status {status} is not UTF-8 from byte {at} on (counted from 0); save the file as UTF-8"
    )]
    NotUtf8 {
        /// Whose it is.
        status: Status,
        /// For whom it is.
        form: &'static str,
        /// Of the first byte that is not.
        at: usize,
    },
}

fn codes() -> String {
    Status::ALL.map(|status| status.to_string()).join(", ")
}

/// What an answer must know of its request.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The value of its Accept field, the first if there are several.
    pub accept: Option<&'a [u8]>,
    /// Whether the client may go on using the connection; else the answer says that it ends.
    pub keep_alive: bool,
    /// It was HEAD: the answer says how long its body would be, and has none.
    pub to_head: bool,
    /// Its name in the logs. Bytes that are no letter, digit, `-`, `_` or `.` are written as `-`.
    pub request_id: &'a [u8],
}

/// Every answer in every form. Made once, shared by all shards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    /// In the order of [`Status::ALL`] and [`Form::ALL`].
    pages: Box<[[Page; Form::ALL.len()]]>,
}

impl Default for Answers {
    /// The built-in ones.
    fn default() -> Answers {
        let built_in =
            |status| Form::ALL.map(|form| Page::new(status, form, built_in(status, form).as_bytes()));
        Answers { pages: Status::ALL.into_iter().map(built_in).collect() }
    }
}

impl Answers {
    /// The built-in answers, but for those that an operator gave texts for.
    pub fn compile(texts: &[AnswerText<'_>]) -> Result<Answers, AnswersError> {
        let mut answers = Answers::default();
        let mut given = vec![[false; Form::ALL.len()]; Status::ALL.len()];
        for text in texts {
            let unknown = AnswersError::UnknownStatus { status: text.status };
            let status = Status::from_code(text.status).ok_or(unknown)?;
            for (form, name, bytes) in [(Form::Html, "HTML", text.html), (Form::Json, "JSON", text.json)] {
                let Some(bytes) = bytes else { continue };
                check(status, name, bytes)?;
                if std::mem::replace(&mut given[status.index()][form as usize], true) {
                    return Err(AnswersError::Twice { status, form: name });
                }
                answers.pages[status.index()][form as usize] = Page::new(status, form, bytes);
            }
        }
        Ok(answers)
    }

    /// Appends the complete answer with `status` in the form that the client wants.
    pub fn write(&self, status: Status, asked: &Asked<'_>, out: &mut Vec<u8>) {
        let form = Form::wanted(asked.accept);
        self.pages[status.index()][form as usize].write(asked, out);
    }
}

fn check(status: Status, form: &'static str, text: &[u8]) -> Result<(), AnswersError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(AnswersError::TooLarge { status, form, bytes: text.len() });
    }
    match std::str::from_utf8(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(AnswersError::NotUtf8 { status, form, at: error.valid_up_to() }),
    }
}

/// What is said where no operator said anything else. Self-contained: a page in trouble asks for nothing more.
fn built_in(status: Status, form: Form) -> String {
    let advice = status.advice();
    match form {
        Form::Plain => format!("{{status}} {{reason}}: {advice}\nRequest id: {{request_id}}\n"),
        Form::Html => format!(
            "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\"><title>{{status}} {{reason}}</title></head>\n\
             <body>\n<h1>{{status}} {{reason}}</h1>\n<p>{advice}</p>\n\
             <p>Request id: <code>{{request_id}}</code></p>\n</body>\n</html>\n"
        ),
        Form::Json => format!(
            "{{\"status\":{{status}},\"reason\":\"{{reason}}\",\"message\":\"{advice}\",\
             \"request_id\":\"{{request_id}}\"}}\n"
        ),
    }
}
