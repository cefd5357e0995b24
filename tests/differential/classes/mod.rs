//! The systematic variants: every known trick with framing, lines, fields and targets, spelled in every way we know of.

mod body;
mod connection;
mod fields;
mod framing;
mod lines;
mod target;

use crate::variant::Class;

/// All of them, in the order of the page.
pub(crate) fn all() -> Vec<Class> {
    let plain = Class::new("a plain request", "It is what the rest is compared with.")
        .with("GET", "GET /{M} HTTP/1.1\r\n{H}\r\n")
        .with("POST", "POST /{M} HTTP/1.1\r\n{H}Content-Length: 5\r\n\r\nhello");
    [
        vec![plain],
        framing::classes(),
        body::classes(),
        lines::classes(),
        fields::classes(),
        target::classes(),
        connection::classes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
